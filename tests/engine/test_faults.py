"""Whatever the model's server does, a reply ends, in sight, with the text that came and a way on."""

import asyncio

import pytest

from chatapp.domain.messages import FinishReason, Status
from tests.chat import Chat, Follower, Opening, rows
from tests.upstream import text

#: Fault -> the code that the person's page is told.
BREAKS = {
    "clean": "provider_unreachable",
    "done": "provider_unreachable",
    "cut": "provider_unreachable",
    "rst": "provider_unreachable",
    "error": "provider_busy",
    "hang": "provider_timeout",
}
REFUSALS = {"401": "provider_setup", "404": "provider_setup", "html": "provider_garbage"}


async def test_a_reply_that_breaks_off_fails_in_sight_and_keeps_its_text(opening: Opening):
    """Cut, reset, closed without a finish reason, gone silent: failed, never shown as complete; afterwards
    the same process makes replies as before."""
    async with opening(STREAM_IDLE_TIMEOUT="1.5") as chat:
        sent = {fault: await chat.of(fault).send(f"Go [n:40 r:50 fault:{fault} at:20]") for fault in BREAKS}
        readers = {fault: await Follower(chat.of(fault), turn).open() for fault, turn in sent.items()}
        for fault, code in BREAKS.items():
            reply = await chat.of(fault).ended(sent[fault])
            assert reply.status is Status.FAILED, fault
            # What a broken connection still held when it broke was shown to nobody and may be lost.
            if fault in {"clean", "done", "hang"}:
                assert reply.text == text(20), fault
            assert text(20).startswith(reply.text), fault
            assert readers[fault].shown[-1] == reply.text, fault
            assert reply.failure is not None
            assert (fault, reply.failure.code) == (fault, code)
            assert reply.failure.message
        turn = await chat.send("Go [n:5]")
        assert (await chat.ended(turn)).status is Status.COMPLETE
        assert rows(chat.services.settings, "SELECT * FROM run_events") == []


@pytest.mark.parametrize("fault", REFUSALS)
async def test_a_refused_request_fails_with_the_reason(chat: Chat, fault: str):
    """There is no text, but there is a message with a failure that a person can read."""
    turn = await chat.send(f"Go [fault:{fault}]")
    reply = await chat.ended(turn)
    assert (reply.status, reply.text) == (Status.FAILED, "")
    assert reply.failure is not None
    assert reply.failure.code == REFUSALS[fault]


async def test_a_fault_that_passes_is_not_seen(chat: Chat):
    """A server that is busy at first answers at the second try: the reply is complete."""
    turn = await chat.send("Go [n:5 fault:500 tries:1]")
    assert (await chat.ended(turn)).status is Status.COMPLETE
    assert len(chat.upstream.requests) == 2


async def test_after_a_failure_one_can_go_on(chat: Chat):
    """Continue takes up the text that came, and the reply becomes whole."""
    turn = await chat.send("Go [n:60 r:1000 fault:rst at:30 tries:1]")
    assert (await chat.ended(turn)).status is Status.FAILED
    on = await chat.services.turns.continue_reply(chat.who, message_id=turn.message_id, client_key="on")
    assert (await chat.ended(on)).text == text(60)


async def test_a_server_that_goes_silent_is_given_up(opening: Opening):
    """STREAM_IDLE_TIMEOUT is counted from the last token, and the request is closed."""
    async with opening(STREAM_IDLE_TIMEOUT="1.5") as chat:
        slow = await chat.send("Slow [n:5 r:2]")
        hung = await chat.of("ben").send("Hung [n:10 fault:hang at:3 id:hung]")
        failed = await chat.of("ben").ended(hung)
        assert (failed.text, failed.status) == (text(3), Status.FAILED)
        await asyncio.wait_for(chat.request("hung").ended.wait(), 1)
        assert (await chat.ended(slow)).text == text(5), "slow is not silent"


async def test_a_reply_has_a_longest_length(opening: Opening):
    """MAX_REPLY_TOKENS ends it: complete, for the reason `length`, with all that came."""
    async with opening(MAX_REPLY_TOKENS="20") as chat:
        reply = await chat.ended(await chat.send("Go [n:500]"))
        assert (reply.status, reply.finish_reason) == (Status.COMPLETE, FinishReason.LENGTH)
        assert reply.text == text(20)


async def test_a_message_too_long_for_the_model_fails_clearly(opening: Opening):
    """It is kept, not cut, and the reply says what to do; the model is not asked."""
    async with opening(MAX_MESSAGE_CHARS="1000000") as chat:
        turn = await chat.send("word " * 60_000)
        reply = await chat.ended(turn)
        assert reply.status is Status.FAILED
        assert reply.failure is not None
        assert "too long for the model" in reply.failure.message
        assert chat.upstream.requests == []


async def test_what_was_left_out_is_recorded(opening: Opening):
    """A reply says how many earlier messages its model was not given."""
    async with opening(CONTEXT_MESSAGES="2") as chat:
        first = await chat.send("One [n:3]")
        assert (await chat.ended(first)).left_out == 0
        second = await chat.send("Two [n:3]", to=first)
        assert (await chat.ended(second)).left_out == 2
        given = chat.upstream.requests[-1].body["messages"]
        assert [message["content"] for message in given[1:]] == ["Two [n:3]"]
