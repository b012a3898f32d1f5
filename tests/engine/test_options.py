"""What a program wants of a reply holds for every attempt at it, and comes to the model as it was asked."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatapp.domain.messages import FinishReason, Message, Role, Status, TextPart, Usage
from chatapp.domain.runs import NO_OPTIONS, RunOptions, Turn
from chatapp.engine.context import SYSTEM_PROMPT, ContextBuilder, Fitted
from chatapp.engine.stop_texts import StopTexts
from chatapp.storage.codec import dump_options, load_options
from tests.chat import Chat, Opening, rows
from tests.drawn import BLANK
from tests.engine.counting import WordProvider
from tests.upstream import text
from tests.waiting import until

options = st.builds(
    RunOptions,
    system=st.none() | st.text(),
    max_tokens=st.none() | st.integers(1),
    stop=st.lists(st.text(min_size=1)).map(tuple),
    temperature=st.none() | st.floats(0, 2),
    top_p=st.none() | st.floats(0, 1),
    presence_penalty=st.none() | st.floats(-2, 2),
    frequency_penalty=st.none() | st.floats(-2, 2),
    seed=st.none() | st.integers(),
    response_format=st.text(),
)


@given(options)
def test_options_come_back_as_they_were_stored(asked: RunOptions):
    """Each of them; and what a later version adds does no harm to this one."""
    assert load_options(dump_options(asked)) == asked
    assert load_options(dump_options(asked) | {"from_the_future": 1}) == asked


def test_whoever_asks_for_nothing_stores_nothing():
    """Most runs; and those of an older process, which knows no options."""
    assert dump_options(NO_OPTIONS) == {}
    assert load_options({}) == NO_OPTIONS


@given(st.text("abX", max_size=40), st.lists(st.text("abX", min_size=1, max_size=4), max_size=3), st.data())
def test_a_stop_text_ends_the_reply_however_it_is_cut(whole: str, stops: list[str], data: st.DataObject):
    """Any split into chunks gives all text before the stop text that is whole first."""
    ending, shown, at = StopTexts(stops), "", 0
    while at < len(whole) and not ending.reached:
        size = data.draw(st.integers(1, 6))
        shown += ending.feed(whole[at : at + size])
        at += size
    shown += ending.end()
    ends = [(place + len(stop), place) for stop in stops if (place := whole.find(stop)) >= 0]
    assert shown == whole[: min(ends)[1] if ends else None]
    assert ending.reached is bool(ends)


async def send(chat: Chat, text: str, asked: RunOptions, *, model: str = "", key: str = "k") -> Turn:
    return await chat.services.turns.send(
        chat.who, conversation_id=None, text=text, client_key=key, model=model, options=asked
    )


def sampling(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in {"messages", "model", "stream"}}


async def test_the_model_is_asked_as_the_program_asked(chat: Chat):
    """Every option in the server's words; what nobody asked for is not sent."""
    json_only = '{"type": "json_object"}'
    asked = RunOptions(
        system="Be brief.",
        max_tokens=9,
        stop=("END",),
        temperature=0.25,
        top_p=0.5,
        presence_penalty=1,
        frequency_penalty=-1,
        seed=7,
        response_format=json_only,
    )
    await chat.ended(await send(chat, "Hello [n:5]", asked))
    await chat.ended(await send(chat, "Hello [n:5]", NO_OPTIONS, key="plain"))
    first, plain = (record.body for record in chat.upstream.requests)
    assert first["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello [n:5]"},
    ]
    usage = {"stream_options": {"include_usage": True}}
    assert sampling(first) == usage | {
        "max_tokens": 9,
        "stop": ["END"],
        "temperature": 0.25,
        "top_p": 0.5,
        "presence_penalty": 1,
        "frequency_penalty": -1,
        "seed": 7,
        "response_format": {"type": "json_object"},
    }
    assert plain["messages"][0]["content"] == SYSTEM_PROMPT
    assert sampling(plain).keys() == {"stream_options", "max_tokens"}


async def test_no_instructions_at_all(chat: Chat):
    """An empty system text is none: a list of messages is sent as the program wrote it."""
    await chat.ended(await send(chat, "Hello [n:5]", RunOptions(system="")))
    assert [one["role"] for one in chat.upstream.requests[0].body["messages"]] == ["user"]


async def test_a_reply_ends_before_a_stop_text_of_a_server_that_ignores_it(chat: Chat):
    """The upstream plays on whatever it is told; what was said until there is the whole reply."""
    whole = text(400)
    stop = whole[100:112]
    reply = await chat.ended(await send(chat, "Go [n:400 r:2000 id:s]", RunOptions(stop=(stop, "never"))))
    assert (reply.text, reply.status) == (whole[:100], Status.COMPLETE)
    assert reply.finish_reason is FinishReason.STOP
    await until(chat.request("s").ended.is_set)


async def test_a_server_that_refuses_stop_is_asked_without(chat: Chat):
    """Models that reason know no stop texts; the reply ends there all the same."""
    whole = text(50)
    chat.upstream.refusal = "Unsupported parameter: 'stop' is not supported with this model."
    asked = RunOptions(stop=(whole[60:70],))
    reply = await chat.ended(await send(chat, "Go [n:50 fault:400 tries:1]", asked))
    assert reply.text == whole[:60]
    assert ["stop" in record.body for record in chat.upstream.requests] == [True, False]


