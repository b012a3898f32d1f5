"""Replies without a model: the support bot's rules, and scripts that are exact."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatapp.domain.errors import ProviderRefused, ProviderUnreachable
from chatapp.domain.messages import FinishReason, Role
from chatapp.providers.base import ChatMessage, ModelRequest
from chatapp.providers.script import ordered_script, remaining, token, words_of
from chatapp.providers.scripted import ScriptedProvider
from chatapp.providers.support import support_reply
from tests.providers.asking import ask, ask_until_it_breaks, end, request, said

PROVIDER = ScriptedProvider(delay=timedelta(milliseconds=1), offer_script=True)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("Hello", "How can I help you today?"),
        ("hi there", "How can I help you today?"),
        ("What are your hours?", "Monday to Friday, 9AM-6PM"),
        ("are you OPEN on Sunday", "available 24/7"),
        ("price?", "$19/month"),
        ("What does it cost", "$39/month"),
        ("hi, how much does it cost?", "Enterprise | Custom"),
        ("help", "I'm here to help!"),
        ("My cat ate the manual", "connect you with a specialist"),
        ("This is a shipment", "connect you with a specialist"),
        ("it still does not work", "connect you with a specialist"),
    ],
)
def test_a_first_message(message: str, words: str) -> None:
    """Each rule by its words, and whole words only: a shipment is no greeting."""
    assert words in support_reply(message, [])


def test_a_returning_person_is_remembered() -> None:
    """With the last thing that they wrote."""
    reply = support_reply("hello again", ["My router is broken", "It is blue"])
    assert reply.startswith("Welcome back! I remember")
    assert "It is blue" in reply


def test_who_still_has_a_problem_meets_a_human() -> None:
    """Whatever else the message says."""
    assert "human agent" in support_reply("hello, still broken, what are your hours?", ["broken"])


async def test_the_bot_remembers_this_conversation() -> None:
    """Earlier messages are in the request."""
    messages = [
        ChatMessage(role=Role.USER, content="It is broken"),
        ChatMessage(role=Role.ASSISTANT, content="I'd like to connect you with a specialist"),
        ChatMessage(role=Role.USER, content="It still is"),
    ]
    asked = ModelRequest(model="support", messages=tuple(messages), max_output_tokens=500)
    assert "human agent" in said(await ask(PROVIDER, asked))


async def test_the_bot_says_what_it_is() -> None:
    """Nobody should take it for a model."""
    support = (await PROVIDER.models())[0]
    assert support.id == "scripted:support"
    assert support.label == "Support bot (scripted demo)"
    assert "no AI" in support.notice


async def test_the_tests_model_is_not_offered_by_default() -> None:
    """It is of no use to people."""
    assert [model.name for model in await ScriptedProvider().models()] == ["support"]


async def test_a_word_at_a_time() -> None:
    """With the delay of the setting between them."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    provider = ScriptedProvider(delay=timedelta(milliseconds=20))
    batches = [batch async for batch in provider.stream(request("hello", model="support"))]
    assert len(batches) > 5
    assert loop.time() - started >= 0.15


@given(text=st.text())
def test_words_joined_are_the_text(text: str) -> None:
    """Blanks of every kind included."""
    assert "".join(words_of(text)) == text


@given(text=st.text(min_size=1), at=st.integers(0, 1000))
def test_what_remains_is_exact(text: str, at: int) -> None:
    """From any character on."""
    at %= len(text) + 1
    assert text[:at] + "".join(remaining(words_of(text), text[:at])) == text


def test_another_text_is_not_gone_on_with() -> None:
    """Then all of ours follows."""
    assert remaining(("a ", "b "), "x") == ("a ", "b ")
    assert remaining(("a ", "b "), "a b c") == ("a ", "b ")


async def test_a_script_is_played_as_ordered() -> None:
    """Numbered tokens, the same for a seed, others for another."""
    order = "[script tokens=90 rate=5000 seed=7 finish=length]"
    events = await ask(PROVIDER, request(order, model="script"))
    assert said(events) == "".join(token(number, 7) for number in range(90))
    assert end(events).finish_reason is FinishReason.LENGTH
    assert end(events).usage.output_tokens == 90
    assert ordered_script(order) == ordered_script(f"words before {order}")
    assert ordered_script(order) != ordered_script(order.replace("seed=7", "seed=8"))


@pytest.mark.parametrize("verbatim", ["", " ", "  a\n\n\tb  ", "[script tokens=5]", "```\ncode\n"])
async def test_a_verbatim_script(verbatim: str) -> None:
    """To the last blank."""
    events = await ask(PROVIDER, request(f"[script rate=10000]\ntext={verbatim}", model="script"))
    assert said(events) == verbatim


async def test_a_script_breaks_where_it_was_told_to_and_only_once() -> None:
    """What goes on with the reply gets past the place."""
    order = "[script tokens=40 rate=5000 fail_at=15]"
    whole = "".join(token(number, 0) for number in range(40))
    events, error = await ask_until_it_breaks(PROVIDER, request(order, model="script"))
    assert isinstance(error, ProviderUnreachable)
    kept = said(events)
    assert kept == "".join(token(number, 0) for number in range(15))
    assert kept + said(await ask(PROVIDER, request(order, model="script", given=kept))) == whole


async def test_a_script_without_a_finish_is_cut_off() -> None:
    """As a server is that closes its stream too early."""
    _, error = await ask_until_it_breaks(PROVIDER, request("[script tokens=3 finish=none]", model="script"))
    assert isinstance(error, ProviderUnreachable)


async def test_a_pause_and_a_late_start() -> None:
    """Nothing comes before its time, and nothing is lost to it."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    order = "[script tokens=20 rate=5000 ttft=0.1 pause_at=10 pause=0.2]"
    times = [loop.time() - started async for _ in PROVIDER.stream(request(order, model="script"))]
    assert times[0] >= 0.1
    assert times[-1] >= 0.3


async def test_a_late_reader_gets_all_that_is_due_at_once() -> None:
    """The script keeps its time, whatever its reader does."""
    batches = PROVIDER.stream(request("[script tokens=400 rate=1000]", model="script"))
    await anext(batches)
    await asyncio.to_thread(lambda: None)
    loop = asyncio.get_running_loop()
    until = loop.time() + 0.1
    while loop.time() < until:
        pass
    assert said(list(await anext(batches))).count(" ") > 50
    await batches.aclose()


@pytest.mark.parametrize(
    "order", ["[script tokens=x]", "[script rate=fast]", "[script ttft=..]", "[script ttft=inf]"]
)
async def test_a_script_that_cannot_be_read(order: str) -> None:
    """Said in words."""
    _, error = await ask_until_it_breaks(PROVIDER, request(order, model="script"))
    assert isinstance(error, ProviderRefused)


async def test_an_unknown_finish() -> None:
    """Said in words, before anything is played."""
    events, error = await ask_until_it_breaks(PROVIDER, request("[script finish=perhaps]", model="script"))
    assert isinstance(error, ProviderRefused)
    assert events == []
