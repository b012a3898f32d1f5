"""The connection in words: what an interruption means for whoever writes, and that all is well afterwards."""

import asyncio
from pathlib import Path

from playwright.async_api import expect

from tests.app_build import Build, link_tree
from tests.app_server import AppServer
from tests.e2e.fixtures import Come
from tests.e2e.screen import Screen
from tests.e2e.stored import kept

KEPT = "What you write is kept, and sent when the connection is back."
#: A restart on a busy machine, and the page's next try to connect.
BACK_S = 40


def newer(build: Build, server: AppServer, folder: Path) -> AppServer:
    """A newer version of the app in the same place: other sources, and other vars in its state."""
    link_tree(build.root, folder, without=(".web", "__pycache__"))
    side = folder / "chatapp/ui/side.py"
    source = side.read_text().replace('    build: str = ""\n', '    build: str = ""\n    newest: str = ""\n')
    side.unlink()
    side.write_text(source)
    return AppServer(Build(root=folder), data_dir=server.data_dir, env=server.env, port=server.port)


async def is_quiet(screen: Screen) -> None:
    """Online, and nothing is said of what was."""
    await screen.is_online(within=BACK_S)
    await expect(screen.page.get_by_text(KEPT)).to_have_count(0)
    await expect(screen.page.get_by_text("A new version is here.")).to_have_count(0)
    await expect(screen.page.get_by_role("main").get_by_role("alert").filter(has_text="a")).to_have_count(0)


async def test_what_is_written_and_sent_offline_is_kept_and_sent_once(come: Come, server: AppServer) -> None:
    """The page says that it is offline and what that means; what waits says so, and goes out in its order."""
    visitor = await come(server.url)
    visitor.was_cut = True
    screen = await visitor.opens()
    await screen.asks("Before [n:5]")
    await visitor.context.set_offline(True)
    await expect(screen.connection).to_have_text("Offline")
    await expect(screen.page.get_by_text(f"You are offline. {KEPT}")).to_be_visible()
    words = ["Before [n:5]", "First [n:5]", "Second [n:5]"]
    for one in words[1:]:
        await screen.sends(one)
    await expect(screen.page.get_by_text("Waiting to be sent")).to_have_count(2)
    await screen.writes("a draft")
    await visitor.context.set_offline(False)
    await is_quiet(screen)
    done = screen.page.locator("article[data-role=assistant][data-status=complete]")
    await expect(done).to_have_count(len(words), timeout=20_000)
    await expect(screen.page.get_by_text("Waiting to be sent")).to_have_count(0)
    await expect(screen.composer).to_have_value("a draft")
    stored = await asyncio.to_thread(kept, server.data_dir, screen.conversation_id)
    assert [one.text for one in stored if one.role == "user"] == words


async def test_a_restart_passes_and_a_new_version_is_told_once(
    mortal: AppServer, come: Come, app_build: Build, tmp_path: Path
) -> None:
    """The page is never loaded again by itself: somebody writes in it. When it is, and is still the old one,
    as from a cache, it does not ask again."""
    visitor = await come(mortal.url)
    visitor.was_cut = True
    screen = await visitor.opens()
    loads: list[str] = []
    screen.page.on("load", lambda page: loads.append(page.url))
    await screen.asks("Before [n:5]")
    await screen.writes("a draft")
    await asyncio.to_thread(mortal.terminate)
    await expect(screen.connection).to_have_text("Offline")
    await expect(screen.page.get_by_text(f"The server cannot be reached. {KEPT}")).to_be_visible()
    await asyncio.to_thread(mortal.start)
    await is_quiet(screen)
    await asyncio.to_thread(mortal.terminate)
    update = newer(app_build, mortal, tmp_path / "newer")
    try:
        await asyncio.to_thread(update.start)
        notice = screen.page.get_by_text("A new version is here. What you have written is kept.")
        await expect(notice).to_be_visible(timeout=BACK_S * 1000)
        await screen.is_online(within=BACK_S)
        await expect(screen.composer).to_have_value("a draft")
        await screen.asks("After [n:5]")
        await expect(notice).to_have_count(1)
        assert loads == []
        await screen.writes("another draft")
        await screen.button("Reload").click()
        await expect(notice).to_have_count(0, timeout=BACK_S * 1000)
        await is_quiet(screen)
        await expect(screen.composer).to_have_value("another draft")
        await expect(screen.replies).to_have_count(2)
        assert len(loads) == 1
    finally:
        await asyncio.to_thread(update.stop)
