"""What the provider asks of a server that speaks OpenAI's chat completions; see also `test_vendors.py`."""

from datetime import timedelta

import pytest

from chatapp.domain.errors import NoModel
from chatapp.providers.dialect import CONTINUE
from chatapp.providers.openai import OpenAIProvider
from tests.providers.asking import ask, request, said
from tests.upstream import Upstream, text


async def test_the_length_is_asked_for(provider: OpenAIProvider, upstream: Upstream) -> None:
    """In the field that servers other than OpenAI's know."""
    await ask(provider, request("[n:50]", limit=7))
    assert upstream.requests[0].body["max_tokens"] == 7


@pytest.mark.parametrize("field", ["stream_options", "max_tokens"])
async def test_a_field_that_the_server_refuses_is_left_out(
    provider: OpenAIProvider, upstream: Upstream, field: str
) -> None:
    """Once refused, it is not sent to this model again."""
    for _ in range(2):
        assert said(await ask(provider, request(f"[n:5 refuse:{field}]"))) == text(5)
    assert [record.outcome for record in upstream.requests] == ["400", "complete", "complete"]


@pytest.mark.parametrize("system", ["", "Be kind."])
async def test_an_unfinished_reply_stays_last(
    provider: OpenAIProvider, upstream: Upstream, system: str
) -> None:
    """Servers that prefill go on from it; for the others it is said in words."""
    given = text(30)[:-2]
    events = await ask(provider, request("[n:60]", given=given, system=system))
    assert given + said(events) == text(60)
    messages = upstream.requests[0].body["messages"]
    assert messages[-1] == {"role": "assistant", "content": given}
    assert messages[0]["role"] == "system"
    assert messages[0]["content"].startswith(system)
    assert messages[0]["content"].endswith(CONTINUE)


async def test_models_come_from_the_server(provider: OpenAIProvider, upstream: Upstream) -> None:
    """With the window that it says, asked once."""
    assert [model.id for model in await provider.models()] == ["openai:mock", "openai:mock-400-30"]
    assert [model.context_tokens for model in await provider.models()] == [32768, 8192]
    assert upstream.model_lists == 1


async def test_models_from_the_setting_need_no_answer() -> None:
    """In the setting's order, usable at once."""
    provider = OpenAIProvider(api_key="k", base_url="http://127.0.0.1:1/v1", models=["gpt-4o", "b"])
    await provider.open()
    assert provider.readiness().usable
    assert [model.context_tokens for model in await provider.models()] == [128_000, 8192]
    await provider.wait_ready()
    await provider.close()


async def test_no_list_of_models(upstream: Upstream) -> None:
    """Nothing on offer, and the reason."""
    upstream.models = None
    provider = OpenAIProvider(api_key="secret-key", base_url=upstream.base_url)
    await provider.open()
    assert provider.readiness().is_coming
    assert await provider.models() == ()
    assert not provider.readiness().usable
    assert "500" in provider.readiness().message
    with pytest.raises(NoModel, match="500"):
        await provider.wait_ready()
    await provider.close()


async def test_an_estimate_of_tokens_errs_upwards(provider: OpenAIProvider) -> None:
    """A context that is thought too long loses an old message; one that is too long is refused."""
    english = "The quick brown fox jumps over the lazy dog. " * 10  # 101 tokens by o200k_base
    chinese = "敏捷的棕色狐狸跳过了懒狗。" * 10  # 150 by cl100k_base
    counts = await provider.count_tokens("mock", ["", english, chinese])
    assert 0 < counts[0] < 10
    assert 101 <= counts[1] <= 202
    assert 150 <= counts[2] <= 300


def test_durations_are_durations() -> None:
    """The defaults leave time for a model that thinks."""
    assert OpenAIProvider(api_key="k").readiness().is_coming
    OpenAIProvider(api_key="k", first_byte_timeout=timedelta(minutes=5))
