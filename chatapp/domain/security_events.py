"""What is written down about who came in and what was changed about whom."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class SecurityEventKind(StrEnum):
    """What happened."""

    REGISTERED = "registered"
    LOGGED_IN = "logged_in"
    LOGIN_FAILED = "login_failed"
    LOGGED_OUT = "logged_out"
    LOGIN_ENDED = "login_ended"
    OTHER_LOGINS_ENDED = "other_logins_ended"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    PASSWORD_RESET = "password_reset"  # noqa: S105
    API_KEY_MADE = "api_key_made"
    API_KEY_REVOKED = "api_key_revoked"
    ROLE_CHANGED = "role_changed"
    DISABLED = "disabled"
    ENABLED = "enabled"
    RUN_STOPPED = "run_stopped"
    RUN_GIVEN_UP = "run_given_up"
    DATA_EXPORTED = "data_exported"
    ACCOUNT_DELETED = "account_deleted"


#: Who acts from the command line of the machine: whoever may do that needs no account.
OPERATOR = "operator"


@dataclass(frozen=True, kw_only=True, slots=True)
class SecurityEvent:
    """One line of the audit log. No tokens, no passwords, no text of messages.

    `account_id` is whom it happened to, "" when that is nobody we know; `actor_id` who did it: an account's
    id or `OPERATOR`. `id` counts upwards and is 0 until it is stored.
    """

    kind: SecurityEventKind
    at: datetime
    account_id: str = ""
    actor_id: str = ""
    address: str = ""
    detail: str = ""
    id: int = 0
