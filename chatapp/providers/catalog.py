"""All providers together: which models there are, and who answers for one."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from chatapp.domain.errors import NoModel
from chatapp.providers.base import Model, Provider, Readiness

logger = logging.getLogger(__name__)

#: Providers that stand in where nobody set anything up. They never take the place of one that somebody did
#: set
#: up and that cannot be reached: that would be an answer of another kind, without a word.
STAND_INS: Final = frozenset({"local", "scripted"})
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

    async def open(self) -> None:
        """Opens all at once; what takes time goes on in the background."""
        for model_id in self.fallbacks:
            if model_id.partition(":")[0] not in self._providers:
                logger.warning("FALLBACK_MODELS cannot be used: %s has no provider here", model_id)
        await asyncio.gather(*(provider.open() for provider in self._providers.values()))

    async def close(self) -> None:
        """Closes all, in reverse order; one that fails does not keep the others open."""
        for provider in reversed(self._providers.values()):
            try:
                await provider.close()
            except Exception:
                logger.exception("closing the provider %s failed", provider.name)

    def readiness(self) -> list[tuple[str, Readiness]]:
        """Each provider's name and how it stands."""
        return [(provider.name, provider.readiness()) for provider in self._providers.values()]

    async def models(self) -> list[Model]:
        """All models on offer, the preferred provider's first."""
        found = await asyncio.gather(*(provider.models() for provider in self._providers.values()))
        return [model for models in found for model in models]

    async def find(self, model_id: str) -> tuple[Provider, Model]:
        """Who answers for `provider:name`, and the model.

        Raises:
            NoModel: there is no such model, and what there is instead.
        """
        name, _, model_name = model_id.partition(":")
        provider = self._providers.get(name)
        if provider is None:
            known = ", ".join(self._providers) or "none"
            raise NoModel(f"The model {model_id!r} has no provider here. There is: {known}.")
        models = await provider.models()
        for model in models:
            if model.name == model_name:
                return provider, model
        if not models:
            raise _unusable(provider.readiness().message)
        raise NoModel(f"There is no model {model_id!r}. There is: {_names(models)}.")

    async def chosen(self, model_id: str) -> str:
        """The id of a model that somebody chose. While its server cannot even be asked for its models, it is
        taken as it is if there are others to go on with.

        Raises:
            NoModel: there is no such model.
        """
        provider = self._providers.get(model_id.partition(":")[0])
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
