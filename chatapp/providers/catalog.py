"""All models of all providers, and which one answers when nobody chose."""

import asyncio
from collections.abc import Sequence

from chatapp.domain.errors import NoModel
from chatapp.providers.base import Model, Provider, Readiness


class Catalog:
    """Providers in order of preference.

    Args:
        providers: the first usable one's first model is the default.
        default: the id of the model that answers when none was chosen; None for the first usable.
    """

    def __init__(self, providers: Sequence[Provider], *, default: str | None = None) -> None:
        self._providers: dict[str, Provider] = {provider.name: provider for provider in providers}
        self._default: str | None = default

    async def open(self) -> None:
        """Opens all providers; returns at once."""
        for provider in self._providers.values():
            await provider.open()

    async def close(self) -> None:
        """Closes all providers."""
        await asyncio.gather(*(provider.close() for provider in self._providers.values()))

    async def models(self) -> list[Model]:
        """All models on offer."""
        lists = await asyncio.gather(*(provider.models() for provider in self._providers.values()))
        return [model for models in lists for model in models]

    async def find(self, model_id: str) -> tuple[Provider, Model]:
        """The provider and the model of an id. Raises `NoModel`."""
        name, _, _ = model_id.partition(":")
        provider = self._providers.get(name)
        for model in await provider.models() if provider else ():
            if provider and model.id == model_id:
                return provider, model
        raise NoModel(f"The model {model_id[:100]!r} is not on offer. Please choose another one.")

    async def default(self) -> Model:
        """The model that answers when none was chosen. Raises `NoModel`."""
        if self._default is not None:
            return (await self.find(self._default))[1]
        for provider in self._providers.values():
            readiness = provider.readiness()
            if (readiness.usable or readiness.is_coming) and (models := await provider.models()):
                return models[0]
        raise NoModel

    def readiness(self) -> list[tuple[str, Readiness]]:
        """How each provider stands."""
        return [(name, provider.readiness()) for name, provider in self._providers.items()]
