"""Every error that a person or a program can be shown.

ChatError
├── NotFound            404  not there, or not yours to see
├── Invalid             422  malformed input
│   ├── EmptyMessage
│   ├── MessageTooLong
│   ├── UnknownAgent
│   └── WeakPassword
├── Conflict            409
│   ├── KeyReused            the same client key with another text
│   ├── ConversationBusy     this reply is being made
│   ├── AlreadyBegun         its reply has begun
│   ├── EmailTaken           somebody has this email
│   └── LastAdmin            nobody would be admin any more
├── NotSignedIn         401
│   └── BadToken             a token or API key that opens nothing
├── WrongLogin          401  email or password, it does not say which
├── SignUpClosed        403
├── NotForKeys          403  an API key may not do that
├── TooMany             429
├── Unavailable         503
│   ├── StorageFull          the disk is full
│   ├── NoModel              no model can be used
│   │   └── UnknownModel    422  there is no model of this name
│   └── Interrupted          a reply was, too often
└── ProviderError       502  the model's server failed
    ├── ProviderRefused      it refused the request: a retry changes nothing
    │   ├── ProviderSetup        for a reason that whoever runs this server can change
    │   └── ContextTooLong  422  there is more to read than the model can
    ├── ProviderBusy    503  429 or overloaded: a retry may help
    ├── ProviderUnreachable  no connection, or it broke
    ├── ProviderTimeout 504  no token for too long
    └── ProviderGarbage      it sent what is not its wire format

The docstring of a class is what happened, its `advice` what to do next: together they are the message for the
person who sees it. Who raises one may know better words for either.
"""

import inspect
from typing import ClassVar

from chatapp.domain.messages import Usage


class ChatError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    advice: ClassVar[str] = "Please try again."

    def __init__(self, what: str | None = None, *, advice: str | None = None) -> None:
        """`advice` is "" where `what` says already what to do."""
        self.what: str = what or inspect.cleandoc(type(self).__doc__ or "")
        self.message: str = f"{self.what} {type(self).advice if advice is None else advice}".rstrip()
        super().__init__(self.message)


class NotFound(ChatError):
    """This does not exist, or it is not yours."""

    code, status = "not_found", 404
    advice = "Please reload the page, or start a new chat."


class Invalid(ChatError):
    """This input cannot be used."""

    code, status = "invalid", 422
    advice = "Please change it and try again."


class EmptyMessage(Invalid):
    """The message is empty."""

    code = "empty_message"
    advice = "Please write something first."


class MessageTooLong(Invalid):
    """The message is too long."""

    code = "message_too_long"
    advice = "Please shorten it."


class UnknownAgent(Invalid):
    """There is no such agent."""

    code = "unknown_agent"
    advice = "Please choose another one."


class WeakPassword(Invalid):
    """This password is too easy to guess."""

    code = "weak_password"
    advice = "Please choose another one."


class Conflict(ChatError):
    """Something else was changed meanwhile."""

    code, status = "conflict", 409
    advice = "Please reload the page and try again."


class KeyReused(Conflict):
    """This message key was already used for another text."""

    code = "key_reused"
    advice = "Please send it again with a new one."


class ConversationBusy(Conflict):
    """This reply is still being made."""

    code = "busy"
    advice = "Please wait for its end, or stop it first."


class AlreadyBegun(Conflict):
    """The reply to this message has already begun."""

    code = "already_begun"
    advice = "Please edit the message where it is now, or stop the reply."


class EmailTaken(Conflict):
    """There is an account with this email already."""

    code = "email_taken"
    advice = "Please log in, or use another email."


class LastAdmin(Conflict):
    """This is the only admin."""

    code = "last_admin"
    advice = "Please make somebody else an admin first."


class NotSignedIn(ChatError):
    """You are not signed in."""

    code, status = "not_signed_in", 401
    advice = "Please reload the page to sign in."


class BadToken(NotSignedIn):
    """This token or API key is not valid, or its time is over."""

    code = "bad_token"


class WrongLogin(ChatError):
    """The email or the password is wrong."""

    code, status = "wrong_login", 401


class SignUpClosed(ChatError):
    """New accounts are not made here."""

    code, status = "sign_up_closed", 403
    advice = "Please ask whoever runs this server for one."


class NotForKeys(ChatError):
    """An API key may not do this."""

    code, status = "not_for_keys", 403
    advice = "Please make and revoke keys on the settings page."


class TooMany(ChatError):
    """Too many requests."""

    code, status = "too_many", 429
    advice = "Please wait a moment and try again."


class Unavailable(ChatError):
    """The server cannot do this right now."""

    code, status = "unavailable", 503
    advice = "Please try again in a moment."


class StorageFull(Unavailable):
    """The server's disk is full, so nothing was saved."""

    code = "storage_full"
    advice = "Your text is still here; please try again later."


class NoModel(Unavailable):
    """No model can be used."""

    code = "no_model"
    advice = "Please choose another model."


class Interrupted(Unavailable):
    """The server was interrupted while it made the reply."""

    code = "interrupted"


class UnknownModel(NoModel):
    """There is no such model."""

    code, status = "unknown_model", 422


class ProviderError(ChatError):
    """The model's server failed."""

    code, status = "provider_error", 502
    advice = "Please try again, or choose another model."
    #: Whether the same request may succeed when it is sent again.
    retryable: ClassVar[bool] = False
    #: What the request is known to have used all the same.
    usage: Usage = Usage()


class ProviderRefused(ProviderError):
    """The model's server refused the request."""

    code = "provider_refused"
    advice = "Please choose another model."


class ProviderSetup(ProviderRefused):
    """This server may not use the model's server."""

    code = "provider_setup"


class ContextTooLong(ProviderRefused):
    """The conversation is longer than this model can read."""

    code, status = "context_too_long", 422
    advice = "Please start a new chat, or choose a model with a larger window."


class ProviderBusy(ProviderError):
    """The model's server is overloaded."""

    # Not 429: it is not who asks that asked too often.
    code, status, retryable = "provider_busy", 503, True
    advice = "Please try again in a moment."


class ProviderUnreachable(ProviderError):
    """The connection to the model's server failed."""

    code, retryable = "provider_unreachable", True
    advice = "Please try again in a moment."


class ProviderTimeout(ProviderError):
    """The model's server stopped sending."""

    code, status, retryable = "provider_timeout", 504, True
    advice = "Please try again in a moment."


class ProviderGarbage(ProviderError):
    """The model's server sent something that is not an answer."""

    code = "provider_garbage"
    advice = "Please try again, or choose another model."


def status_of(code: str) -> int:
    """The HTTP status that goes with the code of a failure which was kept; 500 for a code that nobody has."""
    pending: list[type[ChatError]] = [ChatError]
    for kind in pending:
        if kind.code == code:
            return kind.status
        pending += kind.__subclasses__()
    return ChatError.status
