"""What the provider asks of Gemini, and what it makes of its answers; see also `test_vendors.py`."""

import json
import subprocess
import sys
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from llmock.pytest_plugin import LLMock

from chatapp.domain.errors import ProviderError, ProviderRefused, ProviderUnreachable
from chatapp.domain.events import ToolCall
from chatapp.domain.messages import FinishReason, Usage
from chatapp.domain.runs import RunOptions
from chatapp.providers.base import Capability, ModelRequest, Provider
from chatapp.providers.dialect import CONTINUE
from chatapp.providers.gemini import GeminiProvider
from chatapp.providers.gemini_dialect import GO_ON
from chatapp.providers.gemini_models import chat_models
from tests.advice import says_what_to_do
from tests.providers.asking import ask, ask_until_it_breaks, end, request, said
from tests.providers.vendors import provider_of
from tests.upstream import Upstream, text

MODEL = "gemini-2.5-mock"


def asked(
    message: str, *, model: str = MODEL, given: str | None = None, limit: int = 100_000
) -> ModelRequest:
    return request(message, model=model, given=given, system="Be kind.", limit=limit)


@pytest.fixture
async def gemini(upstream: Upstream) -> AsyncGenerator[Provider]:
    opened = provider_of("gemini", upstream.gemini_url)
    await opened.open()
    await opened.wait_ready()
    yield opened
    await opened.close()


async def test_the_request_is_in_the_api_s_words(gemini: Provider, upstream: Upstream) -> None:
    """Roles, system, length, thoughts; the key in a header and nowhere else."""
    await ask(gemini, asked("[n:5]", limit=7))
    (record,) = upstream.requests
    assert record.body == {
        "contents": [{"role": "user", "parts": [{"text": "[n:5]"}]}],
        "systemInstruction": {"parts": [{"text": "Be kind."}]},
        "generationConfig": {"maxOutputTokens": 7, "thinkingConfig": {"includeThoughts": True}},
    }
    assert record.headers["x-goog-api-key"] == "secret-key"


@pytest.mark.parametrize("schema", [{"type": "object", "properties": {}}, None])
async def test_options_are_in_the_api_s_words(
    gemini: Provider, upstream: Upstream, schema: dict[str, Any] | None
) -> None:
    """Sampling, stop texts, and an answer that is JSON."""
    wanted: dict[str, Any] = {"type": "json_object"}
    if schema is not None:
        wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    options = RunOptions(
        stop=("END",), temperature=0.25, top_p=0.5, seed=7, response_format=json.dumps(wanted)
    )
    await ask(gemini, request("[n:5]", model=MODEL, options=options))
    config = upstream.requests[0].body["generationConfig"]
    del config["maxOutputTokens"], config["thinkingConfig"]
    assert config == {
        "stopSequences": ["END"],
        "temperature": 0.25,
        "topP": 0.5,
        "seed": 7,
        "responseMimeType": "application/json",
        **({} if schema is None else {"responseJsonSchema": schema}),
    }


async def test_thoughts_are_paid_for(gemini: Provider) -> None:
    """Gemini counts them apart from the words."""
    events = await ask(gemini, asked("[n:5 reason:3]"))
    assert end(events).usage == Usage(input_tokens=11, output_tokens=8)


@pytest.mark.parametrize(
    ("finish", "reason"),
    [
        ("STOP", FinishReason.STOP),
        ("MAX_TOKENS", FinishReason.LENGTH),
        ("SAFETY", FinishReason.CONTENT_FILTER),
        ("RECITATION", FinishReason.CONTENT_FILTER),
        ("SOMETHING_NEW", FinishReason.CONTENT_FILTER),
    ],
)
async def test_finish_reasons(gemini: Provider, finish: str, reason: FinishReason) -> None:
    """A text that a rule about contents cut stays, and says so."""
    events = await ask(gemini, asked(f"[n:5 finish:{finish}]"))
    assert (said(events), end(events).finish_reason) == (text(5), reason)


@pytest.mark.parametrize(
    ("message", "kind", "words", "tries"),
    [
        ("[n:5 fault:blocked at:0]", ProviderRefused, "declined to answer this (PROHIBITED_CONTENT)", 1),
        ("[n:0 finish:SAFETY]", ProviderRefused, "declined to answer this (SAFETY)", 1),
        ("[n:5 finish:MALFORMED_RESPONSE]", ProviderUnreachable, "MALFORMED_RESPONSE", 1),
        ("[n:0]", ProviderUnreachable, "before the first word", 3),
    ],
)
async def test_refusals_are_clear(
    gemini: Provider, upstream: Upstream, message: str, kind: type[ProviderError], words: str, tries: int
) -> None:
    """A blocked question, an answer that was withheld, a model that broke, and one that said nothing."""
    _, error = await ask_until_it_breaks(gemini, asked(message))
    assert isinstance(error, kind)
    assert words in error.message
    assert says_what_to_do(error.message)
    assert len(upstream.requests) == tries


