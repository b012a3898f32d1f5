"""All providers together: which models there are, and who answers for one."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta
from time import monotonic
from typing import Final

from chatapp.domain.errors import ChatError, NoModel, ProviderError, UnknownModel
from chatapp.providers.base import Model, Provider, Readiness, provider_of

logger = logging.getLogger(__name__)

#: Providers that stand in where nobody set anything up. They never take the place of one that somebody did
#: set
#: up and that cannot be reached: that would be an answer of another kind, without a word.
STAND_INS: Final = frozenset({"local", "scripted"})
#: A provider counts as down after so many requests that failed with none answered between them: one alone may
#: be a broken line.
DOWN_AFTER: Final = 3
#: And so long after the last of them; then nothing is known of it.
DOWN_FOR: Final = timedelta(seconds=60)
#: Names that an error lists before it says "and more".
NAMES_SHOWN: Final = 8


class Catalog:
    """The providers in order of preference, the id of the model to take when nobody chose (`DEFAULT_MODEL`),
    and those to go on with when one fails (`FALLBACK_MODELS`).
    """

    def __init__(
        self, providers: Sequence[Provider], *, default: str | None = None, fallbacks: Sequence[str] = ()
    ) -> None:
        self.fallbacks = tuple(fallbacks)
        self._providers = {provider.name: provider for provider in providers}
        self._default = default
        self._failures: dict[str, tuple[int, float]] = {}
        self._refreshing: asyncio.Task[list[Model]] | None = None

    async def open(self) -> None:
        """Opens all at once; what takes time goes on in the background."""
        for model_id in self.fallbacks:
            if provider_of(model_id) not in self._providers:
                logger.warning("FALLBACK_MODELS cannot be used: %s has no provider here", model_id)
        await asyncio.gather(*(provider.open() for provider in self._providers.values()))

    async def close(self) -> None:
        """Closes all, in reverse order; one that fails does not keep the others open."""
        if self._refreshing is not None:
            self._refreshing.cancel()
        for provider in reversed(self._providers.values()):
            try:
                await provider.close()
            except Exception:
                logger.exception("closing the provider %s failed", provider.name)

    def readiness(self) -> list[tuple[str, Readiness]]:
        """Each provider's name and how it stands."""
        return [(provider.name, provider.readiness()) for provider in self._providers.values()]

    def refresh(self) -> None:
        """Has the providers asked for their models in the background, where what is known is old."""
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self.models(), name="refresh-models")

    def answered(self, model_id: str) -> None:
        """The model's provider has just done its work."""
        self._failures.pop(provider_of(model_id), None)

    def failed(self, model_id: str, error: ChatError) -> None:
        """It has not. A request that it refused says nothing about the next one."""
        if isinstance(error, ProviderError) and error.retryable:
            name = provider_of(model_id)
            self._failures[name] = (self._failures.get(name, (0, 0.0))[0] + 1, monotonic())

    def trouble(self) -> str:
        """Why nobody could be answered now, by what is known; "" when somebody could.

        What stands in where nothing was set up does not count where something was, unless it is named.
        """
        named = {provider_of(model) for model in (self._default or "", *self.fallbacks)}
        wanted = [name for name in self._providers if name not in STAND_INS or name in named]
        wanted = wanted or list(self._providers)
        if any(self._works(name) for name in wanted):
            return ""
        return f"none can be used: {', '.join(wanted)}"

    def _works(self, name: str) -> bool:
        failures, last_at = self._failures.get(name, (0, 0.0))
        down = failures >= DOWN_AFTER and monotonic() - last_at < DOWN_FOR.total_seconds()
        return self._providers[name].readiness().usable and not down

    async def models(self) -> list[Model]:
        """All models on offer, the preferred provider's first."""
        # One after another: all have been asking since they were opened, and tasks of their own would cost
        # more than the rest of this, at each change of the list of conversations.
        return [model for provider in self._providers.values() for model in await provider.models()]

    async def find(self, model_id: str) -> tuple[Provider, Model]:
        """Who answers for `provider:name`, and the model.

        Raises:
            UnknownModel: there is no such model, and what there is instead.
            NoModel: its server offers none now.
        """
        name, _, model_name = model_id.partition(":")
        provider = self._providers.get(name)
        if provider is None:
            known = ", ".join(self._providers) or "none"
            raise UnknownModel(f"The model {model_id!r} has no provider here. There is: {known}.")
        models = await provider.models()
        for model in models:
            if model.name == model_name:
                return provider, model
        if not models:
            raise _unusable(provider.readiness().message)
        raise UnknownModel(f"There is no model {model_id!r}. There is: {_names(models)}.")

    async def chosen(self, model_id: str) -> str:
        """The id of a model that somebody chose. While its server cannot even be asked for its models, it is
        taken as it is if there are others to go on with.

        Raises:
            UnknownModel, NoModel: as `find`.
        """
        provider = self._providers.get(provider_of(model_id))
        if provider is not None and self.fallbacks and not await provider.models():
            return model_id
        return (await self.find(model_id))[1].id

    async def default(self) -> Model:
        """The model to take when nobody chose one: the setting's, or else the first that is there or coming.

        Raises:
            NoModel: none is, and why.
        """
        if self._default:
            try:
                return (await self.find(self._default))[1]
            except NoModel as error:
                logger.warning("DEFAULT_MODEL cannot be used: %s", error.message)
        problem = ""
        for provider in self._providers.values():
            if problem and provider.name in STAND_INS:
                break
            if models := await provider.models():
                return models[0]
            if provider.name not in STAND_INS:
                problem = problem or provider.readiness().message
        raise _unusable(problem)


def _unusable(problem: str) -> NoModel:
    """For a reason in the provider's words, which say what to do."""
    return NoModel(problem, advice="") if problem else NoModel()


def _names(models: Sequence[Model]) -> str:
    shown = ", ".join(model.id for model in models[:NAMES_SHOWN])
    return f"{shown} and more" if len(models) > NAMES_SHOWN else shown
