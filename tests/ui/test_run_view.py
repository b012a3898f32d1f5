"""A live reply on the screen is what the one fold says it is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatapp.domain.events import Attempt, Chunk, Done, Error, Logged, Reasoning, RunEvent, ToolCall
from chatapp.domain.fold import Snapshot, fold
from chatapp.domain.messages import Failure, Message, Role, Status
from chatapp.ui.levels import LEVELS
from chatapp.ui.live import delta
from chatapp.ui.parts import Cuts
from chatapp.ui.rows import can_continue, seams
from chatapp.ui.run_view import RunView

AT = datetime(2026, 1, 1, tzinfo=UTC)
STEP = timedelta(milliseconds=700)
EMPTY = Snapshot(message=Message(id="m", role=Role.ASSISTANT, created_at=AT, status=Status.QUEUED))

events = st.one_of(
    st.builds(Chunk, content=st.text(max_size=60)),
    st.builds(Reasoning, content=st.text(max_size=60)),
    st.builds(ToolCall, id=st.just("1"), name=st.just("t"), arguments=st.just("{}")),
    st.builds(
        Attempt, attempt=st.just(2), model=st.just("x:y"), reason=st.just(""), keep_chars=st.integers(0, 150)
    ),
    st.builds(Error, failure=st.just(Failure(code="c", message="It broke."))),
)
# A log has one `Done` at most, and nothing after it.
DONE = Done(status=Status.COMPLETE)
endings = st.lists(
    st.builds(Done, status=st.sampled_from([Status.COMPLETE, Status.STOPPED, Status.FAILED])), max_size=1
)


def logged(*some: RunEvent) -> list[Logged]:
    return [Logged(seq=n, at=AT + n * STEP, event=event) for n, event in enumerate(some, 1)]


def within(some: list[RunEvent]) -> list[RunEvent]:
    """The same, where no attempt keeps more text than there is: a log has no such."""
    message, kept = EMPTY.message, list[RunEvent]()
    for event in some:
        most = len(message.text)
        kept.append(
            replace(event, keep_chars=min(event.keep_chars, most)) if isinstance(event, Attempt) else event
        )
        message = fold(message, kept[-1])
    return kept


class Screen:
    """A browser that applies what it is sent."""

    def __init__(self) -> None:
        self.values: dict[str, object] = {}

    def apply(self, changes: dict[str, dict[str, object]]) -> None:
        for values in changes.values():
            self.values.update(values)

    def text(self, prefix: str) -> str:
        return "".join(str(self.values.get(f"{prefix}{level}", "")) for level in reversed(range(LEVELS)))

    @property
    def cuts(self) -> list[object]:
        return [cut for level in reversed(range(LEVELS)) for cut in self.values.get(f"c{level}", ())]  # type: ignore[attr-defined]


@given(st.lists(events, max_size=30), endings, st.integers(0, 30), st.integers(0, 30))
def test_every_reader_sees_what_the_fold_says(some, ending, joined, late):
    """A reader of changes from the start, and one that comes late, both end at the fold's message."""
    records = logged(*within(some), *ending)
    folded = EMPTY.after(records).message
    view = RunView(EMPTY.after(records[:joined]))
    early, later = Screen(), Screen()
    early.apply(view.everything())
    for n, record in enumerate(records, 1):
        view.apply([record])
        if n == late:
            later.apply(view.everything())
        changes = view.take_changes()
        early.apply(changes)
        if n >= late:
            later.apply(changes)
    if late == 0 or late > len(records):
        later.apply(view.everything())
    for screen in (early, later):
        assert screen.text("t") == folded.text
        assert screen.text("r") == folded.reasoning
        assert screen.values["status"] == folded.status
        assert screen.values["model"] == folded.model
        assert screen.cuts == Cuts(folded.text).cuts
        # While it thinks the page counts on by itself.
        assert screen.values["thinks"] or screen.values["thought"] == folded.thought_ms
        assert screen.values["seams"] == seams(folded, folded.text)
        assert screen.values["more"] == can_continue(folded, has_text=bool(folded.text))
        assert screen.values["error"] == (folded.failure.message if folded.failure else "")


