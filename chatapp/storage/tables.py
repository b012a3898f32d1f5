"""Every table. Migrations in `migrations/` make them; a test holds both together."""

# SQLModel types `__tablename__` as a declared attribute; a plain name is its documented use.
# pyright: reportAssignmentType=false

from datetime import datetime
from typing import Any, cast

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlmodel import Field, SQLModel

from chatapp.storage.types import WIDE, UtcDateTime


def _time(*, nullable: bool = False, index: bool = False) -> Any:
    return Column[Any](UtcDateTime(), nullable=nullable, index=index or None)


def _text(default: str) -> Any:
    """A text that an older process, which does not know of it, need not write."""
    return Column[Any](String, nullable=False, server_default=default)


def _no() -> Any:
    """A flag that is off unless somebody sets it; an older process that does not know it writes none."""
    return Column[Any](Boolean, nullable=False, server_default=false())


def _object() -> Any:
    """A JSON object, empty where an older process, which does not know of it, writes none."""
    return Column[Any](JSON, nullable=False, server_default="{}")


def _reference(target: str, *, primary_key: bool = False, index: bool = False) -> Any:
    """A foreign key; the row goes with what it points to."""
    foreign = ForeignKey(target, ondelete="CASCADE")
    return Column[Any](foreign, primary_key=primary_key, index=index or None, nullable=False)


def _once(target: str) -> Any:
    """A foreign key that at most one row has; the row goes with what it points to."""
    return Column[Any](ForeignKey(target, ondelete="CASCADE"), unique=True, nullable=True)


class AccountRow(SQLModel, table=True):
    """Somebody who owns things; members have an email and a password, guests have neither.

    One with `deleted_at` is nobody any more, and its row goes once all that it had is gone.
    """

    __tablename__ = "accounts"
    __table_args__ = (
        Index("uq_accounts_email", "email", unique=True),
        Index("ix_accounts_created_at", "created_at"),
        Index(
            "ix_accounts_deleted",
            "deleted_at",
            sqlite_where=text("deleted_at IS NOT NULL"),
            postgresql_where=text("deleted_at IS NOT NULL"),
        ),
    )

    id: str = Field(primary_key=True)
    kind: str
    email: str | None = None
    name: str = Field(sa_column=_text(""))
    role: str = Field(sa_column=_text("user"))
    password_hash: str | None = None
    created_at: datetime = Field(sa_column=_time())
    disabled_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    deleted_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))


class LoginRow(SQLModel, table=True):
    """One browser that is signed in, a program's token, or an API key: what `held_by` says.

    The secret is never stored. `token_hash` is a one-way hash of it; so is `id`, but a key's is random.
    `revoked_at` may lie a few seconds ahead: until then the login still holds.
    """

    __tablename__ = "logins"

    id: str = Field(primary_key=True)
    account_id: str = Field(sa_column=_reference("accounts.id", index=True))
    token_hash: str = Field(unique=True)
    created_at: datetime = Field(sa_column=_time())
    expires_at: datetime = Field(sa_column=_time(index=True))
    revoked_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    last_seen_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    agent: str = Field(sa_column=_text(""))
    held_by: str = Field(sa_column=_text("browser"))
    name: str = Field(sa_column=_text(""))


class EndedLoginRow(SQLModel, table=True):
    """A login whose account is deleted, kept until the cookie's time is over.

    A guest's cookie says all that is needed to write its account down; this is why it is not done again.
    """

    __tablename__ = "ended_logins"

    id: str = Field(primary_key=True)
    expires_at: datetime = Field(sa_column=_time(index=True))


class SecurityEventRow(SQLModel, table=True):
    """A line of the audit log; it outlives the accounts that it tells of."""

    __tablename__ = "security_events"

    id: int | None = Field(default=None, sa_column=Column(Integer, primary_key=True, autoincrement=True))
    at: datetime = Field(sa_column=_time(index=True))
    kind: str
    account_id: str
    actor_id: str
    address: str
    detail: str


class ConversationRow(SQLModel, table=True):
    """A tree of messages. `key` is ours; `id` may be made up by a client and is unique for its owner.

    What was cleared away, or was deleted before somebody used its id again, is a row of its own under an id
    that no client can name; `former_id` is where it came from.
    """

    __tablename__ = "conversations"
    __table_args__ = (
        UniqueConstraint("owner_id", "id", name="uq_conversations_owner_id"),
        Index("ix_conversations_owner_updated", "owner_id", "updated_at"),
        Index("ix_conversations_owner_created", "owner_id", "created_at", "id"),
        Index("ix_conversations_listed", "owner_id", "archived", "pinned", "updated_at"),
        Index(
            "ix_conversations_deleted",
            "deleted_at",
            sqlite_where=text("deleted_at IS NOT NULL"),
            postgresql_where=text("deleted_at IS NOT NULL"),
        ),
    )

    key: int | None = Field(default=None, sa_column=Column(Integer, primary_key=True, autoincrement=True))
    id: str
    owner_id: str = Field(sa_column=_reference("accounts.id"))
    title: str
    model: str = ""
    leaf_id: str | None = None
    pinned: bool = Field(sa_column=_no())
    archived: bool = Field(sa_column=_no())
    deleted_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    former_id: str | None = None
    created_at: datetime = Field(sa_column=_time())
    updated_at: datetime = Field(sa_column=_time())


