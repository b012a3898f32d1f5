"""Runs as whoever knows their id reads them: a log with a cursor, and a way to stop it."""

import asyncio
import contextvars
import logging
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final, Literal

from chatapp.domain.accounts import Principal
from chatapp.domain.errors import ChatError, NotFound, TooMany, Unavailable
from chatapp.domain.events import Done, Logged
from chatapp.domain.messages import Message
from chatapp.domain.runs import Run, RunInfo
from chatapp.engine.dispatch import Dispatch
from chatapp.services.accounts import Accounts
from chatapp.services.run_feed import Feed
from chatapp.storage.database import Database, Transaction
from chatapp.storage.runs import OwnRun, RunRepository
from chatapp.storage.trees import TreeRepository
from chatapp.streams.base import Broadcast, Job, Queued
from chatapp.streams.counting import Slots

__all__ = ["Idle", "Item", "Queued", "RunInfo", "Runs"]

logger = logging.getLogger(__name__)

#: Streams that one account reads at once: 200 readers of one run are served, and a client that opens one
#: after the other and closes none is noticed.
READERS_PER_ACCOUNT: Final = 250
#: With the 2 s for which an answer about a login is believed, a stream ends within 5 s of its login.
ROUND: Final = timedelta(seconds=2)
#: How often it is looked whether everybody has left.
LOOK_AGAIN: Final = timedelta(milliseconds=20)
STOPPING: Final = "The server is being restarted."


@dataclass(frozen=True, kw_only=True, slots=True)
class Idle:
    """Nothing happened for a while; whoever is on the other side may want to know that the line holds."""

    kind: Literal["idle"] = "idle"


#: What a reader is given.
Item = tuple[Logged, ...] | Queued | Idle


