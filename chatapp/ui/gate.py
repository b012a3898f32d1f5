"""The inner gate: what a browser may call, and who may call it. Deny by default.

Every public method of every state is a remote procedure for whoever holds a socket, decorated or not. So each
handler says who may call it, right where it is written:

    @rx.event
    @allow(Who.SIGNED_IN)
    async def send(self, text: str) -> None: ...

A handler that says nothing stops the start of the app (`check`), and would be refused all the same.
"""

import inspect
import logging
from collections.abc import Callable, Mapping
from enum import Enum
from functools import cache
from typing import Any, Final, Protocol, TypeVar, get_type_hints

import reflex as rx
from reflex.middleware import Middleware
from reflex.state import StateUpdate
from reflex_base.event import Event
from reflex_base.registry import RegistrationContext
from typing_extensions import override

from chatapp.domain.accounts import AccountKind, Principal
from chatapp.domain.errors import NotFound
from chatapp.services.cookies import principal_of
from chatapp.telemetry.rare import Rarely
from chatapp.ui.connected import cookie_of

logger = logging.getLogger(__name__)
logger.addFilter(Rarely())

_MARK: Final = "_chatapp_allow"
_ROOT: Final = "reflex___state____state"
#: What a value must be for a handler that asks for it; other annotations are the handler's to check.
_PLAIN: Final[Mapping[type, tuple[type, ...]]] = {
    str: (str,),
    bool: (bool,),
    int: (int,),
    float: (int, float),
}
_F = TypeVar("_F", bound=Callable[..., Any])


class Who(Enum):
    """Who may start a handler."""

    CONNECTED = "any socket that the guard let in; its login may have ended since"
    SIGNED_IN = "whoever has a login that is valid now"
    ADMIN = "whoever is an admin now"
    SERVER = "our own handlers only, by chaining; never a browser"
    NOBODY = "no one"


# Reflex's own, by name, each with its reason. An upgrade that adds one stops the start until it is judged.
REFLEX_OWN: Final[Mapping[str, Who]] = {
    # The first event of each socket: without it a page whose login has just ended could not even say so.
    f"{_ROOT}.hydrate_and_load": Who.CONNECTED,
    # The older form of the same; the browser does not send it any more.
    f"{_ROOT}.hydrate": Who.SERVER,
    f"{_ROOT}.set_is_hydrated": Who.SERVER,
    # Sent at each navigation; starts the page's on_load handlers, which have policies of their own.
    f"{_ROOT}.reflex___state____on_load_internal_state.on_load_internal": Who.CONNECTED,
    f"{_ROOT}.reflex___state____on_load_internal_state.set_is_hydrated": Who.SERVER,
    # Sets storage vars and no others; the guard lets through those that the app declares.
    f"{_ROOT}.reflex___state____update_vars_internal_state.update_vars_internal": Who.SIGNED_IN,
    # The page reports an error of its own; it is counted and logged without its text.
    f"{_ROOT}.reflex___state____frontend_event_exception_state.handle_frontend_exception": Who.CONNECTED,
}


def allow(who: Who) -> Callable[[_F], _F]:
    """Declare who may call a handler; goes below `@rx.event`."""

    def mark(handler: _F) -> _F:
        setattr(handler, _MARK, who)
        return handler

    return mark


def policy(name: str) -> Who | None:
    """Who may call the handler with this full name; None when nobody has said so."""
    # Reflex gives every state a `setvar` that reaches any method named set_*.
    if name.endswith(".setvar"):
        return Who.NOBODY
    if name.startswith(f"{_ROOT}.reflex___istate___shared"):
        return Who.NOBODY
    registered = RegistrationContext.ensure_context().event_handlers.get(name)
    if registered is None:
        return None
    return REFLEX_OWN.get(name) or getattr(registered.handler.fn, _MARK, None)


def check() -> None:
    """Refuse to go on unless every handler there is has a policy.

    Raises:
        RuntimeError: in one line, with the names that have none.
    """
    names = RegistrationContext.ensure_context().event_handlers
    silent = sorted(name for name in names if policy(name) is None)
    if silent:
        raise RuntimeError(f"any browser could call these handlers, add @allow(Who.…): {', '.join(silent)}")


def callable_by_browsers(name: str) -> bool:
    """Whether the outer gate may let an event with this name pass."""
    return policy(name) in {Who.CONNECTED, Who.SIGNED_IN, Who.ADMIN}


def fits(name: str, payload: Mapping[str, Any]) -> bool:
    """Whether the handler takes these arguments. Reflex itself looks at neither names nor types."""
    signature, plain = _arguments(RegistrationContext.ensure_context().event_handlers[name].handler.fn)
    try:
        signature.bind(None, **payload)
    except TypeError:
        return False
    # `True` is an int in Python, and no number to anybody else.
    return all(type(payload[argument]) in types for argument, types in plain.items() if argument in payload)


@cache
def _arguments(handler: Callable[..., Any]) -> tuple[inspect.Signature, dict[str, tuple[type, ...]]]:
    hints = get_type_hints(handler)
    return inspect.signature(handler), {name: _PLAIN[hint] for name, hint in hints.items() if hint in _PLAIN}


def storage_vars() -> frozenset[str]:
    """The vars that a browser may bring along at hydration: those declared to live in its storage."""
    states = RegistrationContext.ensure_context().base_states.values()
    return frozenset(
        f"{state.get_full_name()}.{name}{rx.constants.state.FIELD_MARKER}"
        for state in states
        for name in state.base_vars
        if state._is_client_storage(name)
    )


class Logins(Protocol):
    """What the gate asks about a login."""

    async def is_current(self, principal: Principal) -> bool:
        """Whether the login holds now, at most 5 s out of date."""
        ...

    async def require_admin(self, asker: Principal) -> None:
        """Raises `NotFound` for everybody who is no admin now, at most 5 s out of date."""
        ...


class Gate(Middleware):
    """Reflex asks it before each event: those that browsers send, and those that handlers chain."""

    def __init__(self, logins: Callable[[], Logins]) -> None:
        """`logins` is asked at each event, since services open only after the app was made."""
        self._logins = logins

    @override
    async def preprocess(self, app: rx.App, state: rx.state.BaseState, event: Event) -> StateUpdate | None:
        """Let an event pass (None) or answer it with nothing."""
        who = policy(event.name)
        if who in {None, Who.NOBODY} or not fits(event.name, event.payload):
            logger.warning("refused event %.120r", event.name)
            return StateUpdate()
        if who in {Who.SIGNED_IN, Who.ADMIN} and not await self._may(who, state):
            logger.info("refused event %.120r: no login for it", event.name)
            return StateUpdate()
        return None

    async def _may(self, who: Who | None, state: rx.state.BaseState) -> bool:
        principal, logins = principal_of(cookie_of(state)), self._logins()
        if (
            principal is None
            or principal.kind is AccountKind.VISITOR
            or not await logins.is_current(principal)
        ):
            return False
        try:
            if who is Who.ADMIN:
                await logins.require_admin(principal)
        except NotFound:
            return False
        return True
