"""Our own events are what the contract says, and arrive as they were written."""

import json
from datetime import UTC, datetime

import pytest

from chatapp.api.encoders import native
from chatapp.api.encoders.base import EncodedOnce
from chatapp.api.encoders.sse import SseEncoder
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
from chatapp.domain.messages import Failure, FinishReason, Status, Usage
from chatapp.domain.runs import RunInfo
from chatapp.services.runs import Queued

RUN = RunInfo(
    id="r",
    conversation_id="c",
    user_message_id="u",
    message_id="m",
    model="scripted:support",
    status=Status.STREAMING,
    created_at=datetime(2026, 11, 21, tzinfo=UTC),
)
EVENTS: dict[str, tuple[RunEvent, dict[str, object] | None]] = {
    "chunk": (Chunk(content="a\nb"), {"type": "chunk", "content": "a\nb", "agent": "default"}),
    "reasoning": (Reasoning(content="hm"), {"type": "reasoning", "content": "hm"}),
    "tool call": (
        ToolCall(id="1", name="look", arguments="{}"),
        {"type": "tool_call", "id": "1", "name": "look", "arguments": "{}"},
    ),
    "tool result": (
        ToolResult(id="1", content="seen", is_error=True),
        {"type": "tool_result", "id": "1", "content": "seen", "is_error": True},
    ),
    "takeover": (
        Attempt(attempt=2, model="a:b", reason="takeover", keep_chars=7),
        {"type": "attempt", "attempt": 2, "model": "a:b", "reason": "takeover", "keep_chars": 7},
    ),
    "error": (
        Error(failure=Failure(code="provider_busy", message="Busy.")),
        {"type": "error", "message": "Busy.", "code": "provider_busy"},
    ),
    "done": (
        Done(
            status=Status.COMPLETE,
            finish_reason=FinishReason.STOP,
            usage=Usage(input_tokens=3, output_tokens=4),
        ),
        {
            "type": "done",
            "status": "complete",
            "tokens_used": 7,
            "usage": {"input_tokens": 3, "output_tokens": 4},
            "finish_reason": "stop",
            "data_collected": {},
            "is_complete": False,
        },
    ),
    "start": (Attempt(attempt=1, model="a:b", reason="start"), None),
    "context": (Context(left_out=1, input_tokens=2), None),
}
#: What a reader might take for the end of an event, of a stream, or of a line.
TRICKY = [
    "data: {}\n\nevent: x\n\n",
    "[DONE]",
    "data: [DONE]\n\n",
    '42["event",{}]',
    "\r",
    "\r\n\r\n",
    "\u2028\u2029\x85\x0b\x0c\x1c\x1d\x1e\x00\x7f",
    ": keep-alive\n\n",
    "\ufeffid: 7",
    "half \ud83d a character",
    'quotes " and \\ backslashes </script>',
    "🙂é漢字",
]


def logged(event: RunEvent, seq: int = 7) -> Logged:
    return Logged(seq=seq, at=RUN.created_at, event=event)


@pytest.mark.parametrize(("event", "expected"), EVENTS.values(), ids=EVENTS.keys())
def test_events_are_those_of_the_contract(event: RunEvent, expected: dict[str, object] | None) -> None:
    """What the model was given, and that it began, is told to nobody."""
    assert native.of_record(logged(event)) == expected
    frame = SseEncoder().record(RUN, logged(event)).decode()
    late = "retry: 60000\n" if isinstance(event, Done) else ""
    assert frame == (f"id: 7\n{late}data: {native.dump(expected)}\n\n" if expected else "")


def test_a_stream_opens_with_its_session() -> None:
    """Without an id: a client that comes back says the id of the last record."""
    retry, data, *rest = SseEncoder().opening(RUN).decode().split("\n")
    assert retry == "retry: 1000"
    assert json.loads(data.removeprefix("data: ")) == {
        "type": "session",
        "session_id": "c",
        "run_id": "r",
        "message_id": "m",
    }
    assert rest == ["", ""]
    assert SseEncoder().queued(Queued(message_id="m", position=3)) == (
        b'data: {"type":"queued","position":3}\n\n'
    )


@pytest.mark.parametrize("text", TRICKY, ids=range(len(TRICKY)))
def test_text_that_looks_like_the_wire_arrives_as_text(text: str) -> None:
    """However a reader finds the ends of lines."""
    frame = SseEncoder().record(RUN, logged(Chunk(content=text))).decode()
    lines = frame.splitlines()
    assert [line[:6] for line in lines] == ["id: 7", "data: ", ""]
    assert json.loads(lines[1].removeprefix("data: "))["content"] == text


def test_a_record_is_encoded_once_for_all_its_readers() -> None:
    """What is kept is bounded; what was let go is made again, the same."""
    encoded: list[int] = []

    def encode(_run: RunInfo, record: Logged) -> bytes:
        encoded.append(record.seq)
        return b"%04d" % record.seq

    once = EncodedOnce(encode, max_bytes=40)
    records = [logged(Chunk(content="x"), seq) for seq in range(1, 31)]
    for record in records:
        for _ in range(200):
            assert once(RUN, record) == b"%04d" % record.seq
    assert encoded == list(range(1, 31))
    assert once(RUN, records[0]) == b"0001"
    assert encoded == [*range(1, 31), 1]
