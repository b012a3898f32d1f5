"""Every handler says who may call it, or the app does not start; all others are refused."""

import subprocess
import sys
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast, get_type_hints

import pytest
from reflex.istate.data import RouterData
from reflex.state import State, StateUpdate
from reflex_base.event import Event
from reflex_base.registry import RegistrationContext

import chatapp.chatapp  # noqa: F401  (registers every handler there is)
from chatapp.domain.accounts import AccountKind, Principal
from chatapp.domain.errors import NotFound
from chatapp.services.cookies import as_header
from chatapp.ui import gate
from chatapp.ui.gate import REFLEX_OWN, Gate, Who, callable_by_browsers, check, policy

ROOT = "reflex___state____state"
ME = Principal(
    account_id="a" * 32,
    login_id="b" * 32,
    kind=AccountKind.GUEST,
    expires_at=datetime.now(UTC).replace(microsecond=0) + timedelta(days=1),
)


class Logins:
    def __init__(self, *current: Principal, admins: Collection[Principal] = ()) -> None:
        self.current: Collection[Principal] = current
        self.admins: Collection[Principal] = admins

    async def is_current(self, principal: Principal) -> bool:
        return principal in self.current

    async def require_admin(self, asker: Principal) -> None:
        if asker not in self.admins:
            raise NotFound


def names() -> list[str]:
    return list(RegistrationContext.ensure_context().event_handlers)


def state_of(cookie: str) -> State:
    state = State(_reflex_internal_init=True)
    state.router = RouterData.from_router_data({"headers": {"cookie": cookie}})
    return state


def fitting(name: str) -> dict[str, Any]:
    """Arguments of the right kinds."""
    registered = RegistrationContext.ensure_context().event_handlers.get(name)
    hints = get_type_hints(registered.handler.fn) if registered else {}
    values = {str: "x", bool: True, int: 1}
    return {argument: values.get(hint) for argument, hint in hints.items() if argument != "return"}


async def passes(
    name: str,
    *,
    cookie: str = as_header(ME),
    current: Collection[Principal] = (ME,),
    admins: Collection[Principal] = (),
) -> bool:
    answer = await Gate(lambda: Logins(*current, admins=admins)).preprocess(
        cast("Any", None), state_of(cookie), Event(name=name, payload=fitting(name))
    )
    assert answer is None or answer == StateUpdate()
    return answer is None


def test_every_handler_has_a_policy() -> None:
    check()


def test_reflex_has_no_handler_that_was_not_judged() -> None:
    """One that an upgrade takes away is noticed too."""
    own = {
        name
        for name in names()
        if policy(name) and ".chatapp___" not in name and not name.endswith(".setvar")
    }
    assert own == set(REFLEX_OWN)


def test_no_setvar_anywhere() -> None:
    setvars = [name for name in names() if name.endswith(".setvar")]
    assert len(setvars) > 4
    assert not any(callable_by_browsers(name) for name in setvars)


@pytest.mark.parametrize("name", ["", "x", ROOT, f"{ROOT}.nothing", f"{ROOT}.setvar", f"{ROOT}.__init__"])
async def test_what_is_not_there_is_refused(name: str) -> None:
    assert not callable_by_browsers(name)
    assert not await passes(name)


async def test_signed_in_handlers_want_a_login_that_holds() -> None:
    ours = [name for name in names() if policy(name) is Who.SIGNED_IN]
    assert ours
    for name in ours:
        assert await passes(name)
        assert not await passes(name, current=())
        assert not await passes(name, cookie="")
        assert not await passes(name, cookie="chatapp_login=raw")


async def test_a_visitor_has_no_login() -> None:
    """It may reach the log-in page, whose handlers are for everybody who is connected."""
    visitor = replace(ME, kind=AccountKind.VISITOR)
    for name in (name for name in names() if callable_by_browsers(name)):
        let_in = await passes(name, cookie=as_header(visitor), current=(visitor,), admins=(visitor,))
        assert let_in is (policy(name) is Who.CONNECTED), name


async def test_admin_handlers_want_somebody_who_is_admin_now(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"{ROOT}.chatapp___ui___chat____chat.dismiss"
    monkeypatch.setattr(gate, "policy", lambda _: Who.ADMIN)
    assert callable_by_browsers(name)
    assert await passes(name, admins=(ME,))
    assert not await passes(name)
    assert not await passes(name, current=(), admins=(ME,))
    assert not await passes(name, cookie="", admins=(ME,))


async def test_our_own_chains_pass_and_browsers_cannot_start_them() -> None:
    for name in (name for name in names() if policy(name) is Who.SERVER):
        assert await passes(name, cookie="")
        assert not callable_by_browsers(name)


def test_a_handler_without_a_policy_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "REFLEX_OWN", {})
    with pytest.raises(RuntimeError, match=f"handlers, add @allow.*{ROOT}.hydrate") as error:
        check()
    assert "\n" not in str(error.value)


def test_a_helper_that_somebody_forgot_stops_the_start() -> None:
    """Reflex makes a handler of every public method, so a new one is noticed wherever it is."""
    program = (
        "import reflex as rx\nfrom chatapp.ui.gate import check\n"
        "class Page(rx.State):\n    def helper(self): pass\ncheck()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "any browser could call these handlers" in done.stderr
    assert "page.helper" in done.stderr


async def test_arguments_must_fit() -> None:
    """Reflex checks neither their names nor their types."""
    name = f"{ROOT}.chatapp___ui___chat____chat.stop"
    signed_in = Gate(lambda: Logins(ME))
    for payload, good in [
        ({"message_id": "x"}, True),
        ({"message_id": 5}, False),
        ({"message_id": None}, False),
        ({"message_id": {"a": 1}}, False),
        ({}, False),
        ({"message_id": "x", "other": "y"}, False),
        ({"self": "x", "message_id": "x"}, False),
    ]:
        event = Event(name=name, payload=payload)
        answer = await signed_in.preprocess(cast("Any", None), state_of(as_header(ME)), event)
        assert (answer is None) is good, payload
