"""One connection in a thread of its own: works that wait together go through it in one transaction."""

import asyncio
import sys
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from chatapp.domain.errors import Unavailable

#: What repositories work in. Services pass it on and look no further.
Transaction = Connection

T = TypeVar("T")

#: A transaction takes works in for so long, then it is committed and they are told: under load a dozen share
#: what a transaction costs, and nobody waits long for those behind.
GROUP_TIME: Final = timedelta(milliseconds=10)


#: A transaction that was undone by something that passes is tried so often.
TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class _Job:
    work: Callable[[Transaction], Any]
    of: str
    answer: "asyncio.Future[Any]"


@dataclass(frozen=True, slots=True)
class _Outcome:
    answer: "asyncio.Future[Any]"
    value: Any = None
    error: BaseException | None = None


class Lane:
    """Runs works in the order in which they came. Each is all or nothing, whoever shares its transaction.

    Args:
        begin: begins a transaction for works of these owners.
        translated: the database's errors as those that a person can be shown.
        is_passing: whether works that failed of this, before or while they were committed, are undone for
            sure, and worth running again.
        most: so many works share a transaction.
        idle: a connection that nobody needed for so long is closed; None keeps it.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        name: str,
        begin: Callable[[Connection, Collection[str]], None],
        translated: Callable[[BaseException], BaseException],
        is_passing: Callable[[BaseException, bool], bool] = lambda _error, _committing: False,
        most: int = sys.maxsize,
        idle: timedelta | None = None,
    ) -> None:
        self._engine: Engine = engine
        self._begin: Callable[[Connection, Collection[str]], None] = begin
        self._translated: Callable[[BaseException], BaseException] = translated
        self._is_passing: Callable[[BaseException, bool], bool] = is_passing
        self._most: int = most
        self._idle: timedelta | None = idle
        self._connection: Connection | None = None
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._closed: bool = False
        #: When the transaction began that is being done.
        self._began: float | None = None
        #: The connection is not to be used again.
        self._is_stale: bool = False
        self._thread: Thread = Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    @property
    def load(self) -> int:
        """How many works wait or are being done."""
        return self._jobs.qsize() + (self._began is not None)

    def end_after(self, longest: timedelta, end: Callable[[Connection], None]) -> bool:
        """Has the connection of a transaction that takes longer ended, so that its works fail; whether there
        was one. From another thread than the lane's own, which waits."""
        began, connection = self._began, self._connection
        if began is None or connection is None or monotonic() - began < longest.total_seconds():
            return False
        end(connection)
        return True

    def renew(self) -> None:
        """Has the next transaction begin on a connection that is opened for it. From any thread."""
        self._is_stale = True

    async def run(self, work: Callable[[Transaction], T], *, of: str = "") -> T:
        """What the work returns, once it is committed.

        Raises what the work raises, and `StorageFull`, `Unavailable`: then nothing of it was written.
        """
        if self._closed:
            raise Unavailable
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._jobs.put(_Job(work, of, answer))
        return await answer

    def close(self) -> None:
        """Waits for the works that were handed in, and closes the connection."""
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
        self._thread.join()

    def _serve(self) -> None:
        while jobs := self._waiting():
            while jobs:
                jobs = jobs[self._group(jobs) :]
        self._disconnect()

    def _waiting(self) -> list[_Job]:
        """Those that wait, at least one; none once the lane is closed.

        One that comes later must not share their transaction: it may ask for what was committed meanwhile.
        """
        jobs: list[_Job] = []
        with suppress(Empty):
            job = self._next()
            while job is not None:
                jobs.append(job)
                job = self._jobs.get_nowait()
            self._jobs.put(None)
        return jobs

    def _next(self) -> _Job | None:
        if self._connection is not None and self._idle is not None:
            with suppress(Empty):
                return self._jobs.get(timeout=self._idle.total_seconds())
            self._disconnect()
        return self._jobs.get()

    def _group(self, jobs: Sequence[_Job]) -> int:
        """One transaction with the first of these; returns how many there was time for."""
        tries = 1
        while (group := self._tried(jobs[: self._most], is_last=tries == TRIES)) is None:
            tries += 1
        _tell(group.outcomes)
        return len(group.outcomes)

    def _tried(self, jobs: Sequence[_Job], *, is_last: bool) -> "_Group | None":
        """None: what undid it may have passed."""
        group = _Group(jobs, self._translated)
        try:
            transaction = self._connected()
            self._began = monotonic()
            with transaction.begin():
                self._begin(transaction, {job.of for job in jobs})
                group.run(transaction)
        except BaseException as error:  # else the thread ends, and all wait for ever
            if isinstance(error, DBAPIError):
                self._disconnect()
            if not is_last and self._is_passing(error, group.is_whole):
                return None
            group.fail(error)
        finally:
            self._began = None
        return group

    def _connected(self) -> Connection:
        if self._is_stale:
            self._is_stale = False
            self._disconnect()
        if self._connection is None:
            self._connection = self._engine.connect()
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(DBAPIError):
                connection.close()


class _Group:
    """Works that share a transaction."""

    def __init__(self, jobs: Sequence[_Job], translated: Callable[[BaseException], BaseException]) -> None:
        self._jobs: Sequence[_Job] = jobs
        self._translated: Callable[[BaseException], BaseException] = translated
        self._tried: list[_Job] = []
        self.outcomes: list[_Outcome] = []
        #: All is done but the commit.
        self.is_whole: bool = False

    def run(self, transaction: Transaction) -> None:
        """One after another, while there is time."""
        ends = monotonic() + GROUP_TIME.total_seconds()
        run = self._alone if len(self._jobs) == 1 else self._among_others
        for job in self._jobs:
            self._tried.append(job)
            self.outcomes.append(run(transaction, job))
            if monotonic() > ends:
                break
        self.is_whole = True

    def fail(self, error: BaseException) -> None:
        """It was not committed, or not even begun: nothing of it has happened."""
        tried = self._tried or self._jobs
        self.outcomes = [_Outcome(job.answer, error=self._translated(error)) for job in tried]

    def _alone(self, transaction: Transaction, job: _Job) -> _Outcome:
        """What the work raises undoes the transaction."""
        return _Outcome(job.answer, None if job.answer.cancelled() else job.work(transaction))

    def _among_others(self, transaction: Transaction, job: _Job) -> _Outcome:
        """What the work raises undoes what it did, and nothing of those before it."""
        if job.answer.cancelled():
            return _Outcome(job.answer)
        # Past SQLAlchemy: its own savepoints cost as much as two statements.
        cursor = transaction.connection.cursor()
        cursor.execute("SAVEPOINT work")
        try:
            outcome = _Outcome(job.answer, job.work(transaction))
        except BaseException as error:
            try:
                cursor.execute("ROLLBACK TO work")
            except Exception:
                # A full disk can undo the whole transaction.
                raise error from None
            outcome = _Outcome(job.answer, error=self._translated(error))
        cursor.execute("RELEASE work")
        return outcome


def _tell(outcomes: Sequence[_Outcome]) -> None:
    for loop, told in groupby(outcomes, lambda outcome: outcome.answer.get_loop()):
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(_settle, list(told))


def _settle(outcomes: Sequence[_Outcome]) -> None:
    for outcome in outcomes:
        if outcome.answer.done():  # the caller was cancelled
            continue
        if outcome.error is not None:
            outcome.answer.set_exception(outcome.error)
        else:
            outcome.answer.set_result(outcome.value)
