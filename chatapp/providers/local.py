"""A small model on this machine, so that a newcomer without any key gets a real answer.

It runs in a child process (`local_server.py`), is asked like any OpenAI-compatible server, and is started
again when it dies. Its weights are fetched once, in the background (`weights.py`).
"""

import asyncio
import contextlib
import importlib.util
import logging
import os
from collections import OrderedDict
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import aiohttp

from chatapp.domain.errors import NoModel, ProviderUnreachable
from chatapp.providers.base import Model, ModelRequest, Readiness, StepEvent
from chatapp.providers.local_server import LocalOptions, LocalServer
from chatapp.providers.openai import OpenAIProvider
from chatapp.providers.weights import Weights
from chatapp.providers.windows import TOKENS_PER_MESSAGE, estimate_tokens

logger = logging.getLogger(__name__)

MODEL: Final = Model(
    provider="local",
    name="smollm2-135m",
    label="SmolLM2 135M (on this machine)",
    context_tokens=2048,
    notice="A very small model on this machine: it often errs. For a better one, set OPENAI_API_KEY or "
    "GEMINI_API_KEY.",
)
#: Temperature and top_p are those of SmolLM2's model card. A model of this size falls into loops; the
#: penalties (llama.cpp's, "DRY" among them) get it out of them: of five prompts tried without, two ended so.
SAMPLING: Final = {
    "temperature": 0.2,
    "top_p": 0.9,
    "repeat_penalty": 1.1,
    "repeat_last_n": 256,
    "dry_multiplier": 0.8,
}
#: A model of this size does not know when to end; a reply of this length takes 5 s, and "Continue" goes on.
MAX_REPLY_TOKENS: Final = 400
#: How often a request that waits for a slot says so. Well within any idle timeout.
SIGN_OF_LIFE: Final = timedelta(seconds=5)
#: More bring a model of this size nothing: it makes 80 tokens/s with one thread, 130 with two.
MAX_THREADS: Final = 4
#: Reading a full window takes up to 20 s with one thread, and others may be before it.
FIRST_BYTE_TIMEOUT: Final = timedelta(minutes=5)
RESTART_DELAY: Final = timedelta(seconds=1)
MAX_RESTART_DELAY: Final = timedelta(minutes=1)
#: The net may be back by then.
FETCH_AGAIN_AFTER: Final = timedelta(minutes=1)
#: A child that lived as long did not die of its start.
LIVED: Final = timedelta(minutes=1)
#: Deaths in a row after which it is said to be broken; it is tried on all the same.
DEATHS_UNTIL_BROKEN: Final = 3
COUNTS_KEPT: Final = 2048


