"""Every error that a person or a program can be shown.

ChatError
├── NotFound            404  not there, or not yours to see
├── Invalid             422  malformed input
│   ├── EmptyMessage
│   └── MessageTooLong
├── Conflict            409
│   ├── KeyReused            the same client key with another text
│   ├── ConversationBusy     this reply is being made
│   └── AlreadyBegun         its reply has begun
├── NotSignedIn         401
├── TooMany             429
├── Unavailable         503
│   ├── StorageFull          the disk is full
│   └── NoModel              no model can be used
└── ProviderError       502  the model's server failed
    ├── ProviderRefused      it refused the request: a retry changes nothing
    ├── ProviderBusy         429 or overloaded: a retry may help
    ├── ProviderUnreachable  no connection, or it broke
    ├── ProviderTimeout      no token for too long
    └── ProviderGarbage      it sent what is not its wire format

The docstring of a class is its default message and is fit for the person who sees it.
"""

import inspect
from typing import ClassVar

from chatapp.domain.messages import Usage


class ChatError(Exception):
    """Something went wrong. Please try again."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500

    def __init__(self, message: str | None = None) -> None:
        self.message: str = message or inspect.cleandoc(type(self).__doc__ or "")
        super().__init__(self.message)


class NotFound(ChatError):
    """This does not exist, or it is not yours."""

    code, status = "not_found", 404


class Invalid(ChatError):
    """This input cannot be used."""

    code, status = "invalid", 422


class EmptyMessage(Invalid):
    """The message is empty."""

    code = "empty_message"


class MessageTooLong(Invalid):
    """The message is too long."""

    code = "message_too_long"


class Conflict(ChatError):
    """This does not fit what is already there."""

    code, status = "conflict", 409


class KeyReused(Conflict):
    """This message key was already used for another text."""

    code = "key_reused"


class ConversationBusy(Conflict):
    """This reply is still being made. Wait for its end, or stop it first."""

    code = "busy"


class AlreadyBegun(Conflict):
    """The reply to this message has already begun. Edit the message where it is now, or stop the reply."""

    code = "already_begun"


class NotSignedIn(ChatError):
    """You are not signed in."""

    code, status = "not_signed_in", 401


class TooMany(ChatError):
    """Too many requests. Please wait a moment."""

    code, status = "too_many", 429


class Unavailable(ChatError):
    """The server cannot do this right now. Please try again in a moment."""

    code, status = "unavailable", 503


class StorageFull(Unavailable):
    """The server's disk is full, so nothing was saved. Your text is still here; please try again later."""

    code = "storage_full"


class NoModel(Unavailable):
    """No model can be used. Please choose another model."""

    code = "no_model"


class ProviderError(ChatError):
    """The model's server failed."""

    code, status = "provider_error", 502
    #: Whether the same request may succeed when it is sent again.
    retryable: ClassVar[bool] = False
    #: What the request is known to have used all the same.
    usage: Usage = Usage()


class ProviderRefused(ProviderError):
    """The model's server refused the request."""

    code = "provider_refused"


class ProviderBusy(ProviderError):
    """The model's server is overloaded. Please try again in a moment."""

    code, retryable = "provider_busy", True


class ProviderUnreachable(ProviderError):
    """The connection to the model's server failed."""

    code, retryable = "provider_unreachable", True


class ProviderTimeout(ProviderError):
    """The model's server stopped sending."""

    code, retryable = "provider_timeout", True


class ProviderGarbage(ProviderError):
    """The model's server sent something that is not an answer."""

    code = "provider_garbage"