async def test_max_tokens_ends_the_reply_with_its_reason(chat: Chat):
    """As OpenAI says it: `length`; and a larger number than the app's own changes nothing."""
    reply = await chat.ended(await send(chat, "Go [n:50]", RunOptions(max_tokens=7)))
    assert (reply.text, reply.finish_reason) == (text(7), FinishReason.LENGTH)
    assert reply.usage == Usage(input_tokens=11, output_tokens=7)
    await chat.ended(await send(chat, "Go [n:5]", RunOptions(max_tokens=10**9), key="large"))
    assert chat.upstream.requests[-1].body["max_tokens"] <= chat.services.settings.max_reply_tokens


async def test_a_takeover_keeps_the_options(opening: Opening):
    """They are in the database: whoever goes on with a reply asks as the first one did."""
    asked = RunOptions(system="Be brief.", temperature=0.25, stop=("never",), max_tokens=900)
    async with opening() as chat:
        turn = await send(chat, "Go [n:200 r:100]", asked)
        await chat.has_text(turn, chars=300)
    async with opening() as chat:
        reply = await chat.ended(turn)
        first, second = (record.body for record in chat.upstream.requests)
    assert (reply.text, reply.status) == (text(200), Status.COMPLETE)
    assert second["messages"][0]["content"].startswith("Be brief.")
    assert (second["temperature"], second["stop"]) == (0.25, ["never"])
    assert second["max_tokens"] < first["max_tokens"] == 900, "of what was allowed, what is left"


async def test_another_try_is_made_as_the_first_was(chat: Chat):
    """Regenerate keeps the options; Continue keeps all but the limit that ended the reply."""
    whole = text(50)
    asked = RunOptions(temperature=0.25, max_tokens=20)
    first = await send(chat, "Go [n:50]", asked)
    assert (await chat.ended(first)).text == text(20)
    turns = chat.services.turns
    again = await turns.regenerate(chat.who, message_id=first.message_id, client_key="again")
    assert (await chat.ended(again)).text == text(20)
    longer = await turns.continue_reply(chat.who, message_id=first.message_id, client_key="on")
    assert (await chat.ended(longer)).text == whole
    assert [record.body["temperature"] for record in chat.upstream.requests] == [0.25] * 3


async def test_what_a_scripted_model_cannot_do_it_says(opening: Opening):
    """Words for tokens, and stop texts; a format it cannot hold to."""
    async with opening(DEFAULT_MODEL="scripted:script", SCRIPTED_DELAY="0") as chat:
        order = "[script rate=0] text=one two three four"
        short = await chat.ended(await send(chat, order, RunOptions(max_tokens=2)))
        assert (short.text, short.finish_reason) == ("one two ", FinishReason.LENGTH)
        stopped = await chat.ended(await send(chat, order, RunOptions(stop=("three",)), key="stop"))
        assert (stopped.text, stopped.finish_reason) == ("one two ", FinishReason.STOP)
        refused = await chat.ended(await send(chat, order, RunOptions(response_format="{}"), key="json"))
        assert refused.failure is not None
        assert "format" in refused.failure.message


async def test_an_older_process_writes_runs_beside_this_one(chat: Chat):
    """It knows no options: the database fills them in."""
    turn = await chat.send("Go [n:5]")
    await chat.ended(turn)
    (found,) = rows(chat.services.settings, "SELECT options FROM runs WHERE id = ?", turn.run_id)
    assert found == ("{}",)
    (default,) = rows(
        chat.services.settings, "SELECT dflt_value FROM pragma_table_info('runs') WHERE name = 'options'"
    )
    assert default == ("'{}'",)


def fit(history: list[Message], kept: str, asked: RunOptions) -> Fitted:
    provider = WordProvider(context_tokens=1000)
    builder = ContextBuilder(max_reply_tokens=100)
    return asyncio.run(builder.fit(provider, provider.model, history, kept, asked))


@pytest.mark.parametrize("kept", ["", "and more"])
def test_a_list_that_ends_with_a_reply_is_gone_on_with(kept: str):
    """One unfinished message is sent, not two, also by a later attempt."""
    said = replace(BLANK, id="u", role=Role.USER, parts=(TextPart(text="Go"),))
    begun = replace(BLANK, id="a", parts=(TextPart(text="Once "),))
    fitted = fit([said, begun], kept, RunOptions(system=""))
    assert [message.content for message in fitted.request.messages] == ["Go", "Once " + kept]
    assert fitted.request.continues


@pytest.mark.parametrize(("words", "left"), [(0, 50), (20, 30), (80, 1)])
def test_what_was_said_counts_for_the_limit(words: int, left: int):
    """Attempts share `max_tokens`; a word is a token here."""
    said = replace(BLANK, id="u", role=Role.USER, parts=(TextPart(text="Go"),))
    fitted = fit([said], "word " * words, RunOptions(max_tokens=50))
    assert fitted.request.max_output_tokens == left
