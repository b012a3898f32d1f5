"""What a model is given: the newest messages that fit its window, and the truth about the rest."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatapp.domain.errors import ProviderRefused
from chatapp.domain.messages import Message, Role, TextPart
from chatapp.engine.context import REPLY_SHARE, SYSTEM_PROMPT, TOKENS_PER_MESSAGE, ContextBuilder, Fitted
from tests.drawn import BLANK
from tests.engine.counting import WordProvider


def history(*sizes: int) -> list[Message]:
    """Messages of so many words, a user's first, then in turn; one without words failed."""
    roles = (Role.USER, Role.ASSISTANT)
    return [
        replace(
            BLANK,
            id=f"m{place}",
            role=roles[place % 2],
            parts=(TextPart(text=f"m{place} " * size),) if size else (),
        )
        for place, size in enumerate(sizes)
    ]


async def fit(
    messages: list[Message], *, window: int = 1000, reply: int = 100, most: int | None = None, kept: str = ""
) -> Fitted:
    provider = WordProvider(context_tokens=window)
    builder = ContextBuilder(max_reply_tokens=reply, max_messages=most)
    return await builder.fit(provider, provider.model, messages, kept)


def sent(fitted: Fitted) -> list[str]:
    """Which messages were sent, by their first word, without the system's."""
    assert fitted.request.messages[0].content == SYSTEM_PROMPT
    return [message.content.split()[0] for message in fitted.request.messages[1:]]


odd = st.lists(st.integers(1, 60), min_size=1, max_size=15).filter(lambda sizes: len(sizes) % 2 == 1)


@given(odd, st.integers(200, 600), st.integers(1, 200), st.none() | st.integers(1, 8))
def test_the_newest_messages_that_fit_are_sent(
    sizes: list[int], window: int, reply: int, most: int | None
) -> None:
    """Request and room for the reply stay within the window, from a user's message to the last one."""
    fitted = asyncio.run(fit(history(*sizes), window=window, reply=reply, most=most))
    request = fitted.request
    words = sum(len(message.content.split()) + TOKENS_PER_MESSAGE for message in request.messages)
    assert words <= fitted.input_tokens
    assert fitted.input_tokens + min(reply, window // REPLY_SHARE) <= window
    assert fitted.input_tokens + request.max_output_tokens <= window
    assert 1 <= request.max_output_tokens <= reply
    assert sent(fitted) == [f"m{place}" for place in range(fitted.left_out, len(sizes))]
    assert request.messages[1].role is Role.USER
    assert most is None or len(request.messages) - 1 <= most


async def test_all_is_sent_when_all_fits():
    """A window that is large enough leaves nothing out, and says so."""
    fitted = await fit(history(5, 5, 5))
    assert sent(fitted) == ["m0", "m1", "m2"]
    assert fitted.left_out == 0


async def test_what_does_not_fit_is_counted():
    """The first messages give way, whole, and a reply whose question is gone goes with it."""
    fitted = await fit(history(100, 100, 100, 100, 100), window=500, reply=50)
    assert sent(fitted) == ["m2", "m3", "m4"]
    assert fitted.left_out == 2


@pytest.mark.parametrize(("most", "messages"), [(1, ["m4"]), (2, ["m4"]), (3, ["m2", "m3", "m4"])])
async def test_context_messages_is_a_limit(most: int, messages: list[str]):
    """CONTEXT_MESSAGES bounds the messages, and the first is still a user's."""
    fitted = await fit(history(1, 1, 1, 1, 1), most=most)
    assert sent(fitted) == messages
    assert fitted.left_out == 5 - len(messages)


async def test_a_message_that_cannot_fit_is_refused_clearly():
    """It is never cut silently: the person is told to shorten it or to choose another model."""
    with pytest.raises(ProviderRefused, match="too long for the model"):
        await fit(history(1, 1, 900), window=1000)


async def test_nothing_to_answer_is_refused_and_not_sent():
    """A branch without any text, which no service makes, does not become an empty request."""
    with pytest.raises(ProviderRefused):
        await fit(history(0))


async def test_failed_replies_without_text_are_not_sent():
    """An empty assistant message says nothing, and some servers refuse it."""
    assert sent(await fit(history(3, 0, 3))) == ["m0", "m2"]


async def test_a_reply_to_be_continued_is_the_last_message():
    """The kept text goes along exactly, and its tokens are counted."""
    begun = "kept text  with  its spaces "
    fitted = await fit(history(3), kept=begun)
    assert fitted.request.continues
    assert fitted.request.messages[-1].content == begun
    assert fitted.input_tokens == (await fit(history(3))).input_tokens + 5


@given(odd, st.integers(1, 300), st.integers(200, 600))
def test_a_continued_reply_fits_as_well(sizes: list[int], kept: int, window: int) -> None:
    """History gives way to the reply that is continued: together they stay within the window."""
    begun = "kept " * kept
    try:
        fitted = asyncio.run(fit(history(*sizes), window=window, kept=begun))
    except ProviderRefused:
        return  # the question and half of the room for the reply do not fit: refused, not cut
    assert fitted.input_tokens + min(100, window // REPLY_SHARE) <= window
    assert begun.endswith(fitted.request.messages[-1].content)


async def test_of_a_very_long_reply_the_end_is_continued():
    """A reply longer than half of the room is continued from its last part; the question stays in."""
    begun = "".join(f"w{number} " for number in range(5000))
    fitted = await fit(history(3), kept=begun)
    assert begun.endswith(fitted.request.messages[-1].content)
    assert 100 < len(fitted.request.messages[-1].content.split()) < 500
    assert sent(fitted)[0] == "m0"
