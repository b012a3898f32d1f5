"""Which model answers, and what is said when none can."""

from collections.abc import Callable, Sequence

import pytest

from chatapp.domain.errors import NoModel
from chatapp.opening import providers
from chatapp.providers.base import Model, Readiness
from chatapp.providers.catalog import Catalog
from chatapp.providers.scripted import ScriptedProvider
from chatapp.settings import Settings


class Stand(ScriptedProvider):
    """A provider whose readiness is given."""

    def __init__(self, name: str, *models: str, problem: str = "") -> None:
        super().__init__()
        self.name = name
        self.names = models
        self.problem = problem
        self.is_open = False

    async def open(self) -> None:
        self.is_open = True

    async def close(self) -> None:
        self.is_open = False
        if self.problem == "cannot close":
            raise RuntimeError(self.problem)

    def readiness(self) -> Readiness:
        return Readiness(usable=not self.problem, message=self.problem)

    async def models(self) -> Sequence[Model]:
        return [Model(provider=self.name, name=one, label=one, context_tokens=2048) for one in self.names]


OPENAI = Stand("openai", "gpt-5-mini", "llama3:8b")
DOWN = Stand("openai", problem="the host refuses connections")
LOCAL = Stand("local", "small")
NO_NET = Stand("local", problem="no net")
SCRIPTED = Stand("scripted", "support")


async def test_a_fallback_without_a_provider_is_told_at_the_start(caplog: pytest.LogCaptureFixture) -> None:
    """Else one would learn of it when it is needed."""
    catalog = Catalog([SCRIPTED], fallbacks=["scripted:support", "gemini:gemini-2.5-flash"])
    await catalog.open()
    assert [record.message for record in caplog.records] == [
        "FALLBACK_MODELS cannot be used: gemini:gemini-2.5-flash has no provider here"
    ]


@pytest.mark.parametrize(
    ("model", "fallbacks", "taken"),
    [
        ("openai:gpt-5-mini", ["scripted:support"], True),
        ("scripted:gone", ["scripted:support"], False),
        ("openai:gpt-5-mini", [], False),
        ("nobody:knows", ["scripted:support"], False),
    ],
)
async def test_a_model_of_a_server_that_is_down(model: str, fallbacks: list[str], taken: bool) -> None:
    """It is taken while another can go on for it; one that does not exist never is."""
    catalog = Catalog([DOWN, SCRIPTED], fallbacks=fallbacks)
    if taken:
        assert await catalog.chosen(model) == model
    else:
        with pytest.raises(NoModel):
            await catalog.chosen(model)


def test_the_local_model_is_there_for_whoever_names_it(settings_with: Callable[..., Settings]) -> None:
    """Beside a server that has a key, it can stand in."""
    server = {"OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}
    assert [provider.name for provider in providers(settings_with(**server))] == ["openai", "scripted"]
    named = settings_with(**server, FALLBACK_MODELS="local:smollm2-135m")
    assert [provider.name for provider in providers(named)] == ["openai", "local", "scripted"]


@pytest.mark.parametrize(
    ("providers", "default", "chosen"),
    [
        ([OPENAI, LOCAL, SCRIPTED], None, "openai:gpt-5-mini"),
        ([OPENAI, LOCAL, SCRIPTED], "local:small", "local:small"),
        ([OPENAI, LOCAL, SCRIPTED], "openai:llama3:8b", "openai:llama3:8b"),
        ([OPENAI, SCRIPTED], "openai:gone", "openai:gpt-5-mini"),
        ([LOCAL, SCRIPTED], None, "local:small"),
        ([NO_NET, SCRIPTED], None, "scripted:support"),
        ([SCRIPTED], None, "scripted:support"),
    ],
)
async def test_the_default(providers: list[Stand], default: str | None, chosen: str) -> None:
    """The setting's; else what was set up; else the local model; else the demo."""
    assert (await Catalog(providers, default=default).default()).id == chosen


@pytest.mark.parametrize("providers", [[DOWN, LOCAL, SCRIPTED], [DOWN, SCRIPTED], [DOWN]])
async def test_no_stand_in_answers_for_a_provider_that_was_set_up(providers: list[Stand]) -> None:
    """An answer of another kind without a word would be worse than none."""
    with pytest.raises(NoModel, match="refuses connections"):
        await Catalog(providers).default()


async def test_nothing_at_all() -> None:
    """Said in words."""
    with pytest.raises(NoModel, match="choose another model"):
        await Catalog([]).default()


async def test_finding() -> None:
    """By provider and name; a name may have colons."""
    provider, model = await Catalog([OPENAI, SCRIPTED]).find("openai:llama3:8b")
    assert (provider, model.name) == (OPENAI, "llama3:8b")


@pytest.mark.parametrize(
    ("model_id", "words"),
    [
        ("openai:gpt-9", "openai:gpt-5-mini, openai:llama3:8b"),
        ("gemini:flash", "openai, local, scripted"),
        ("gpt-5-mini", "openai, local, scripted"),
        ("", "openai, local, scripted"),
        ("local:small", "no net"),
    ],
)
async def test_not_finding(model_id: str, words: str) -> None:
    """Says what there is instead, or why it is not there."""
    with pytest.raises(NoModel, match=words):
        await Catalog([OPENAI, NO_NET, SCRIPTED]).find(model_id)


async def test_all_models_in_the_order_of_preference() -> None:
    """As the picker shows them."""
    models = await Catalog([OPENAI, LOCAL, SCRIPTED]).models()
    assert [model.id for model in models] == [
        "openai:gpt-5-mini",
        "openai:llama3:8b",
        "local:small",
        "scripted:support",
    ]


async def test_all_are_opened_and_closed() -> None:
    """Also when one cannot be closed."""
    providers = [Stand("a", "x"), Stand("b", problem="cannot close"), Stand("c", "z")]
    catalog = Catalog(providers)
    await catalog.open()
    assert all(provider.is_open for provider in providers)
    assert [name for name, readiness in catalog.readiness() if readiness.usable] == ["a", "c"]
    await catalog.close()
    assert not any(provider.is_open for provider in providers)
