"""Stopped, failed or whole: every reply ends, says how, and keeps the text that came."""

from chatapp.domain.messages import Status
from tests.chat import Chat
from tests.upstream import text


async def test_stop_keeps_the_text(chat: Chat):
    """The model is told at once; what it had written stays."""
    turn = await chat.send("Hello [n:1000 r:100]")
    await chat.has_text(turn, chars=20)
    await chat.stop(turn)
    reply = await chat.ended(turn)
    assert reply.status is Status.STOPPED
    assert len(reply.text) >= 20


async def test_a_failure_keeps_the_text_and_says_why(chat: Chat):
    """A server that breaks off never makes a reply look complete, and there is a way on."""
    turn = await chat.send("Hello [n:60 fault:clean at:30 tries:1]")
    failed = await chat.ended(turn)
    assert (failed.status, failed.text) == (Status.FAILED, text(30))
    assert failed.failure is not None
    on = await chat.services.turns.continue_reply(chat.who, message_id=turn.message_id, client_key="on")
    assert (await chat.ended(on)).text == text(60)
