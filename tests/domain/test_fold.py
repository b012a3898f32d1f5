"""The promise of the log, first half: how a text was cut into chunks leaves no trace in the message."""

import itertools
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatapp.domain.events import Attempt, Chunk, Done, Error, Logged, Reasoning, RunEvent, ToolCall
from chatapp.domain.fold import Snapshot, fold
from chatapp.domain.messages import (
    Failure,
    FinishReason,
    Message,
    ReasoningPart,
    Seam,
    Status,
    TextPart,
    ToolCallPart,
    Usage,
)
from tests.drawn import BLANK, cut_anywhere, logged, runs_of_events


def folded(events: list[RunEvent]) -> Message:
    return reduce(fold, events, BLANK)


@given(st.data())
def test_any_split_into_chunks_folds_to_the_same_message(data: st.DataObject):
    """However a text is cut on its way, between any other events, the message is the same in every field."""
    whole = data.draw(runs_of_events())
    cut = data.draw(cut_anywhere(whole))
    assert folded(cut) == folded(whole)


@given(runs_of_events())
def test_the_text_is_the_chunks_joined_byte_for_byte(events: list[RunEvent]):
    """Nothing is added, dropped or normalised; an attempt keeps exactly the characters that it says."""
    text = ""
    for event in events:
        if isinstance(event, Chunk):
            text += event.content
        elif isinstance(event, Attempt):
            text = text[: event.keep_chars]
    assert folded(events).text == text


@given(runs_of_events())
def test_parts_are_never_empty_and_neighbours_of_a_kind_are_one(events: list[RunEvent]):
    """The parts are a normal form: otherwise two logs of one text could show differently."""
    parts = folded(events).parts
    assert all(part.text for part in parts if isinstance(part, TextPart | ReasoningPart))
    for one, next_one in itertools.pairwise(parts):
        assert one.kind != next_one.kind or one.kind not in {"text", "reasoning"}


@given(runs_of_events(), st.data())
def test_folding_in_any_number_of_steps_gives_the_same_snapshot(events: list[RunEvent], data: st.DataObject):
    """A reader may stop after any record and go on later, even if some records are sent to it twice."""
    records = logged(events)
    whole = Snapshot(message=BLANK).after(records)
    at = data.draw(st.integers(0, len(records)))
    again = data.draw(st.integers(0, at))
    assert Snapshot(message=BLANK).after(records[:at]).after(records[again:]) == whole
    assert whole.seq == len(records)


def test_a_missing_record_is_noticed():
    """A gap is an error at once, never a silent hole in a reply."""
    first, _, third = logged([Chunk(content="a"), Chunk(content="b"), Chunk(content="c")])
    with pytest.raises(ValueError, match="seq 3 follows 1"):
        Snapshot(message=BLANK).after([first, third])


def test_a_run_from_its_attempt_to_its_end_fills_the_message():
    """Each event has its field: model, reasoning, text, tool calls, failure, usage, status."""
    failure = Failure(code="provider_timeout", message="It stopped.")
    message = folded(
        [
            Attempt(attempt=1, model="openai:mock", reason="start"),
            Reasoning(content="hm"),
            Chunk(content="Hello"),
            ToolCall(id="1", name="clock", arguments="{}"),
            Error(failure=failure),
            Done(status=Status.FAILED, finish_reason=FinishReason.STOP, usage=Usage(output_tokens=3)),
        ]
    )
    assert message.parts == (
        ReasoningPart(text="hm"),
        TextPart(text="Hello"),
        ToolCallPart(id="1", name="clock", arguments="{}"),
    )
    assert (message.model, message.failure, message.status) == ("openai:mock", failure, Status.FAILED)
    assert (message.finish_reason, message.usage) == (FinishReason.STOP, Usage(output_tokens=3))


def test_a_later_attempt_takes_the_failure_back():
    """A reply that was taken over does not show why an earlier attempt ended."""
    message = folded(
        [
            Error(failure=Failure(code="x", message="y")),
            Attempt(attempt=2, model="m", reason="takeover", keep_chars=0),
        ]
    )
    assert message.failure is None
    assert message.status is Status.STREAMING


def test_an_attempt_drops_what_came_after_the_text_it_keeps():
    """Thoughts and tool steps that led to text which is taken back go with it."""
    records: list[Logged] = logged(
        [
            Chunk(content="one "),
            Reasoning(content="then two"),
            Chunk(content="two"),
            Attempt(attempt=2, model="m", reason="the model started again", keep_chars=2),
        ]
    )
    assert Snapshot(message=BLANK).after(records).message.parts == (TextPart(text="on"),)


def test_another_attempt_leaves_a_seam():
    """Who went on, from which character, after whom and why; the first attempt takes over from nobody."""
    message = folded(
        [
            Attempt(attempt=1, model="x:a", reason="start"),
            Chunk(content="one two"),
            Attempt(attempt=1, model="x:b", reason="It stopped.", keep_chars=7),
            Attempt(attempt=2, model="x:b", reason="the model started again", keep_chars=4),
            Chunk(content="drei"),
        ]
    )
    assert message.text == "one drei"
    assert message.model == "x:b"
    fallback = Seam(at_chars=4, model="x:b", reason="It stopped.", before="x:a")
    again = Seam(at_chars=4, model="x:b", reason="the model started again", before="x:b")
    assert message.seams == (fallback, again)
    assert [seam.is_fallback for seam in message.seams] == [True, False]


@given(runs_of_events())
def test_seams_are_in_order(events: list[RunEvent]):
    """Whatever is taken back, no seam is behind a later one, and each attempt but the first has one."""
    seams = folded(events).seams
    assert [seam.at_chars for seam in seams] == sorted(seam.at_chars for seam in seams)
    assert len(seams) == sum(isinstance(event, Attempt) for event in events) - 1
