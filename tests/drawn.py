"""What Hypothesis draws: events of a run as they may really come, logs of them, and cuts of their texts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from chatapp.domain.events import (
    Attempt,
    Chunk,
    Context,
    Done,
    Error,
    Logged,
    Reasoning,
    RunEvent,
    ToolCall,
    ToolResult,
)
from chatapp.domain.messages import Failure, FinishReason, Message, Role, Status, Usage

START = datetime(2026, 11, 21, 9, tzinfo=UTC)
BLANK = Message(
    id="m",
    role=Role.ASSISTANT,
    created_at=START,
    parent_id="u",
    status=Status.QUEUED,
    run_id="r",
    model="x:y",
)

#: Every character that can be stored: emoji, right-to-left, combining ones, control characters too. NUL and
#: lone surrogates are none (`chatapp.domain.texts.clean`).
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
words = st.text("abcxyz", min_size=1, max_size=6)
counts = st.integers(0, 2**40)
usages = st.builds(Usage, input_tokens=counts, output_tokens=counts)
chunks = st.builds(Chunk, content=texts)

middles: st.SearchStrategy[RunEvent] = st.one_of(
    chunks,
    chunks,
    chunks,
    st.builds(Reasoning, content=texts),
    st.builds(ToolCall, id=words, name=words, arguments=texts),
    st.builds(ToolResult, id=words, content=texts, is_error=st.booleans()),
    st.builds(
        Attempt,
        attempt=st.integers(2, 9),
        model=words,
        reason=words,
        keep_chars=st.integers(0, 40),
        usage=usages,
    ),
    st.builds(Context, left_out=st.integers(0, 400), input_tokens=counts),
)
endings = st.builds(
    Done,
    status=st.sampled_from([status for status in Status if status.is_final]),
    finish_reason=st.none() | st.sampled_from(FinishReason),
    usage=usages,
)


@st.composite
def runs_of_events(draw: st.DrawFn, *, max_size: int = 25) -> list[RunEvent]:
    """A whole run: a first attempt, anything, perhaps an error, and the one `Done`."""
    first = Attempt(attempt=1, model=draw(words), reason="start")
    events: list[RunEvent] = [first, *draw(st.lists(middles, max_size=max_size))]
    if draw(st.booleans()):
        events.append(Error(failure=Failure(code=draw(words), message=draw(texts))))
    return [*events, draw(endings)]


def logged(events: list[RunEvent]) -> list[Logged]:
    """The events in a log, 50 ms apart."""
    step = timedelta(milliseconds=50)
    return [Logged(seq=seq, at=START + seq * step, event=event) for seq, event in enumerate(events, 1)]


@st.composite
def cut_anywhere(draw: st.DrawFn, events: list[RunEvent]) -> list[RunEvent]:
    """The same events with each text cut at any places, empty pieces included."""
    cut: list[RunEvent] = []
    for event in events:
        if isinstance(event, Chunk | Reasoning):
            cut += [replace(event, content=piece) for piece in draw(pieces(event.content))]
        else:
            cut.append(event)
    return cut


@st.composite
def pieces(draw: st.DrawFn, text: str) -> list[str]:
    """The text in pieces: joined they are the text again."""
    places = sorted(draw(st.lists(st.integers(0, len(text)), max_size=6)))
    return [text[start:end] for start, end in zip([0, *places], [*places, len(text)], strict=True)]