class MessageRow(SQLModel, table=True):
    """A node of the tree. `parts` and `seq` are stored together: the text says what of the log it covers."""

    __tablename__ = "messages"
    #: Siblings, roots too, are found by both.
    __table_args__ = (Index("ix_messages_siblings", "conversation_key", "parent_id"),)

    id: str = Field(primary_key=True)
    conversation_key: int = Field(sa_column=_reference("conversations.key"))
    owner_id: str
    parent_id: str | None = Field(default=None, index=True)
    role: str
    status: str
    parts: list[Any] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    seq: int = 0
    model: str = ""
    run_id: str | None = None
    finish_reason: str | None = None
    input_tokens: int = Field(default=0, sa_column=Column(WIDE, nullable=False))
    output_tokens: int = Field(default=0, sa_column=Column(WIDE, nullable=False))
    failure_code: str | None = None
    failure_message: str | None = None
    left_out: int = 0
    created_at: datetime = Field(sa_column=_time())


class RunRow(SQLModel, table=True):
    """The making of one assistant message, and the client's key that makes its request idempotent."""

    __tablename__ = "runs"
    __table_args__ = (
        UniqueConstraint("owner_id", "client_key", name="uq_runs_client_key"),
        # Only the few unfinished runs are ever looked for by status.
        Index(
            "ix_runs_unfinished",
            "status",
            sqlite_where=text("status IN ('queued', 'streaming')"),
            postgresql_where=text("status IN ('queued', 'streaming')"),
        ),
    )

    id: str = Field(primary_key=True)
    conversation_key: int = Field(sa_column=_reference("conversations.key", index=True))
    owner_id: str
    message_id: str = Field(unique=True)
    user_message_id: str
    model: str
    status: str
    attempt: int = 0
    cancel_requested: bool = False
    continues: str | None = None
    options: dict[str, Any] = Field(sa_column=_object())
    client_key: str
    client_digest: str
    #: Who makes it: the name of a row of `workers`. Another name, or none, is nobody.
    worker: str = Field(sa_column=_text(""))
    created_at: datetime = Field(sa_column=_time())
    ended_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))


class WorkerRow(SQLModel, table=True):
    """A process that makes replies and renews its lease here. Times are the database's."""

    __tablename__ = "workers"

    name: str = Field(primary_key=True)
    #: How often it has renewed: whether it lives is judged by that alone, and by no clock.
    beats: int = Field(sa_column=Column(BigInteger, nullable=False))
    started_at_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    seen_at_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    slots: int
    active: int
    dedicated: bool


class EventRow(SQLModel, table=True):
    """The log of a run while it is being made: one row an event, clustered by run and seq."""

    __tablename__ = "run_events"
    __table_args__ = {"sqlite_with_rowid": False}

    run_id: str = Field(sa_column=_reference("runs.id", primary_key=True))
    seq: int = Field(primary_key=True)
    at_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    kind: str = Field(sa_column=Column(String(16), nullable=False))
    data: str = Field(sa_column=Column(Text, nullable=False))


class LogRow(SQLModel, table=True):
    """The log of a finished run in one row, so that every resume and replay works for ever."""

    __tablename__ = "run_logs"

    run_id: str = Field(sa_column=_reference("runs.id", primary_key=True))
    data: str = Field(sa_column=Column(Text, nullable=False))


class FeedbackRow(SQLModel, table=True):
    """What somebody thinks of a reply."""

    __tablename__ = "feedback"
    __table_args__ = {"sqlite_with_rowid": False}

    message_id: str = Field(sa_column=_reference("messages.id", primary_key=True))
    account_id: str = Field(sa_column=_reference("accounts.id", primary_key=True, index=True))
    value: str = Field(sa_column=Column(String(16), nullable=False))
    comment: str = Field(sa_column=_text(""))
    at: datetime = Field(sa_column=_time())


class UsageRow(SQLModel, table=True):
    """What somebody's replies of a day took, by model: it stays when the replies are deleted."""

    __tablename__ = "usage_days"
    __table_args__ = {"sqlite_with_rowid": False}

    owner_id: str = Field(sa_column=_reference("accounts.id", primary_key=True))
    #: ISO 8601, UTC.
    day: str = Field(sa_column=Column(String(10), primary_key=True))
    model: str = Field(primary_key=True)
    runs: int
    input_tokens: int = Field(sa_column=Column(BigInteger, nullable=False))
    output_tokens: int = Field(sa_column=Column(BigInteger, nullable=False))


class SearchRow(SQLModel, table=True):
    """A message or a title that can be found; `key` is its row in the full-text index, which is no table."""

    __tablename__ = "search_rows"

    key: int | None = Field(default=None, primary_key=True)
    message_id: str | None = Field(default=None, sa_column=_once("messages.id"))
    conversation_key: int | None = Field(default=None, sa_column=_once("conversations.key"))


def _table(rows: type[SQLModel]) -> Table:
    return cast("Table", vars(rows)["__table__"])


# The tables themselves: statements over them need no objects of the mapper, which cost five times as much.
ACCOUNTS = _table(AccountRow)
LOGINS = _table(LoginRow)
ENDED_LOGINS = _table(EndedLoginRow)
SECURITY_EVENTS = _table(SecurityEventRow)
CONVERSATIONS = _table(ConversationRow)
MESSAGES = _table(MessageRow)
RUNS = _table(RunRow)
EVENTS = _table(EventRow)
LOGS = _table(LogRow)
FEEDBACK = _table(FeedbackRow)
USAGE = _table(UsageRow)
WORKERS = _table(WorkerRow)
