"""Makes one reply, from the claim to the last event, whatever happens in between."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import timedelta

from chatapp.domain.errors import ChatError, Interrupted, NoModel, ProviderError, ProviderTimeout
from chatapp.domain.events import Attempt, Chunk, Context, Done, Error, Logged, Reasoning, RunEvent
from chatapp.domain.fold import Snapshot
from chatapp.domain.messages import Failure, Message, Status, Usage
from chatapp.domain.runs import Run
from chatapp.engine import measuring
from chatapp.engine.context import ContextBuilder
from chatapp.engine.continuation import Continuation
from chatapp.engine.fallback import Fallback
from chatapp.engine.generator import Beginning, generate
from chatapp.providers.base import provider_of
from chatapp.providers.catalog import Catalog
from chatapp.storage.conversations import ConversationRepository
from chatapp.storage.database import Database, Transaction
from chatapp.storage.runs import RunRepository
from chatapp.streams.group_log import FencedError, GroupLog, RunWriter
from chatapp.telemetry.exchange import begin_run
from chatapp.telemetry.metrics import Metrics

log = logging.getLogger(__name__)

#: A run that ends its process so many times in a row without a word in between is given up.
MAX_ATTEMPTS_WITHOUT_PROGRESS = 3
#: More messages of a branch than this are never looked at: far above what any window holds.
MAX_HISTORY = 400


@dataclass(frozen=True, kw_only=True, slots=True)
class _Claimed:
    """A run as its new attempt finds it."""

    run: Run
    writer: RunWriter
    blank: Message
    kept: str
    history: Sequence[Message]
    fallback: Fallback


class ReplyMaker:
    """Claims runs and makes their replies.

    Args:
        database: where runs and conversations are.
        group: the log to write to.
        catalog: the models.
        context: fits conversations to windows.
        idle_timeout: how long a provider may send nothing.
        metrics: where runs are counted.
        most_of_owner: so many replies of one owner are made at once, by all workers together; None where this
            is the only one, whose queue sees to that.
    """

    def __init__(
        self,
        *,
        database: Database,
        group: GroupLog,
        catalog: Catalog,
        context: ContextBuilder,
        idle_timeout: timedelta,
        metrics: Metrics | None = None,
        most_of_owner: int | None = None,
    ) -> None:
        self._most_of_owner: int | None = most_of_owner
        self._database: Database = database
        self._group: GroupLog = group
        self._catalog: Catalog = catalog
        self._context: ContextBuilder = context
        self._idle_timeout: timedelta = idle_timeout
        self._metrics: Metrics = metrics or Metrics()

    async def make(
        self, run_id: str, stopped: asyncio.Event, *, owner_id: str = "", worker: str = ""
    ) -> None:
        """Makes the reply of a queued or abandoned run; returns when it has ended or somebody else has it.

        `worker` is the name of the lease under which it is claimed; with its owner's id the claim waits for
        nobody else's writes. `stopped` is set before the task is cancelled because a person wishes the end of
        this reply: then the text so far is the reply. Cancelled without it, the run is left for others.

        Raises:
            FencedError: another attempt has the run.
        """
        begin_run(run_id)
        claimed = await self._claim(run_id, owner_id, worker)
        if claimed is None:
            return
        measuring.begun(self._metrics, claimed.run)
        writer = claimed.writer
        try:
            if stopped.is_set() or claimed.run.cancel_requested:
                done = Done(status=Status.STOPPED)
            else:
                done = await self._generate(claimed)
        except asyncio.CancelledError:
            if not stopped.is_set():
                await writer.flush()
                raise
            done = Done(status=Status.STOPPED)
        except FencedError:
            raise
        except ChatError as error:
            used = error.usage if isinstance(error, ProviderError) else Usage()
            done = _failed(writer, Failure(code=error.code, message=error.message), used)
        except Exception:
            log.exception("run %s failed", run_id)
            done = _failed(writer, Failure(code="error", message=ChatError().message))
        message = await _undisturbed(writer.finish(claimed.blank, done))
        measuring.ended(self._metrics, writer.records, message)
        log.info("run %s %s after %d characters", run_id, message.status.value, len(message.text))

    async def _claim(self, run_id: str, owner_id: str, worker: str) -> _Claimed | None:
        most = self._most_of_owner
        found = await self._database.write(
            lambda transaction: _taken(transaction, run_id, worker, most), of=owner_id
        )
        if found is None:
            return None
        run, records, prefix = found.run, found.records, found.prefix
        writer = self._group.writer(run, attempt=run.attempt, records=records)
        so_far = Snapshot(message=found.blank).after(records).message
        fallback = Fallback(chosen=run.model, stand_ins=self._catalog.fallbacks, so_far=so_far)
        kept = so_far.text
        opening: list[RunEvent] = [
            Attempt(attempt=run.attempt, model=fallback.model, reason=found.reason, keep_chars=len(kept))
        ]
        if not records and prefix:
            kept = prefix.text
            opening.append(Chunk(content=kept))
        writer.put(opening)
        return _Claimed(
            run=run, writer=writer, blank=found.blank, kept=kept, history=found.history, fallback=fallback
        )

    async def _generate(self, claimed: _Claimed) -> Done:
        run, writer, kept = claimed.run, claimed.writer, claimed.kept
        if _attempts_without_progress(run, writer.records) >= MAX_ATTEMPTS_WITHOUT_PROGRESS:
            error = Interrupted(
                "The server stopped several times while it made this reply, so it gave up.",
                advice="Please try again later.",
            )
            writer.put([Error(failure=Failure(code=error.code, message=error.message))])
            return Done(status=Status.INTERRUPTED)
        while True:
            model_id = claimed.fallback.model
            try:
                done = await self._ask(claimed, kept)
            except (ProviderError, NoModel) as error:
                self._catalog.failed(model_id, error)
                self._metrics.provider_failed(provider_of(model_id), error.code)
                claimed.fallback.hand_on(error)
                kept = await self._handed_on(claimed, error)
            else:
                self._catalog.answered(model_id)
                return done

    async def _ask(self, claimed: _Claimed, kept: str) -> Done:
        """One model's try. The conversation is fitted to its window."""
        run, writer, model_id = claimed.run, claimed.writer, claimed.fallback.model
        provider, model = await self._catalog.find(model_id)
        await provider.wait_ready()
        asked = "" if Continuation(kept).asks_anew else kept
        fitted = await self._context.fit(provider, model, claimed.history, asked, run.options)
        writer.put([Context(left_out=fitted.left_out, input_tokens=fitted.input_tokens)])
        beginning = Beginning(attempt=run.attempt, model=model_id, kept=kept)
        async with aclosing(generate(provider, fitted.request, beginning)) as events:
            return await self._pour(events, writer)

    async def _handed_on(self, claimed: _Claimed, error: ProviderError | NoModel) -> str:
        """Notes that another model goes on, and returns the text from which it does: all that was written."""
        run, writer = claimed.run, claimed.writer
        await writer.flush()
        kept = Snapshot(message=claimed.blank).after(writer.records).message.text
        log.warning("run %s: %s goes on after %s", run.id, claimed.fallback.model, error.code)
        usage = error.usage if isinstance(error, ProviderError) else Usage()
        writer.put(
            [
                Attempt(
                    attempt=run.attempt,
                    model=claimed.fallback.model,
                    reason=error.what,
                    keep_chars=len(kept),
                    usage=usage,
                )
            ]
        )
        return kept

    async def _pour(self, events: AsyncGenerator[Sequence[RunEvent], None], writer: RunWriter) -> Done:
        idle = self._idle_timeout.total_seconds()
        while True:
            try:
                async with asyncio.timeout(idle):
                    batch = await anext(events)
            except TimeoutError:
                raise ProviderTimeout from None
            if batch and isinstance(done := batch[-1], Done):
                writer.put(batch[:-1])
                return done
            writer.put(batch)
            await writer.pace()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """What the claim's transaction brings: the run with its new attempt, its log, and what it answers."""

    run: Run
    reason: str
    records: Sequence[Logged]
    blank: Message
    history: Sequence[Message]
    prefix: Message | None


