"""A run makes one assistant message; it may take several attempts."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chatapp.domain.messages import Status


@dataclass(frozen=True, kw_only=True, slots=True)
class RunOptions:
    """How a program wants a reply made; None and "" leave it to the app or to the model.

    `system` takes the place of the app's own instructions, "" of all. The reply ends before the first of the
    `stop` texts. `max_tokens` bounds the reply below what the app allows. `response_format` is JSON as in
    OpenAI's API. `system` and `max_tokens` hold for every model; the rest is handed on to it.
    """

    system: str | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    temperature: float | None = None
    top_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    seed: int | None = None
    response_format: str = ""


NO_OPTIONS: Final = RunOptions()


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """The making of one assistant message.

    `attempt` counts the claims: 0 is not yet claimed. Every write of a run carries its attempt (fencing).
    `continues` is the message whose text this reply begins with ("Continue"), or None. `worker` is whose
    lease the run was claimed under.
    """

    id: str
    owner_id: str
    conversation_key: int
    message_id: str
    model: str
    status: Status
    created_at: datetime
    attempt: int = 0
    cancel_requested: bool = False
    continues: str | None = None
    options: RunOptions = NO_OPTIONS
    worker: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """What a send made: a user message and the run that answers it."""

    conversation_id: str
    user_message_id: str
    message_id: str
    run_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RunInfo:
    """A run as its owner knows it. `model` is the one that was asked for: another may have gone on."""

    id: str
    conversation_id: str
    user_message_id: str
    message_id: str
    model: str
    status: Status
    created_at: datetime
