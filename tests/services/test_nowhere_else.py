"""Whatever is said, the server goes nowhere but to the models' server of its settings."""

import asyncio
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from chatapp.services.sign_in import Visit
from tests.chat import Chat
from tests.services.members import PASSWORD, registered

LISTENING: Final[list[list[str]]] = []
#: Where a server that can be aimed does harm: itself, its neighbours, its cloud's secrets, and whoever
#: collects what it carries there.
TARGETS: Final = (
    "http://127.0.0.1:9/",
    "http://localhost:9/",
    "http://[::1]:9/",
    "http://[::ffff:127.0.0.1]:9/",
    "http://2130706433:9/",
    "http://0x7f.1:9/",
    "http://169.254.169.254/latest/meta-data/",
    "http://10.0.0.1/",
    "https://collector.example.org/?q=secret",
    "//collector.example.org/x.png",
    "ftp://collector.example.org/",
    "gopher://127.0.0.1:9/_x",
    "file:///etc/passwd",
)
AIMED: Final = " ".join(f"{one} ![x]({one}) [x]({one}) <img src={one}>" for one in TARGETS)


def _hear(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.connect":
        said = str(arguments[1])
    elif event in {"socket.getaddrinfo", "socket.gethostbyname", "open", "subprocess.Popen"}:
        said = " ".join(map(str, arguments[:2]))
    else:
        return
    for heard in LISTENING:
        heard.append(f"{event} {said}")


sys.addaudithook(_hear)  # for good: nobody can take one away


@contextmanager
def listening() -> Generator[list[str]]:
    """What the process connects to, resolves, opens and starts while the body runs."""
    heard: list[str] = []
    LISTENING.append(heard)
    try:
        yield heard
    finally:
        LISTENING.remove(heard)


async def test_nothing_that_is_said_is_gone_to(chat: Chat) -> None:
    """In messages, replies, titles, names, searches, and in what a browser calls itself."""
    chat.upstream.replies["links"] = tuple(f"{word} " for word in AIMED.split())
    services = chat.services
    with listening() as heard:
        ann = await registered(chat, "ann@example.org", name=AIMED[:80])
        visit = Visit(address="192.0.2.1", agent=AIMED)
        await services.sign_in.log_in(email="ann@example.org", password=PASSWORD, visit=visit)
        turn = await ann.send(f"{AIMED} [say:links]", to="aimed")
        reply = await ann.ended(turn)
        await services.conversations.change(ann.who, "aimed", title=AIMED)
        again = await services.turns.regenerate(ann.who, message_id=turn.message_id, client_key="again")
        await ann.ended(again)
        for target in TARGETS:
            await services.search.find(ann.who, target)
        document = b"".join([piece async for piece in services.own_data.export(ann.who)])
        # Whoever has a line open already needs no other: what listens is proven by one of our own.
        _, line = await asyncio.open_connection("127.0.0.1", chat.upstream.port)
        line.close()
    assert TARGETS[6] in reply.text
    assert TARGETS[6].encode() in document
    connections = {one for one in heard if one.startswith("socket.connect ")}
    assert connections == {f"socket.connect ('127.0.0.1', {chat.upstream.port})"}
    names = {one for one in heard if one.startswith(("socket.getaddrinfo", "socket.gethost"))}
    assert all(one.startswith("socket.getaddrinfo 127.0.0.1 ") for one in names)
    assert [one for one in heard if "passwd" in one or one.startswith("subprocess")] == []