@pytest.mark.parametrize(("model", "requests"), [(MODEL, 1), ("gemini-9-words", 1), ("gemini-2.5-words", 2)])
async def test_an_unfinished_reply_is_gone_on_with(
    gemini: Provider, upstream: Upstream, model: str, requests: int
) -> None:
    """By prefill where the model takes it, else in words; a model that refuses a prefill is asked again."""
    given = text(30)[:-2]
    events = await ask(gemini, asked("[n:60]", model=model, given=given))
    assert given + said(events) == text(60)
    assert len(upstream.requests) == requests
    contents = upstream.requests[-1].body["contents"]
    turn = {"role": "model", "parts": [{"text": given}]}
    if model == MODEL:
        assert contents[-1] == turn
        assert upstream.requests[0].body["systemInstruction"]["parts"][0]["text"].endswith(CONTINUE)
    else:
        assert contents[-2:] == [turn, {"role": "user", "parts": [{"text": GO_ON}]}]
    await ask(gemini, asked("[n:60]", model=model, given=given))
    assert len(upstream.requests) == requests + 1, "what was learnt is kept"


@pytest.mark.parametrize("field", ["thinkingConfig", "systemInstruction", "maxOutputTokens"])
async def test_a_field_that_the_model_refuses_is_left_out(
    gemini: Provider, upstream: Upstream, field: str
) -> None:
    """Once refused, it is not sent to this model again; what the system says is said all the same."""
    for _ in range(2):
        assert said(await ask(gemini, asked(f"[n:5 refuse:{field}]"))) == text(5)
    assert [record.outcome for record in upstream.requests] == ["400", "complete", "complete"]
    assert "Be kind." in str(upstream.requests[-1].body)


async def test_models_are_asked_for(gemini: Provider) -> None:
    """The list says what they are called, how much they read, and whether they think."""
    (model,) = await gemini.models()
    assert (model.id, model.label, model.context_tokens) == (f"gemini:{MODEL}", "Gemini Mock", 32768)
    assert Capability.REASONING in model.capabilities


class _Entry:
    def __init__(self, name: str, thinking: bool | None = None, actions: list[str] | None = None) -> None:
        self.name: str | None = f"models/{name}"
        self.display_name: str | None = None
        self.input_token_limit: int | None = None
        self.supported_actions: list[str] | None = actions
        self.thinking: bool | None = thinking


def test_the_best_default_is_first() -> None:
    """The newest Flash that is no variant, then Pro; what does not chat is left out."""
    names = [
        "gemini-2.0-flash",
        "gemini-3.8-flash-lite",
        "gemini-3.8-flash",
        "gemini-3.5-pro",
        "gemini-4-flash-preview-09",
        "gemini-2.5-flash-image",
        "gemini-embedding-001",
        "gemma-3-27b-it",
    ]
    models = chat_models([_Entry(name) for name in names], provider="gemini")
    assert [model.name for model in models] == [
        "gemini-3.8-flash",
        "gemini-2.0-flash",
        "gemini-3.5-pro",
        "gemini-4-flash-preview-09",
        "gemini-3.8-flash-lite",
        "gemma-3-27b-it",
    ]
    (plain,) = chat_models([_Entry("gemini-3.8-flash", thinking=False)], provider="gemini")
    assert Capability.REASONING not in plain.capabilities
    assert chat_models([_Entry("gemini-3", actions=["embedContent"])], provider="gemini") == []


async def test_the_version_is_a_setting(upstream: Upstream) -> None:
    """Given by itself or, as other libraries want it, with the address."""
    upstream.key = ""
    paths: list[str] = []
    for url, version in ((upstream.gemini_url, "v7"), (f"{upstream.gemini_url}/v7beta/", None)):
        provider = GeminiProvider(api_key="k", base_url=url, api_version=version, models=["m"])
        await provider.open()
        assert said(await ask(provider, request("[n:5]", model="m"))) == text(5)
        await provider.close()
        paths = [record.path for record in upstream.requests]
    assert paths == [
        "/gemini/v7/models/m:streamGenerateContent",
        "/gemini/v7beta/models/m:streamGenerateContent",
    ]


async def test_a_third_party_s_server(llmock: LLMock) -> None:
    """Its limits are waited out, its calls read, its outage told."""
    provider = GeminiProvider(
        api_key="test",
        base_url=llmock.base_url("gemini"),
        api_version="v1beta",
    )
    await provider.open()
    model = (await provider.models())[0].name
    llmock.reply("Words, naïve 🙂.").rate_limit(times=2, retry_after=0.05)
    assert said(await ask(provider, request("Hello", model=model))) == "Words, naïve 🙂."
    llmock.call_tool("weather", {"city": "Zürich"})
    events = await ask(provider, request("Hello", model=model))
    assert [event.arguments for event in events if isinstance(event, ToolCall)] == ['{"city": "Zürich"}']
    llmock.outage()
    _, error = await ask_until_it_breaks(provider, request("Hello", model=model))
    assert isinstance(error, ProviderError)
    await provider.close()


def test_the_sdk_is_not_loaded_without_need() -> None:
    """It takes a second and 40 MB, and most who start the app have no key for it."""
    code = "import sys, chatapp.bootstrap; print('google.genai' in sys.modules)"
    shown: Any = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "False"
