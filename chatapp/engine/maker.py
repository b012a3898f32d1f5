"""Makes one reply, from the claim to the last event, whatever happens in between."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import timedelta

from chatapp.domain.errors import ChatError, NoModel, ProviderError, ProviderTimeout
from chatapp.domain.events import Attempt, Chunk, Context, Done, Error, Logged, Reasoning, RunEvent
from chatapp.domain.fold import Snapshot
from chatapp.domain.messages import Failure, Message, Status, Usage
from chatapp.domain.runs import Run
from chatapp.engine.context import ContextBuilder
from chatapp.engine.continuation import Continuation
from chatapp.engine.fallback import Fallback
from chatapp.engine.generator import Beginning, generate
from chatapp.providers.catalog import Catalog
from chatapp.storage.conversations import ConversationRepository
from chatapp.storage.database import Database, Transaction
from chatapp.storage.runs import RunRepository
from chatapp.streams.group_log import FencedError, GroupLog, RunWriter

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
    """

    def __init__(
        self,
        *,
        database: Database,
        group: GroupLog,
        catalog: Catalog,
        context: ContextBuilder,
        idle_timeout: timedelta,
    ) -> None:
        self._database: Database = database
        self._group: GroupLog = group
        self._catalog: Catalog = catalog
        self._context: ContextBuilder = context
        self._idle_timeout: timedelta = idle_timeout

    async def make(self, run_id: str, stopped: asyncio.Event) -> None:
        """Makes the reply of a queued or abandoned run; returns when it has ended or somebody else has it.

        `stopped` is set before the task is cancelled because a person wishes the end of this reply: then the
        text so far is the reply. Cancelled without it (a shutdown), the run is left for the next process.

        Raises:
            FencedError: another attempt has the run.
        """
        claimed = await self._claim(run_id)
        if claimed is None:
            return
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
        log.info("run %s %s after %d characters", run_id, message.status.value, len(message.text))

    async def _claim(self, run_id: str) -> _Claimed | None:
        found = await self._database.write(lambda transaction: _taken(transaction, run_id))
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
            message = (
                "The server stopped several times while it made this reply, so it gave up. Please try again "
                "later."
            )
            writer.put([Error(failure=Failure(code="interrupted", message=message))])
            return Done(status=Status.INTERRUPTED)
        while True:
            try:
                return await self._ask(claimed, kept)
            except (ProviderError, NoModel) as error:
                claimed.fallback.hand_on(error)
                kept = await self._handed_on(claimed, error)

    async def _ask(self, claimed: _Claimed, kept: str) -> Done:
        """One model's try. The conversation is fitted to its window."""
        run, writer, model_id = claimed.run, claimed.writer, claimed.fallback.model
        provider, model = await self._catalog.find(model_id)
        await provider.wait_ready()
        asked = "" if Continuation(kept).asks_anew else kept
        fitted = await self._context.fit(provider, model, claimed.history, asked)
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


def _taken(transaction: Transaction, run_id: str) -> _Found | None:
    """Claims the run; None when it has ended or somebody else was faster."""
    runs, conversations = RunRepository(transaction), ConversationRepository(transaction)
    run = runs.get(run_id)
    if run is None or run.status.is_final:
        return None
    reason = _reason(run)
    if not runs.claim(run):
        return None
    branch = conversations.branch(run.conversation_key, run.message_id, limit=MAX_HISTORY)
    continued = conversations.message(run.owner_id, run.continues) if run.continues else None
    return _Found(
        run=replace(run, attempt=run.attempt + 1),
        reason=reason,
        records=runs.log(run.id) if run.attempt else (),
        blank=replace(branch[-1].message, parts=(), status=Status.QUEUED, model=run.model),
        history=[snapshot.message for snapshot in branch[:-1]],
        prefix=continued[1] if continued else None,
    )


def _reason(run: Run) -> str:
    if run.attempt:
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
