"""What must be so after every fault, whatever it was."""

import asyncio
import json
import re
from dataclasses import dataclass
from typing import Any, Final

from tests.chaos.bed import REDIS_PASSWORD, SECRET_KEY, Bed
from tests.chaos.people import Person, Reply
from tests.postgres import PASSWORD
from tests.upstream import text
from tests.waiting import eventually

#: After the last reply has ended: what is left to do is written and let go by then.
SETTLED_S: Final = 40.0
SECRETS: Final = (SECRET_KEY, REDIS_PASSWORD, PASSWORD)
_MESSAGES: Final = """
SELECT conversations.id, messages.id, role, status, parts, parent_id
FROM messages JOIN conversations ON conversation_key = key
"""
_UNFINISHED: Final = """
SELECT (SELECT count(*) FROM runs WHERE status IN ('queued', 'streaming')),
  (SELECT count(*) FROM run_events), (SELECT count(*) FROM runs) - (SELECT count(*) FROM run_logs)
"""
_BUSY: Final = re.compile(r"^chatapp_(?:queue_length|runs_active) (\S+)", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Talk:
    """One person's conversation: replies in the order in which they were asked for."""

    person: Person
    replies: list[Reply]
    tokens: int


async def all_is_right(bed: Bed, talks: list[Talk]) -> None:
    """Fails with the first thing that is not as it was promised."""
    await _settled(bed)
    stored = _stored(bed)
    for talk in talks:
        _kept_once(talk, stored)
    await asyncio.gather(*(_reads_the_same_again(talk) for talk in talks))
    for talk, other in zip(talks, talks[1:] + talks[:1], strict=True):
        assert talk is other or await other.person.is_told_nothing_of(talk.replies[0])
    _nothing_is_left(bed)


async def _settled(bed: Bed) -> None:
    """Nothing is being made, anywhere."""

    async def idle() -> bool:
        if bed.upstream.open_streams or any(bed.ask(_UNFINISHED)[0]):
            return False
        return not any(map(any, (await _busy(bed)).values()))

    try:
        await eventually(idle, seconds=SETTLED_S)
    except TimeoutError:
        left = {"streams": bed.upstream.open_streams, "rows": bed.ask(_UNFINISHED), **await _busy(bed)}
        raise AssertionError(f"not idle after {SETTLED_S:g} s: {left}") from None


async def _busy(bed: Bed) -> dict[str, list[float]]:
    """How many runs each process has in its queue, and in its hands."""
    answers = {
        name: await asyncio.to_thread(process.get, "/metrics") for name, process in bed.processes.items()
    }
    return {name: [*map(float, _BUSY.findall(answer.body.decode()))] for name, answer in answers.items()}


def _stored(bed: Bed) -> dict[str, list[tuple[str, str, str, str]]]:
    """Id, role, status and text of every message, each after the one that it answers, by conversation."""
    found: dict[str, dict[str | None, tuple[str, str, str, str]]] = {}
    for conversation_id, message_id, role, status, parts, parent_id in bed.ask(_MESSAGES):
        answers = found.setdefault(conversation_id, {})
        assert parent_id not in answers, f"two messages answer {parent_id}"
        answers[parent_id] = (message_id, role, status, text_of(parts))
    return {conversation_id: _in_turn(answers) for conversation_id, answers in found.items()}


def _in_turn(answers: dict[str | None, tuple[str, str, str, str]]) -> list[tuple[str, str, str, str]]:
    turn, at = list[tuple[str, str, str, str]](), None
    while at in answers:
        turn.append(answers[at])
        at = turn[-1][0]
    assert len(turn) == len(answers), "not one branch"
    return turn


def text_of(parts: Any) -> str:
    """What a message says, as its row has it."""
    parts = json.loads(parts) if isinstance(parts, str) else parts
    return "".join(part["text"] for part in parts if part["kind"] == "text")


def _kept_once(talk: Talk, stored: dict[str, list[tuple[str, str, str, str]]]) -> None:
    """Each message once, each reply once, with upstream's text, and shown as it is stored."""
    kept = stored[talk.replies[0].conversation_id]
    assert [one[3] for one in kept if one[1] == "user"] == [reply.said for reply in talk.replies]
    for reply, one in zip(talk.replies, (one for one in kept if one[1] == "assistant"), strict=True):
        assert one[:3] == (reply.message_id, "assistant", reply.status), (one[:3], reply)
        assert reply.status == "complete", reply
        assert one[3] == text(talk.tokens), f"not upstream's text: {_difference(one[3], text(talk.tokens))}"
        assert reply.text == one[3], f"not what is stored: {_difference(reply.text, one[3])}"


def _difference(found: str, wanted: str) -> str:
    at = next((n for n, (a, b) in enumerate(zip(found, wanted, strict=False)) if a != b), None)
    at = min(len(found), len(wanted)) if at is None else at
    return (
        f"{len(found)} of {len(wanted)} characters, from {at}: {found[at:][:60]!r} for {wanted[at:][:60]!r}"
    )


async def _reads_the_same_again(talk: Talk) -> None:
    """Who comes now, at any door, is told the same from the beginning."""
    for reply in talk.replies:
        again = Reply(said=reply.said, conversation_id=reply.conversation_id)
        again.run_id = reply.run_id
        await talk.person.reads(again)
        assert (again.text, again.status, again.seq) == (reply.text, reply.status, reply.seq)
    history = await talk.person.get(f"/api/sessions/{talk.replies[0].conversation_id}/history")
    shown = [(one["role"], one["content"]) for one in history["history"]]
    assert shown == [pair for one in talk.replies for pair in (("user", one.said), ("assistant", one.text))]


def _nothing_is_left(bed: Bed) -> None:
    """No process that belongs to nobody, no secret in a log."""
    assert not bed.strays()
    for name, process in bed.processes.items():
        told = [secret for secret in SECRETS if secret in process.log]
        assert not told, f"the log of {name} tells {told}"
