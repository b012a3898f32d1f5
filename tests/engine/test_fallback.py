"""When a model fails, the next one goes on, also in mid-reply, and says so; what was shown stays."""

import pytest

from chatapp.domain.errors import NoModel
from chatapp.domain.messages import Seam, Status, Usage
from tests.chat import Chat, Follower, Opening
from tests.upstream import Upstream, text
from tests.waiting import until

OPENAI, SECOND, GEMINI = "openai:mock", "openai:mock-400-30", "gemini:gemini-2.5-mock"


@pytest.fixture
def two_vendors(upstream: Upstream) -> dict[str, str]:
    """Settings: OpenAI is chosen, Gemini stands in, and a silence of a second and a half is a failure."""
    return {"GEMINI_BASE_URL": upstream.gemini_url, "FALLBACK_MODELS": GEMINI, "STREAM_IDLE_TIMEOUT": "1.5"}


def vendors(chat: Chat) -> list[str]:
    """Whom the requests went to, in order."""
    return ["gemini" if record.is_gemini else "openai" for record in chat.upstream.requests]


@pytest.mark.parametrize("fault", ["401", "html", "rst at:30", "hang at:30", "clean at:30"])
async def test_the_next_model_goes_on(opening: Opening, two_vendors: dict[str, str], fault: str):
    """Refused, broken off, gone silent, at its beginning or in its midst: the reply is whole, its text was
    never taken back, and the seam says who went on after whom, from where, and why."""
    async with opening(**two_vendors) as chat:
        turn = await chat.send(f"Go [n:60 r:300 fault:{fault} tries:1]")
        reader = await Follower(chat, turn).open()
        reply = await chat.ended(turn)
        assert (reply.status, reply.text, reply.failure) == (Status.COMPLETE, text(60), None)
        (seam,) = reply.seams
        assert (seam.before, seam.model, seam.is_fallback) == (OPENAI, GEMINI, True)
        assert seam.reason
        assert (seam.at_chars > 0) == ("at:" in fault)
        assert reply.model == GEMINI
        assert vendors(chat) == ["openai", "gemini"]
        await until(lambda: reader.ended)
        assert all(
            later.startswith(earlier) for earlier, later in zip(reader.shown, reader.shown[1:], strict=False)
        )
        assert reader.snapshot is not None
        assert reader.snapshot.message == reply


async def test_reasoning_stays_and_all_tokens_are_counted(opening: Opening, two_vendors: dict[str, str]):
    """What the first model thought is still there, and what it used is paid for as well."""
    settings = two_vendors | {"FALLBACK_MODELS": OPENAI, "DEFAULT_MODEL": GEMINI}
    async with opening(**settings) as chat:
        turn = await chat.send("Go [n:60 r:300 reason:3 fault:clean at:33 tries:1]")
        reply = await chat.ended(turn)
        assert reply.text == text(60)
        assert reply.reasoning.startswith("r0 r1 r2 ")
        assert reply.seams[0].before == GEMINI
        # Gemini counted 30 words and 3 thoughts; the second model the words that were missing.
        assert reply.usage == Usage(input_tokens=22, output_tokens=33 + 30)


async def test_one_after_the_other(opening: Opening, two_vendors: dict[str, str]):
    """Two fail in mid-reply, the third ends it; a model that is in the list twice is tried once."""
    settings = two_vendors | {"FALLBACK_MODELS": f"{OPENAI},{GEMINI},{GEMINI},{SECOND}"}
    async with opening(**settings) as chat:
        turn = await chat.send("Go [n:90 r:300 fault:clean at:30 tries:2]")
        reply = await chat.ended(turn)
        assert reply.text == text(90)
        assert [(seam.before, seam.model) for seam in reply.seams] == [(OPENAI, GEMINI), (GEMINI, SECOND)]
        assert [seam.at_chars for seam in reply.seams] == [len(text(30)), len(text(60))]
        assert vendors(chat) == ["openai", "gemini", "openai"]


async def test_when_all_fail_it_says_what_was_tried(opening: Opening, two_vendors: dict[str, str]):
    """Each once, by name and with its reason; the text that came is kept."""
    async with opening(**two_vendors) as chat:
        turn = await chat.send("Go [n:90 r:300 fault:clean at:30]")
        reply = await chat.ended(turn)
        assert (reply.status, reply.text) == (Status.FAILED, text(60))
        assert reply.failure is not None
        assert reply.failure.code == "provider_unreachable"
        assert f"{OPENAI}: The model's server broke the reply off" in reply.failure.message
        assert f"{GEMINI}: The model's server broke the reply off" in reply.failure.message
        assert vendors(chat) == ["openai", "gemini"]


async def test_without_fallbacks_a_failure_is_what_it_was(chat: Chat):
    """One model, one reason, no seam."""
    reply = await chat.ended(await chat.send("Go [fault:401]"))
    assert reply.status is Status.FAILED
    assert reply.failure is not None
    assert "No model" not in reply.failure.message
    assert reply.seams == ()


async def test_a_stop_while_another_goes_on(opening: Opening, two_vendors: dict[str, str]):
    """The second model has not said a word yet: it is stopped all the same, and the text stays."""
    async with opening(**two_vendors) as chat:
        turn = await chat.send("Go [n:60 r:300 fault:hang at:30]")
        await until(lambda: len(chat.upstream.requests) == 2)
        await chat.stop(turn)
        reply = await chat.ended(turn, seconds=2)
        assert (reply.status, reply.text[: len(text(30))]) == (Status.STOPPED, text(30))
        await until(lambda: chat.upstream.open_streams == 0)


async def test_the_next_process_goes_on_with_the_model_that_had_it(
    opening: Opening, two_vendors: dict[str, str]
):
    """A model that failed in the first process is not asked again by the second."""
    async with opening(**two_vendors) as chat:
        turn = await chat.send("Go [n:200 r:60 fault:clean at:30 tries:1]")
        await chat.has_text(turn, chars=len(text(50)))
    async with opening(**two_vendors) as chat:
        reply = await chat.ended(turn)
        assert reply.text == text(200)
        assert vendors(chat) == ["openai", "gemini", "gemini"]
        fallback, takeover = reply.seams
        assert (fallback.model, takeover.model) == (GEMINI, GEMINI)
        assert takeover == Seam(at_chars=takeover.at_chars, model=GEMINI, reason="takeover", before=GEMINI)


async def test_a_server_that_cannot_be_reached_at_all(opening: Opening, two_vendors: dict[str, str]):
    """Not even its models are known: the model that a person chose is stood in for."""
    async with opening(**two_vendors, OPENAI_BASE_URL="http://127.0.0.1:1/v1") as chat:
        turn = await chat.send("Go [n:7]", model=OPENAI)
        reply = await chat.ended(turn)
        assert (reply.text, reply.model) == (text(7), GEMINI)
        assert (reply.seams[0].before, reply.seams[0].at_chars) == (OPENAI, 0)
        with pytest.raises(NoModel):
            await chat.send("Go", model="nobody:knows")


async def test_the_conversation_is_fitted_to_the_next_window(opening: Opening, two_vendors: dict[str, str]):
    """A message that is too long for the model that was chosen is read by one with a larger window."""
    async with opening(**two_vendors) as chat:
        turn = await chat.send("Go [n:5] " + "word " * 5200, model=SECOND)
        reply = await chat.ended(turn)
        assert (reply.text, reply.model) == (text(5), GEMINI)
        assert "too long" in reply.seams[0].reason
        assert vendors(chat) == ["gemini"]
