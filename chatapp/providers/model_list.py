"""A list of models that comes from a server: asked for in the background, kept for minutes."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final

from chatapp.domain.errors import ChatError, NoModel
from chatapp.providers.base import Model, Readiness

logger = logging.getLogger(__name__)

FRESH_FOR: Final = timedelta(minutes=5)
#: How soon a server that did not answer is asked again, when somebody wants to know.
ASK_AGAIN_AFTER: Final = timedelta(seconds=15)

NONE_OFFERED: Final = "The model's server offers no model. Please name one in the settings."


class ModelList:
    """The models that `fetch` finds. Only the first question waits; later ones get what is known.

    `given` are models that are known without asking: they are on offer whether or not the server answers.
    """

    def __init__(
        self, *, fetch: Callable[[], Awaitable[Sequence[Model]]], given: Sequence[Model] = ()
    ) -> None:
        self._fetch = fetch
        self._given = tuple(given)
        self._found: tuple[Model, ...] = ()
        self._problem = ""
        self._asked_at: float | None = None
        self._task: asyncio.Task[None] | None = None

    def refresh(self) -> None:
        """Asks in the background, unless it is being asked or what is known is fresh."""
        if self._given or self._task is not None or not self._is_stale():
            return
        self._task = asyncio.create_task(self._ask(), name="model-list")
        self._task.add_done_callback(self._forget)

    async def models(self) -> Sequence[Model]:
        """The models; empty when the server has not answered."""
        self.refresh()
        if self._task is not None and not self._found and self._asked_at is None:
            await asyncio.wait([self._task])
        return self._given or self._found

    def readiness(self, server: str) -> Readiness:
        """Usable once there is a model; coming while the first question is open."""
        if self._given or self._found:
            return Readiness(usable=True)
        if self._asked_at is None:
            return Readiness(usable=False, message=f"Asking {server} for its models.", progress=0.0)
        return Readiness(usable=False, message=self._problem)

    async def wait(self) -> None:
        """Returns when there is a model.

        Raises:
            NoModel: the server was asked and there is none.
        """
        if not await self.models():
            raise NoModel(self._problem, advice="")

    async def close(self) -> None:
        """Stops asking."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def _forget(self, _: asyncio.Task[None]) -> None:
        self._task = None

    def _is_stale(self) -> bool:
        if self._asked_at is None:
            return True
        age = asyncio.get_running_loop().time() - self._asked_at
        return age > (ASK_AGAIN_AFTER if self._problem else FRESH_FOR).total_seconds()

    async def _ask(self) -> None:
        try:
            self._found = tuple(await self._fetch())
            self._problem = "" if self._found else NONE_OFFERED
        except ChatError as error:
            # What was found before stays on offer: one missed answer is no reason to empty the menu.
            self._problem = error.message
            logger.warning("the list of models could not be had: %s", error.message)
        finally:
            self._asked_at = asyncio.get_running_loop().time()
