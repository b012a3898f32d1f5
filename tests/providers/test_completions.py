"""Chunks of completions become the same events, whatever the dialect and however the network cuts them."""

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatapp.domain.errors import ProviderBusy, ProviderGarbage, ProviderRefused, ProviderUnreachable
from chatapp.domain.events import Chunk, Reasoning, ToolCall
from chatapp.domain.messages import FinishReason, Usage
from chatapp.providers.base import StepEnd, StepEvent
from chatapp.providers.completions import CompletionReader
from chatapp.providers.sse import Splitter
from chatapp.providers.step_reader import MAX_UNREADABLE
from tests.providers.asking import end, said, thought


def chunk(delta: object = None, finish: str | None = None, **more: object) -> bytes:
    """The data of one event."""
    value = {"choices": [{"index": 0, "delta": delta or {}, "finish_reason": finish}], **more}
    return json.dumps(value).encode()


def read(*events: bytes, batches: bool = False) -> list[StepEvent]:
    """All events of a step that ends well; each event in a read of its own if `batches`."""
    reader = CompletionReader()
    reads = [[event] for event in events] if batches else [list(events)]
    return [event for one in reads for event in reader.read(one)] + reader.end()


def merged(events: Sequence[StepEvent]) -> list[StepEvent]:
    """Neighbours of one kind joined: batches leave no other trace."""
    out: list[StepEvent] = []
    for event in events:
        last = out[-1] if out else None
        if isinstance(event, Chunk | Reasoning) and type(last) is type(event):
            out[-1] = type(event)(content=last.content + event.content)
        else:
            out.append(event)
    return out


STOP = chunk(finish="stop")

PIECES = st.one_of(
    st.builds(lambda text: {"content": text}, st.text(st.characters())),  # lone surrogates and NUL included
    st.builds(lambda text: {"reasoning_content": text}, st.text()),
    st.builds(lambda text: {"reasoning": text, "content": None}, st.text()),
    st.builds(
        lambda index, text: {"tool_calls": [{"index": index, "id": "x", "function": {"arguments": text}}]},
        st.integers(0, 3),
        st.text(),
    ),
)


@given(
    pieces=st.lists(PIECES), cuts=st.lists(st.integers(0, 100_000)), ascii=st.booleans(), crlf=st.booleans()
)
def test_any_cut_of_any_stream_gives_the_same_events(
    pieces: list[Any], cuts: list[int], ascii: bool, crlf: bool
) -> None:
    """The promise of the wire: what is shown does not depend on how the network brings it."""
    chunks = [{"choices": [{"delta": piece}]} for piece in pieces] + [
        {"choices": [{"finish_reason": "stop"}]}
    ]
    written = [json.dumps(one, ensure_ascii=ascii).encode("utf-8", "surrogatepass") for one in chunks]
    ends = b"\r\n" if crlf else b"\n"
    stream = b"".join(b"data: " + one + ends * 2 for one in [*written, b"[DONE]"])
    places = sorted({0, *(cut % (len(stream) + 1) for cut in cuts), len(stream)})

    def events(reads: list[bytes]) -> list[StepEvent]:
        splitter, reader = Splitter(), CompletionReader()
        return merged([event for one in reads for event in reader.read(splitter.feed(one))] + reader.end())

    whole = events([stream])
    assert events([stream[a:b] for a, b in pairwise(places)]) == whole
    said(whole).encode()
    thought(whole).encode()
    assert "\0" not in said(whole)
    assert isinstance(whole[-1], StepEnd)


def test_neighbours_in_one_read_become_one_event() -> None:
    """So that the cost follows the reads and not the tokens."""
    assert read(chunk({"content": "a"}), chunk({"content": "b"}), STOP)[0] == Chunk(content="ab")


@pytest.mark.parametrize("batches", [True, False])
def test_halves_of_a_surrogate_pair_are_joined(batches: bool) -> None:
    """Servers that count in UTF-16 cut emoji in two."""
    events = read(chunk({"content": "a\ud83d"}), chunk({"content": "\ude42b"}), STOP, batches=batches)
    assert said(events) == "a🙂b"


@pytest.mark.parametrize(
    ("delta", "text"),
    [
        ({"content": "a\0b"}, "ab"),
        ({"content": "\ud83d"}, "\ufffd"),
        ({"content": "x\ude42"}, "x\ufffd"),
        ({"content": [{"type": "text", "text": "from "}, {"type": "text", "text": "parts"}]}, "from parts"),
        ({"content": 7}, ""),
        ({"refusal": "I cannot"}, "I cannot"),
        ({"role": 3, "content": "x", "tool_calls": "nonsense"}, "x"),
        (["nonsense"], ""),
    ],
)
def test_odd_deltas(delta: object, text: str) -> None:
    """Types that do not fit are looked at with patience."""
    assert said(read(chunk(delta), STOP)) == text


def test_invalid_utf8_becomes_replacement_characters() -> None:
    """A crash would cost the whole reply."""
    assert said(read(b'{"choices":[{"delta":{"content":"a\xff\xf0b"}}]}', STOP)) == "a\ufffd\ufffdb"


