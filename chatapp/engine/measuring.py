"""What a run tells of itself in numbers. Its log has it all, so nothing is counted while it streams."""

from collections.abc import Sequence
from datetime import UTC, datetime

from chatapp.domain.events import Attempt, Chunk, Context, Logged, Reasoning
from chatapp.domain.messages import Message
from chatapp.domain.runs import Run
from chatapp.providers.base import provider_of
from chatapp.telemetry.metrics import Metrics


def begun(metrics: Metrics, run: Run) -> None:
    """The run was claimed."""
    if run.attempt == 1:
        metrics.run_began(waited=(datetime.now(UTC) - run.created_at).total_seconds())


def ended(metrics: Metrics, records: Sequence[Logged], message: Message) -> None:
    """The run has its final message; `records` is its log."""
    metrics.run_ended(status=message.status.value, code=message.failure.code if message.failure else "")
    model, began, first = _beginning(records)
    provider = provider_of(model)
    if began and first:
        metrics.first_token(provider, (first - began).total_seconds())
    metrics.tokens_used(
        provider,
        input_tokens=message.usage.input_tokens,
        output_tokens=message.usage.output_tokens,
        seconds=(records[-1].at - first).total_seconds() if first else None,
    )


def _beginning(records: Sequence[Logged]) -> tuple[str, datetime | None, datetime | None]:
    """The model that spoke first, when it was its turn, and when its first text was shown.

    Text before the model was asked is the beginning of a reply that is continued.
    """
    model, began, asked = "", None, False
    for record in records:
        match record.event:
            case Attempt() as attempt:
                model, began, asked = attempt.model, record.at, False
            case Context():
                asked = True
            case Chunk() | Reasoning() if asked:
                return model, began, record.at
            case _:
                pass
    return model, began, None
