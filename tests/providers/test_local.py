"""The real model on this machine, end to end: real weights, a real child."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import pytest
import pytest_asyncio

from chatapp.domain.errors import NoModel, ProviderRefused, ProviderUnreachable
from chatapp.domain.messages import FinishReason
from chatapp.providers.local import MODEL, LocalProvider
from chatapp.providers.local_server import LocalOptions, LocalServer
from chatapp.settings.values import PROJECT_ROOT
from tests.needs import require
from tests.providers.asking import ask, ask_until_it_breaks, end, request, said
from tests.waiting import until

#: The first test may have to fetch the weights.
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]

#: The app's own folder: who has run the app has the weights, and who runs the tests twice fetches them once.
FOLDER = PROJECT_ROOT / "data" / "models"


def lives(pid: int) -> bool:
    """Whether the process is there, and more than its parent's memory of it."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


@pytest.fixture(scope="module", autouse=True)
def xllamacpp_is_there() -> None:
    require("linux")
    pytest.importorskip("xllamacpp", reason="needs xllamacpp: pip install -r requirements.txt")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def provider() -> AsyncGenerator[LocalProvider]:
    """The model, running; its weights are fetched if need be."""
    opened = LocalProvider(folder=FOLDER)
    await opened.open()
    try:
        await opened.wait_ready()
    except NoModel as error:
        pytest.skip(f"needs the local model's weights: {error.message}")
    yield opened
    await opened.close()


async def test_a_newcomer_gets_a_real_answer(provider: LocalProvider) -> None:
    """From nothing but the app: weights, child, tokens, usage."""
    assert await provider.models() == (MODEL,)
    asked = request("What is the capital of France?", model=MODEL.name, limit=60)
    batches = [batch async for batch in provider.stream(asked)]
    events = [event for batch in batches for event in batch]
    assert len(batches) > 3
    assert len(said(events)) > 10
    assert end(events).usage.input_tokens > 5
    assert end(events).usage.output_tokens > 3


async def test_it_goes_on_with_an_unfinished_reply(provider: LocalProvider) -> None:
    """Without beginning anew."""
    asked = request("Count from one to ten.", model=MODEL.name, given="One, two, three,", limit=20)
    assert "four" in said(await ask(provider, asked)).lower()[:12]


async def test_tokens_are_counted_exactly(provider: LocalProvider) -> None:
    """Each digit is one in this model's vocabulary, where an estimate would say a third."""
    counts = await provider.count_tokens(MODEL.name, ["", "1234567890" * 10])
    assert counts[0] < 10
    assert 100 <= counts[1] <= 110


async def test_a_conversation_that_is_too_long_is_refused_in_words(provider: LocalProvider) -> None:
    """And the length of a reply is bounded."""
    _, error = await ask_until_it_breaks(provider, request("word " * 3000, model=MODEL.name))
    assert isinstance(error, ProviderRefused)
    assert "start a new chat" in error.message
    events = await ask(provider, request("Tell me a story.", model=MODEL.name, limit=5))
    assert end(events).finish_reason is FinishReason.LENGTH


async def test_a_stopped_reply_frees_its_place(provider: LocalProvider) -> None:
    """There are two; more replies than that are stopped, and the next one is not kept waiting."""
    story = request("Write a very long story.", model=MODEL.name, limit=1500)
    for _ in range(4):
        async with aclosing(provider.stream(story)) as batches:
            await anext(batches)
    async with asyncio.timeout(50):
        assert said(await ask(provider, request("Hello", model=MODEL.name, limit=10)))


async def test_a_child_that_dies_is_started_again(provider: LocalProvider) -> None:
    """A reply that it was making is cut off with a word, and the next one is whole."""
    pid = provider.pid
    assert pid
    async with aclosing(
        provider.stream(request("Write a very long story.", model=MODEL.name, limit=1500))
    ) as batches:
        await anext(batches)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(ProviderUnreachable, match="started again"):
            _ = [batch async for batch in batches]
    await until(lambda: not provider.readiness().usable)
    assert provider.readiness().is_coming
    await provider.wait_ready()
    assert provider.pid != pid
    assert said(await ask(provider, request("Hello", model=MODEL.name, limit=10)))


@pytest.mark.usefixtures("provider")
async def test_closing_ends_the_child() -> None:
    """At once."""
    provider = LocalProvider(folder=FOLDER)
    await provider.open()
    await provider.wait_ready()
    pid = provider.pid
    assert pid
    assert lives(pid)
    await provider.close()
    assert not lives(pid)


async def test_strangers_are_refused(provider: LocalProvider) -> None:
    """The port is random, listens on this machine alone, and wants a key."""
    assert provider.pid
    script = "import sys, urllib.request as u; u.urlopen(sys.argv[1] + '/models')"
    server = provider._server
    assert server is not None
    assert server.base_url.startswith("http://127.0.0.1:")
    ran = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", script, server.base_url], capture_output=True, text=True
    )
    assert "401" in ran.stderr


@pytest.mark.usefixtures("provider")
async def test_the_child_dies_with_its_parent() -> None:
    """Killed with no chance to say goodbye."""
    weights = FOLDER / "SmolLM2-135M-Instruct.Q4_1.gguf"
    program = textwrap.dedent(f"""
        import asyncio, pathlib
        from chatapp.providers.local_server import LocalOptions, LocalServer
        async def main():
            server = await LocalServer.start(pathlib.Path({str(weights)!r}), LocalOptions(threads=1, slots=1))
            print(server.pid, flush=True)
            await server.died()
        asyncio.run(main())
    """)
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE, cwd=PROJECT_ROOT
    )
    assert parent.stdout is not None
    child = int(await parent.stdout.readline())
    assert lives(child)
    parent.kill()
    await parent.wait()
    await until(lambda: not lives(child))


async def test_weights_that_are_none(tmp_path: Path) -> None:
    """The child ends, and it is said why."""
    (tmp_path / "none.gguf").write_bytes(b"not weights")
    with pytest.raises(NoModel, match="could not be started"):
        await LocalServer.start(tmp_path / "none.gguf", LocalOptions(threads=1))


async def test_a_machine_without_xllamacpp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A word instead of a crash; nothing is fetched for it."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    provider = LocalProvider(folder=tmp_path / "models")
    await provider.open()
    with pytest.raises(NoModel, match="cannot run here"):
        await provider.wait_ready()
    assert await provider.models() == ()
    assert not provider.readiness().is_coming
    await provider.close()
    assert not (tmp_path / "models").exists()