def test_a_gap_is_not_papered_over():
    """A missing record means: read the window again."""
    view = RunView(EMPTY)
    with pytest.raises(ValueError, match="follows"):
        view.apply(logged(Chunk(content="a"), Chunk(content="b"))[1:])


def test_what_is_covered_is_passed_over():
    """The same records twice change nothing."""
    records = logged(Chunk(content="a"), Chunk(content="b"))
    view = RunView(EMPTY.after(records))
    view.apply(records)
    assert view.live.whole == "ab"
    assert view.take_changes().keys() == {"now"}


def test_thinking_is_timed_by_the_log():
    """From the record before it to its last one; whether it goes on is said when that changes."""
    view = RunView(EMPTY)
    begin = Attempt(attempt=1, model="x:y", reason="new")
    thinks, thinks_on, says, ends = (
        Reasoning(content="Let me see. "), Reasoning(content="Yes."), Chunk(content="It is."), DONE,
    )  # fmt: skip
    records = logged(begin, thinks, thinks_on, says, ends)
    told = []
    for record in records:
        view.apply([record])
        now = view.take_changes().get("now", {})
        told.append((now.get("thinks"), now.get("thought")))
    assert told == [(None, None), (True, 700), (None, None), (False, 1400), (None, None)]
    assert EMPTY.after(records).message.thought_ms == 1400


def test_the_end_is_said():
    """Sentences while it grows, and how it ended."""
    view = RunView(EMPTY)
    said = []
    for record in logged(Attempt(attempt=1, model="x:y", reason=""), Chunk(content="One. Two. Th"), DONE):
        view.apply([record])
        said.append(view.take_changes().get("spoken", {}).get("s", ""))
    # The end comes within the same moment: what the browser may not have drawn yet is said again.
    assert said == ["", "One. Two.", "One. Two. Th Reply complete."]


def test_what_comes_at_once_is_not_said_over():
    """After a hiccup, sentences that were written seconds apart wait for each other all the same."""
    view = RunView(EMPTY)
    texts = ("One. ", "Two. ", "Three. ")
    said = []
    for record in logged(*(Chunk(content=text) for text in texts)):
        view.apply([record])
        said.append(view.take_changes().get("spoken", {}).get("s", ""))
    assert said == ["One.", "", ""]


#: A block or more for each hundred characters; and a common answer.
BLOCKS = "Do this, then that:\n\n```sh\nrun --the number\n```\n\n"
TABLE = "| a | b |\n|---|---|\n" + "| one | more |\n" * 9 + "\n"
ANSWER = "Some words of an answer. " * 30 + "\n\n" + BLOCKS + TABLE
TOKEN_CHARS, TOKENS_A_FLUSH = 4, 2


def _bytes_per_byte(kind: str, tokens: int) -> float:
    """What a browser is sent for each byte of a reply, in frames as they are."""
    length = tokens * TOKEN_CHARS
    text = (kind * (length // len(kind) + 1))[:length]
    view, sent = RunView(EMPTY), 0
    for at in range(0, length, TOKEN_CHARS * TOKENS_A_FLUSH):
        piece = Chunk(content=text[at : at + TOKEN_CHARS * TOKENS_A_FLUSH])
        view.apply([Logged(seq=view.seq + 1, at=AT, event=piece)])
        sent += len(msgspec.json.encode(delta(view.take_changes())))
    return sent / length


@pytest.mark.parametrize(("kind", "most"), [(ANSWER, 32), (BLOCKS, 42)], ids=["answer", "blocks"])
def test_what_a_token_costs_does_not_grow(kind, most):
    """A reply of 32,000 tokens, however many blocks it has, costs each token what a short one does."""
    costs = [_bytes_per_byte(kind, tokens) for tokens in (400, 4_000, 32_000)]
    assert max(costs) < most
    assert costs[-1] < 1.5 * costs[0]