def test_reasoning_by_either_name() -> None:
    """DeepSeek's and OpenRouter's."""
    events = read(chunk({"reasoning_content": "a"}), chunk({"reasoning": "b"}), chunk({"content": "c"}), STOP)
    assert (thought(events), said(events)) == ("ab", "c")


def test_tool_calls_are_whole_and_come_before_the_end() -> None:
    """Pieces are joined by index."""
    pieces = [
        {"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"x"'}},
        {"index": 1, "id": "b", "function": {"name": "g", "arguments": ""}},
        {"index": 0, "function": {"arguments": ":1}"}},
    ]
    events = read(*(chunk({"tool_calls": [piece]}) for piece in pieces), chunk(finish="tool_calls"))
    assert events[:-1] == [
        ToolCall(id="a", name="f", arguments='{"x":1}'),
        ToolCall(id="b", name="g", arguments=""),
    ]
    assert end(events).finish_reason is FinishReason.TOOL_CALLS


def test_tool_calls_without_an_index() -> None:
    """Some servers send whole calls, arguments as an object, and no index."""
    pieces = [
        {"id": "a", "function": {"name": "f", "arguments": {"x": 1}}},
        {"id": "b", "function": {"name": "g"}},
    ]
    events = read(*(chunk({"tool_calls": [piece]}) for piece in pieces), STOP)
    assert [event.name for event in events if isinstance(event, ToolCall)] == ["f", "g"]
    assert events[0] == ToolCall(id="a", name="f", arguments='{"x": 1}')


def test_usage_is_kept_wherever_it_comes() -> None:
    """In a chunk without choices (OpenAI), or in every chunk (others)."""
    usage = {"prompt_tokens": 3, "completion_tokens": 5}
    late = json.dumps({"choices": [], "usage": usage}).encode()
    assert end(read(chunk({"content": "a"}), STOP, late)).usage == Usage(input_tokens=3, output_tokens=5)
    assert end(read(chunk({"content": "a"}, usage=usage), STOP)).usage.output_tokens == 5


@pytest.mark.parametrize(
    ("word", "reason"),
    [("stop", "stop"), ("eos_token", "stop"), ("length", "length"), ("content_filter", "content_filter")],
)
def test_finish_reasons(word: str, reason: str) -> None:
    """Unknown words mean stop."""
    assert end(read(chunk(finish=word))).finish_reason == reason


@pytest.mark.parametrize("events", [(), (b"[DONE]",), (chunk({"content": "a"}), b"[DONE]")])
def test_no_finish_reason_is_a_cut(events: tuple[bytes, ...]) -> None:
    """Never shown as complete, whatever else was said."""
    with pytest.raises(ProviderUnreachable):
        read(*events)


@pytest.mark.parametrize("word", ["error", "abort"])
def test_a_finish_reason_that_means_failure(word: str) -> None:
    """OpenRouter and vLLM say it so."""
    with pytest.raises(ProviderUnreachable):
        read(chunk({"content": "a"}), chunk(finish=word))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"message": "m", "code": 503}, ProviderBusy),
        ({"message": "m", "type": "overloaded_error"}, ProviderBusy),
        ({"message": "m", "code": "rate_limit_exceeded"}, ProviderBusy),
        ({"message": "m", "code": "context_length_exceeded"}, ProviderRefused),
        ("just words", ProviderRefused),
    ],
)
def test_an_error_in_the_stream(error: object, kind: type[Exception]) -> None:
    """Raised as what it is."""
    with pytest.raises(kind):
        read(chunk({"content": "a"}), json.dumps({"error": error}).encode())


def test_events_that_are_no_objects_are_passed_over_up_to_a_limit() -> None:
    """Some servers ping in data."""
    assert said(read(*[b"ping"] * MAX_UNREADABLE, chunk({"content": "a"}), STOP)) == "a"
    with pytest.raises(ProviderGarbage):
        read(*[b"ping"] * (MAX_UNREADABLE + 1))


@pytest.mark.parametrize("data", [b'{"choices":[{"delta":{"cont', b"{broken}", b"{" + b'"a":[' * 100_000])
def test_a_damaged_object_is_never_passed_over(data: bytes) -> None:
    """It may have been a word of the reply."""
    with pytest.raises(ProviderGarbage):
        read(data, STOP)


def test_events_without_empty_lines_between_them() -> None:
    """They seem to be one event of many lines."""
    assert said(read(b"\n".join([chunk({"content": "a"}), chunk({"content": "b"}), STOP, b"[DONE]"]))) == "ab"


def test_other_choices_are_not_mixed_in() -> None:
    """Only the first choice is the reply."""
    other = json.dumps({"choices": [{"index": 1, "delta": {"content": "other"}}]}).encode()
    assert said(read(chunk({"content": "a"}), other, STOP)) == "a"


def test_text_that_came_with_an_error_in_one_read_is_kept() -> None:
    """The text first, the error with the next read."""
    reader = CompletionReader()
    failed = json.dumps({"error": {"message": "overloaded", "code": 503}}).encode()
    assert reader.read([chunk({"content": "so "}), chunk({"content": "far"}), failed]) == [
        Chunk(content="so far")
    ]
    with pytest.raises(ProviderBusy):
        reader.end()