class LocalProvider:
    """See `Provider`. `folder` keeps the weights, `max_connections` is the number of replies at once."""

    name: str = "local"

    def __init__(self, *, folder: Path, max_connections: int = 100) -> None:
        self._weights = Weights(folder=folder)
        self._max_connections = max_connections
        # Half of the cores: llama.cpp's threads wait for each other by spinning, so that one which has to
        # share its core slows all down, to 4 tokens/s on two busy cores; and the page needs its share.
        threads = max(1, min((os.cpu_count() or 1) // 2, MAX_THREADS))
        self._options = LocalOptions(context_tokens=MODEL.context_tokens, threads=threads)
        self._slots = asyncio.Semaphore(self._options.slots)
        self._readiness = Readiness(
            usable=False, message="The small local model is being prepared.", progress=0.0
        )
        self._settled = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._server: LocalServer | None = None
        self._client: OpenAIProvider | None = None
        self._counts: OrderedDict[str, int] = OrderedDict()

    async def open(self) -> None:
        """Fetches the weights if need be and starts the model, in the background."""
        if importlib.util.find_spec("xllamacpp") is None:
            self._say(
                "The small local model cannot run here: there is no xllamacpp for this system. Please set "
                "OPENAI_API_KEY or GEMINI_API_KEY.",
                None,
            )
            return
        self._task = asyncio.create_task(self._keep_going(), name="local-model")

    async def close(self) -> None:
        """Ends the child; returns when it is gone. What was fetched so far is kept."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def readiness(self) -> Readiness:
        """See `Provider`."""
        return self._readiness

    async def wait_ready(self) -> None:
        """See `Provider`; waits for the fetch, too."""
        await self._settled.wait()
        if not self._readiness.usable:
            raise NoModel(self._readiness.message, advice="")

    async def models(self) -> Sequence[Model]:
        """The model, as soon as it is coming."""
        return (MODEL,) if self._readiness.usable or self._readiness.is_coming else ()

    async def count_tokens(self, model: str, texts: Sequence[str]) -> list[int]:
        """Exact while the model runs: in so small a window an estimate would cost much of it."""
        return list(await asyncio.gather(*(self._count(text) for text in texts)))

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Sequence[StepEvent], None]:
        """See `Provider`."""
        if self._client is None:
            raise ProviderUnreachable("The local model is being started.")
        while not await self._took_slot():
            yield ()  # others are before it: that is waiting, not hanging
        try:
            short = replace(request, max_output_tokens=min(request.max_output_tokens, MAX_REPLY_TOKENS))
            async with aclosing(self._client.stream(short)) as batches:
                async for batch in batches:
                    yield batch
        except ProviderUnreachable as error:
            raise ProviderUnreachable("The local model stopped; it is being started again.") from error
        finally:
            self._slots.release()

    async def _took_slot(self) -> bool:
        """Waits for one of the child's slots; False when none came free for a while."""
        try:
            async with asyncio.timeout(SIGN_OF_LIFE.total_seconds()):
                return await self._slots.acquire()
        except TimeoutError:
            return False

    @property
    def pid(self) -> int | None:
        """The child's process id, while there is one."""
        return self._server.pid if self._server else None

    def _say(self, message: str, progress: float | None) -> None:
        """Not usable: coming where there is a progress, settled for now where there is none."""
        self._readiness = Readiness(usable=False, message=message, progress=progress)
        if progress is None:
            self._settled.set()
        else:
            self._settled.clear()

    async def _keep_going(self) -> None:
        deaths = 0
        while True:
            try:
                weights = await self._weights.ready(self._say)
            except NoModel as error:
                logger.warning("%s", error.message)
                self._say(error.message, None)
                await asyncio.sleep(FETCH_AGAIN_AFTER.total_seconds())
                continue
            started = asyncio.get_running_loop().time()
            problem = await self._serve(weights)
            lived = asyncio.get_running_loop().time() - started > LIVED.total_seconds()
            deaths = 1 if lived else deaths + 1
            logger.warning("%s", problem)
            self._say(problem, 1.0 if deaths < DEATHS_UNTIL_BROKEN else None)
            await asyncio.sleep(min(RESTART_DELAY * 2 ** (deaths - 1), MAX_RESTART_DELAY).total_seconds())

    async def _serve(self, weights: Path) -> str:
        """From a child's start to its end, and why it ended."""
        async with contextlib.AsyncExitStack() as stack:
            try:
                server = await LocalServer.start(weights, self._options)
            except NoModel as error:
                return error.message
            stack.push_async_callback(server.stop)
            client = self._client_of(server)
            stack.push_async_callback(client.close)
            await client.open()
            stack.callback(self._forget)
            self._server, self._client = server, client
            self._readiness = Readiness(usable=True)
            self._settled.set()
            return f"The local model stopped (exit code {await server.died()})."

    def _client_of(self, server: LocalServer) -> OpenAIProvider:
        return OpenAIProvider(
            api_key=server.key,
            base_url=server.base_url,
            models=(MODEL.name,),
            max_connections=self._max_connections,
            first_byte_timeout=FIRST_BYTE_TIMEOUT,
            server="The local model",
            extra_body=SAMPLING,
            use_proxies=False,
            prefills=True,
        )

    def _forget(self) -> None:
        self._server = self._client = None
        self._say("The local model stopped; it is being started again.", 1.0)

    async def _count(self, text: str) -> int:
        if (known := self._counts.get(text)) is not None:
            self._counts.move_to_end(text)
            return known
        if self._server is None:
            return estimate_tokens(text)
        try:
            count = await self._server.count_tokens(text) + TOKENS_PER_MESSAGE
        except (aiohttp.ClientError, TimeoutError):
            return estimate_tokens(text)
        self._counts[text] = count
        if len(self._counts) > COUNTS_KEPT:
            self._counts.popitem(last=False)
        return count
