"""Which models there are."""

from chatapp.providers.base import Model, Readiness
from chatapp.providers.catalog import Catalog


class ModelsService:
    """The models on offer, for everybody the same."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog: Catalog = catalog

    async def offered(self) -> list[Model]:
        """All models that can be chosen."""
        return await self._catalog.models()

    async def default(self) -> Model:
        """The model that answers when none was chosen. Raises `NoModel`."""
        return await self._catalog.default()

    def readiness(self) -> list[tuple[str, Readiness]]:
        """How each provider stands, for the page."""
        return self._catalog.readiness()