def _taken(transaction: Transaction, run_id: str, worker: str, most: int | None) -> _Found | None:
    """Claims the run; None when it has ended, has to wait, or somebody else was faster."""
    runs, conversations = RunRepository(transaction), ConversationRepository(transaction)
    run = runs.begin(run_id, worker=worker, most=most) or _taken_over(runs, run_id, worker)
    if run is None:
        return None
    branch = conversations.branch(run.conversation_key, run.message_id, limit=MAX_HISTORY)
    continued = conversations.message(run.owner_id, run.continues) if run.continues else None
    return _Found(
        run=run,
        reason=_reason(run),
        records=runs.log(run.id) if run.attempt > 1 else (),
        blank=replace(branch[-1].message, parts=(), status=Status.QUEUED, model=run.model),
        history=[snapshot.message for snapshot in branch[:-1]],
        prefix=continued[1] if continued else None,
    )


def _taken_over(runs: RunRepository, run_id: str, worker: str) -> Run | None:
    """The run as the next attempt, after one that was left."""
    run = runs.get(run_id)
    if run is None or run.attempt == 0 or run.status.is_final or not runs.claim(run, worker=worker):
        return None
    return replace(run, attempt=run.attempt + 1, worker=worker)


def _reason(run: Run) -> str:
    if run.attempt > 1:
        return "takeover"
    return "continue" if run.continues else "start"


def _failed(writer: RunWriter, failure: Failure, usage: Usage = Usage()) -> Done:
    writer.put([Error(failure=failure)])
    return Done(status=Status.FAILED, usage=usage)


def _attempts_without_progress(run: Run, records: Sequence[Logged]) -> int:
    """How many attempts since the last word brought nothing; one that died before its first write too."""
    attempt = with_words = 0
    for record in records:
        if isinstance(record.event, Attempt):
            attempt = record.event.attempt
        elif isinstance(record.event, Chunk | Reasoning):
            with_words = attempt
    return run.attempt - 1 - with_words


async def _undisturbed(end: Coroutine[None, None, Message]) -> Message:
    """Writes the end of a run though it is cancelled meanwhile: a stop or a shutdown that comes now comes too
    late, and an end that was stored but not told would leave readers waiting. A second cancel counts."""
    ending = asyncio.create_task(end)
    try:
        return await asyncio.shield(ending)
    except asyncio.CancelledError:
        return await ending
