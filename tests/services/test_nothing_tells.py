"""What is another's is not told by what it costs: the database is asked the same, in the same order.

Times are measured by hand (docs/security.md has the numbers): a statement more or less is what would be seen
in them, and this sees it on any machine.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from datetime import timedelta
from typing import Final

import pytest

from chatapp.bootstrap import open_services
from chatapp.domain.errors import NotFound
from chatapp.domain.ids import new_id
from chatapp.services import accounts
from tests.chat import Chat, Opening
from tests.services.calls import CALLS, OTHERS, Call, Things, calls_with_ids, made_up, things_of
from tests.storage.asked import asked
from tests.waiting import until

SENDING: Final[dict[str, Call]] = {
    "turns.send": lambda by, on: by.services.turns.send(
        by.who, conversation_id=on.conversation_id, text="Mine", client_key=new_id()
    )
}


@pytest.fixture
async def theirs(opening: Opening, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[tuple[Chat, Things]]:
    """Mine, and what another has; nothing else asks the database meanwhile."""
    async with opening() as chat:
        ben = chat.of("ben")
        his = await ben.send("His [n:5]")
        await ben.ended(his)
        await chat.ended(await chat.send("Mine [n:5]"))
        things = await things_of(ben, his)
    # An answer about a login that happens to be too old is a statement more, whatever the id.
    monkeypatch.setattr(accounts, "CACHE_TTL", timedelta(hours=1))
    idle = chat.services.settings.model_copy(update={"worker": "external"})
    with asked() as begun:
        async with open_services(idle) as services:
            await services.accounts.require(chat.who)
            # The last that is looked for to be purged; on a busy machine it may be a while after all is open.
            await until(lambda: any(one.statement.startswith("DELETE FROM security_events") for one in begun))
            await quiet()
            yield Chat(services, chat.upstream, who=chat.who), things


async def quiet() -> None:
    """What a process does as it starts is done."""
    with asked() as heard:
        while True:
            await asyncio.sleep(0.2)
            if not heard:
                return
            heard.clear()


def test_every_call_with_an_id_has_a_line() -> None:
    """A new one: say in tests/services/calls.py how it is called upon another's thing, or why it is not."""
    known = {name.partition(",")[0] for name in CALLS} | OTHERS.keys()
    assert known == set(calls_with_ids())


@pytest.mark.parametrize("call", (CALLS | SENDING).values(), ids=(CALLS | SENDING).keys())
async def test_the_database_is_asked_the_same(theirs: tuple[Chat, Things], call: Call) -> None:
    """For an id of another's thing, and for one that was never given."""
    chat, his = theirs
    heard: list[list[str]] = []
    for upon in (made_up(), his, made_up()):
        with asked() as found, suppress(NotFound):
            await call(chat, upon)
        heard.append([one.statement for one in found])
    assert heard[0]
    assert heard[0] == heard[1] == heard[2]