class Runs:
    """Each call raises `NotFound` for a run that is not there or not theirs, and `Unavailable`.

    Args:
        database: where logs are.
        broadcast: who tells of new records.
        dispatch: tells the workers what is to be stopped.
        accounts: says whose login has ended.
        idle_after: how long a reader is told nothing at most.
    """

    def __init__(
        self,
        *,
        database: Database,
        broadcast: Broadcast,
        dispatch: Dispatch,
        accounts: Accounts,
        idle_after: timedelta,
    ) -> None:
        self._database: Database = database
        self._broadcast: Broadcast = broadcast
        self._dispatch: Dispatch = dispatch
        self._accounts: Accounts = accounts
        self._idle_after: float = idle_after.total_seconds()
        self._slots: Slots = Slots(READERS_PER_ACCOUNT)
        self._feeds: dict[str, Feed] = {}
        self._readers: dict[asyncio.Event, Principal] = {}
        self._ended_logins: frozenset[str] = frozenset()
        self._rounds: asyncio.Task[None] | None = None
        self._closed: asyncio.Event = asyncio.Event()
        self._lines: int = 0

    def close(self) -> None:
        """Ends all streams, since this process is about to end: a server waits for them before it does. Their
        clients come back with their cursors, to the next one."""
        self._closed.set()
        for woken in self._readers:
            woken.set()

    @property
    def is_closed(self) -> bool:
        """Whether the process is about to end."""
        return self._closed.is_set()

    async def closed(self) -> None:
        """Returns as soon as the process is about to end."""
        await self._closed.wait()

    @contextmanager
    def line(self) -> Generator[None]:
        """A socket on which runs are read, until it has said why it ends."""
        self._lines += 1
        try:
            yield
        finally:
            self._lines -= 1

    async def left(self) -> None:
        """Returns when nobody reads any more, and every socket has ended."""
        while self._lines or self._readers:  # noqa: ASYNC110 - once in the life of a process
            await asyncio.sleep(LOOK_AGAIN.total_seconds())

    @property
    def readers(self) -> int:
        """How many read now."""
        return len(self._readers)

    async def run(self, principal: Principal, run_id: str) -> RunInfo:
        """The run as it is now."""
        return _info(await self._own(principal, run_id))

    async def events(self, principal: Principal, run_id: str, *, after: int = 0) -> AsyncGenerator[Item]:
        """All records after this seq, in order, none twice, until the run has ended.

        The first item comes at once, with what there is already (an empty tuple when there is nothing yet):
        refusals come with it. `Queued` tells the place while the run waits, `Idle` that nothing happened for
        a while. Ends after `Done`; without it when the conversation is deleted or the login has ended (within
        5 s). No transaction is open between two items. Records are as logged, but that the `Done` tells what
        all attempts used. Readers of one run are given the same ones.

        Raises `TooMany`: the account reads too many at once; `Unavailable`: the process is about to end.
        """
        if self.is_closed:
            raise Unavailable(STOPPING)
        own = await self._own(principal, run_id)
        with self._slots.taken(principal.account_id) as is_free:
            if not is_free:
                raise TooMany("You are reading too many replies at once.")
            with self._following(principal, own.run) as (feed, woken):
                async with aclosing(self._items(feed, woken, principal, after)) as items:
                    async for item in items:
                        yield item

    async def message(self, principal: Principal, run_id: str) -> Message:
        """The whole reply, as soon as the run has ended.

        Raises `NotSignedIn` when the login ends first, `Unavailable` when the process does.
        """
        has_ended = False
        async with aclosing(self.events(principal, run_id)) as events:
            async for item in events:
                has_ended = isinstance(item, tuple) and bool(item) and isinstance(item[-1].event, Done)
        if not has_ended:
            raise await self.why_cut(principal, run_id)

        def work(transaction: Transaction) -> Message:
            run = _found(transaction, principal, run_id).run
            found = TreeRepository(transaction).snapshots(run.conversation_key, [run.message_id])
            if not found:  # the turn was taken back before it began
                raise NotFound
            return found[0].message

        return await self._database.read(work)

    async def why_cut(self, principal: Principal, run_id: str) -> ChatError:
        """Why `events` ended before the run did."""
        try:
            if not self.is_closed:
                await self._accounts.require(principal)
                await self._own(principal, run_id)
        except ChatError as error:
            return error
        return Unavailable(STOPPING)

    async def cancel(self, principal: Principal, run_id: str) -> None:
        """Ends the making of the reply and keeps its text; one that has ended stays as it is."""

        def work(transaction: Transaction) -> Run | None:
            own = _found(transaction, principal, run_id)
            return RunRepository(transaction).request_cancel(principal.account_id, own.run.message_id)

        run = await self._database.write(work, of=principal.account_id)
        if run is not None:
            self._dispatch.stop(Job.of(run))

    async def _own(self, principal: Principal, run_id: str) -> OwnRun:
        return await self._database.read(lambda transaction: _found(transaction, principal, run_id))

    async def _items(
        self, feed: Feed, woken: asyncio.Event, principal: Principal, cursor: int
    ) -> AsyncGenerator[Item]:
        await feed.refresh()
        told: int | None = None
        yield (records := feed.after(cursor))
        while True:
            cursor += len(records)
            woken.clear()
            await feed.refresh()
            if records := feed.after(cursor):
                yield records
            elif feed.has_ended or feed.is_gone or self._has_to_leave(principal):
                return
            elif (place := feed.place) is not None and place != told:
                told = place
                yield Queued(message_id=feed.message_id, position=place)
            elif not await self._woken(woken):
                yield Idle()

    def _has_to_leave(self, principal: Principal) -> bool:
        return self.is_closed or principal.login_id in self._ended_logins

    async def _woken(self, woken: asyncio.Event) -> bool:
        try:
            async with asyncio.timeout(self._idle_after):
                await woken.wait()
        except TimeoutError:
            return False
        return True

    @contextmanager
    def _following(self, principal: Principal, run: Run) -> Generator[tuple[Feed, asyncio.Event]]:
        """The run's feed, which is there as long as somebody reads it, and what wakes this reader."""
        feed = self._feeds.get(run.id)
        if feed is None:
            feed = self._feeds[run.id] = Feed(
                run=run,
                load=partial(self._load, principal, run.id),
                broadcast=self._broadcast,
                find_place=partial(self._place, run.id),
            )
        woken = asyncio.Event()
        feed.readers.add(woken)
        self._readers[woken] = principal
        self._keep_rounds()
        try:
            yield feed, woken
        finally:
            del self._readers[woken]
            feed.readers.discard(woken)
            if not feed.readers:
                feed.close()
                del self._feeds[run.id]

    async def _load(self, principal: Principal, run_id: str, after: int) -> Sequence[Logged] | None:
        def work(transaction: Transaction) -> Sequence[Logged] | None:
            runs = RunRepository(transaction)
            own = runs.own(principal.account_id, run_id)
            return runs.log(run_id, after=after) if own is not None else None

        return await self._database.read(work)

    async def _place(self, run_id: str) -> int | None:
        return await self._database.read(lambda transaction: RunRepository(transaction).place(run_id))

    def _keep_rounds(self) -> None:
        if self._rounds is None or self._rounds.done():
            # An empty context: this task outlives the request that happened to start it.
            self._rounds = asyncio.create_task(self._make_rounds(), context=contextvars.Context())

    async def _make_rounds(self) -> None:
        """Looks after the logins of all readers, while there are any."""
        while self._readers:
            await asyncio.sleep(ROUND.total_seconds())
            try:
                self._ended_logins = await self._accounts.ended(set(self._readers.values()))
            except ChatError as error:
                # A database that is away for a moment ends nobody's login.
                logger.warning("the logins of readers could not be checked: %s", error.code)
                continue
            for woken, principal in self._readers.items():
                if principal.login_id in self._ended_logins:
                    woken.set()


def _found(transaction: Transaction, principal: Principal, run_id: str) -> OwnRun:
    found = RunRepository(transaction).own(principal.account_id, run_id)
    if found is None:
        raise NotFound
    return found


def _info(own: OwnRun) -> RunInfo:
    run = own.run
    return RunInfo(
        id=run.id,
        conversation_id=own.conversation_id,
        user_message_id=own.user_message_id,
        message_id=run.message_id,
        model=run.model,
        status=run.status,
        created_at=run.created_at,
    )
