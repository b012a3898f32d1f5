"""All that can be asked of the app, from its own registries, and who is to get it.

What is new is in the registries at once, and fails `test_access_matrix.py` until it has a line here. A line
says who may, and what tells that they could: else a test that others cannot would pass if nobody could.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from reflex_base.registry import RegistrationContext

import chatapp.chatapp
from chatapp.ui.gate import Who

Payload = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Owned:
    """What somebody has, all of it named to those who are to leave it alone."""

    conversation_id: str
    question: str
    answer: str
    busy_id: str
    streaming: str
    waiting: tuple[str, str]
    login_id: str
    secret: str


#: Ids of the right shape that nobody has.
NOTHING: Final = Owned(
    conversation_id="c",
    question="q",
    answer="a",
    busy_id="b",
    streaming="s",
    waiting=("w", "x"),
    login_id="l",
    secret="s",
)


#: The method of a route that is a WebSocket's.
SOCKET: Final = "WEBSOCKET"


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A handler: who may start it, with which arguments for a thing of the owner's, and whether the owner's
    own call is seen in what is stored. One that `ends` the login of whoever calls it is called last."""

    who: Who
    payload: Callable[[Owned], Payload] = lambda _: {}
    stored: bool = False
    ends: bool = False


def handlers() -> set[str]:
    """Every handler that there is, by the names of its state and its own; a browser may name any of them."""
    names = RegistrationContext.ensure_context().event_handlers
    return {short(name) for name in names if not name.endswith(".setvar")}


def short(name: str) -> str:
    """`chat.send` for a handler's full name."""
    state, _, handler = name.rpartition(".")
    return f"{state.rpartition('____')[2]}.{handler}"


def full(wanted: str) -> str:
    """The full name, as it is sent."""
    [name] = [one for one in RegistrationContext.ensure_context().event_handlers if short(one) == wanted]
    return name


def routes() -> set[str]:
    """Every route that there is, `GET /api/live`: the API's, and Reflex's own."""
    app = chatapp.chatapp.app
    assert isinstance(app.api_transformer, list)
    ours = _all_routes(app.api_transformer[0].routes)
    reflexs = _all_routes(app._api.routes if app._api else ())
    found = {(method, route.path) for route in (*ours, *reflexs) for method in _methods(route)}
    return {f"{method} {path}" for method, path in found if method != "HEAD"}


def _methods(route: Any) -> Iterable[str]:
    if not hasattr(route, "methods"):
        return (SOCKET,)
    return route.methods or ("ANY",)


def _all_routes(routes: Iterable[Any]) -> Iterator[Any]:
    for route in routes:
        if (included := getattr(route, "original_router", None)) is not None:
            yield from _all_routes(included.routes)
        elif hasattr(route, "endpoint"):
            yield route


def _id(_: Owned) -> str:
    return uuid4().hex


#: Every handler, in an order in which the owner can call them: what waits is asked for while it waits.
CALLS: Final[dict[str, Call]] = {
    "chat.send": Call(
        who=Who.SIGNED_IN,
        payload=lambda own: {
            "key": _id(own),
            "conversation_id": own.conversation_id,
            "text": "again",
            "model": "",
        },
        stored=True,
    ),
    "chat.regenerate": Call(who=Who.SIGNED_IN, payload=lambda own: {"message_id": own.answer}, stored=True),
    "chat.go_on": Call(who=Who.SIGNED_IN, payload=lambda own: {"message_id": own.answer}, stored=True),
    "chat.rate": Call(
        who=Who.SIGNED_IN, payload=lambda own: {"message_id": own.answer, "value": "bad"}, stored=True
    ),
    "chat.edit": Call(
        who=Who.SIGNED_IN,
        payload=lambda own: {"message_id": own.question, "text": "else", "key": _id(own)},
        stored=True,
    ),
    "chat.show_version": Call(
        who=Who.SIGNED_IN, payload=lambda own: {"message_id": own.question}, stored=True
    ),
    "chat.change_queued": Call(
        who=Who.SIGNED_IN, payload=lambda own: {"message_id": own.waiting[0], "text": "else"}, stored=True
    ),
    "chat.move_queued": Call(
        who=Who.SIGNED_IN, payload=lambda own: {"message_id": own.waiting[1], "place": 0}, stored=True
    ),
    "chat.remove_queued": Call(
        who=Who.SIGNED_IN, payload=lambda own: {"message_id": own.waiting[1]}, stored=True
    ),
    "chat.stop": Call(who=Who.SIGNED_IN, payload=lambda own: {"message_id": own.streaming}, stored=True),
    # These take no id of a thing: they ask for more of what the tab shows, which `hydrate_and_load` decided.
    "chat.show_earlier": Call(who=Who.SIGNED_IN, payload=lambda own: {"first": own.question}),
    "chat.show_later": Call(who=Who.SIGNED_IN, payload=lambda own: {"last": own.answer}),
    "chat.show_end": Call(who=Who.SIGNED_IN),
    "chat.choose_model": Call(who=Who.SIGNED_IN, payload=lambda _: {"model": "x"}),
    "chat.dismiss": Call(who=Who.SIGNED_IN),
    "chat.forget_removed": Call(who=Who.SIGNED_IN),
    "chat.follow": Call(who=Who.SERVER),
    "manage.begin_renaming": Call(who=Who.SIGNED_IN, payload=lambda own: {"place": own.conversation_id}),
    "manage.rename": Call(
        who=Who.SIGNED_IN,
        payload=lambda own: {"conversation_id": own.conversation_id, "title": "mine", "was": ""},
        stored=True,
    ),
    "manage.pin": Call(
        who=Who.SIGNED_IN,
        payload=lambda own: {"conversation_id": own.conversation_id, "pinned": True, "seen": True},
        stored=True,
    ),
    "manage.archive": Call(
        who=Who.SIGNED_IN,
        payload=lambda own: {"conversation_id": own.conversation_id, "archived": True},
        stored=True,
    ),
    "manage.clear": Call(
        who=Who.SIGNED_IN, payload=lambda own: {"conversation_id": own.conversation_id}, stored=True
    ),
    "manage.delete": Call(
        who=Who.SIGNED_IN,
        payload=lambda own: {"conversation_id": own.conversation_id, "reopen": False},
        stored=True,
    ),
    "search.find": Call(who=Who.SIGNED_IN, payload=lambda _: {"query": "secret"}),
    "side.show_archive": Call(who=Who.SIGNED_IN, payload=lambda _: {"shown": True}),
    "side.show_more": Call(who=Who.SIGNED_IN),
    "toasts.close": Call(who=Who.SIGNED_IN, payload=lambda own: {"toast_id": own.conversation_id}),
    # What it undoes is kept on the server, in the tab's own state.
    "toasts.undo": Call(who=Who.SIGNED_IN, payload=lambda own: {"toast_id": own.conversation_id}),
    "own_account.arrive": Call(who=Who.SIGNED_IN),
    "own_account.rename": Call(who=Who.SIGNED_IN, payload=lambda own: {"name": _id(own)}, stored=True),
    "own_account.change_password": Call(
        who=Who.SIGNED_IN, payload=lambda _: {"old": "wrong password", "new": "another password"}
    ),
    # The owner's own would be the end of the tab that asks: test_revocation.py.
    "own_account.end_login": Call(who=Who.SIGNED_IN, payload=lambda own: {"login_id": own.login_id}),
    "own_account.end_others": Call(who=Who.SIGNED_IN),
    "keys.make": Call(who=Who.SIGNED_IN, payload=lambda own: {"name": _id(own), "lasts": ""}, stored=True),
    # The owner's own: tests/services/test_api_keys.py; here of nobody's.
    "keys.revoke": Call(who=Who.SIGNED_IN, payload=lambda own: {"key_id": _id(own)}),
    "keys.forget": Call(who=Who.SIGNED_IN),
    "entering.arrive": Call(who=Who.CONNECTED),
    "entering.show": Call(who=Who.CONNECTED, payload=lambda _: {"creating": True}),
    "entering.log_in": Call(
        who=Who.CONNECTED, payload=lambda _: {"email": "nobody@example.org", "password": "wrong password"}
    ),
    "entering.register": Call(
        who=Who.CONNECTED,
        payload=lambda own: {"name": "", "email": f"{_id(own)}@example.org", "password": _id(own)},
    ),
    # No account or run has these ids, since whoever may do it does it; those that have: test_admin_doors.py.
    "admin.show": Call(who=Who.ADMIN, payload=lambda _: {"section": "events"}),
    "admin.find": Call(who=Who.ADMIN, payload=lambda _: {"search": "example"}),
    "admin.show_more": Call(who=Who.ADMIN),
    "admin.ask": Call(who=Who.ADMIN, payload=lambda own: {"what": "delete", "account_id": _id(own)}),
    "admin.never_mind": Call(who=Who.ADMIN),
    "admin.make_admin": Call(who=Who.ADMIN, payload=lambda own: {"account_id": _id(own), "is_admin": True}),
    "admin.disable": Call(who=Who.ADMIN, payload=lambda own: {"account_id": _id(own), "disabled": True}),
    "admin.reset_password": Call(who=Who.ADMIN, payload=lambda own: {"account_id": _id(own)}),
    "admin.forget_password": Call(who=Who.ADMIN),
    "admin.delete": Call(who=Who.ADMIN, payload=lambda own: {"account_id": _id(own)}),
    "admin.stop_run": Call(who=Who.ADMIN, payload=lambda own: {"run_id": _id(own)}),
    "admin.follow": Call(who=Who.SERVER),
    # Reflex's own.
    "state.hydrate_and_load": Call(who=Who.CONNECTED),
    "state.hydrate": Call(who=Who.SERVER),
    "state.set_is_hydrated": Call(who=Who.SERVER, payload=lambda _: {"value": True}),
    "on_load_internal_state.on_load_internal": Call(who=Who.CONNECTED),
    "on_load_internal_state.set_is_hydrated": Call(who=Who.SERVER, payload=lambda _: {"value": True}),
    "update_vars_internal_state.update_vars_internal": Call(
        who=Who.SIGNED_IN, payload=lambda _: {"vars": {}}
    ),
    "frontend_event_exception_state.handle_frontend_exception": Call(
        who=Who.CONNECTED, payload=lambda _: {"info": "x", "component_stack": "x"}
    ),
    "entering.log_out": Call(who=Who.SIGNED_IN, ends=True),
    "own_account.delete": Call(who=Who.SIGNED_IN, payload=lambda _: {"password": "x"}, ends=True),
}

#: What every route answers to whom, also "whom, AUTH_MODE"; `*` is everybody who has no word of their own.
#: Statuses. Pages are no routes but files, made before there was anybody: the same for all, and empty of what
#: anybody has (`test_admin_doors.py`).
SAME: Final = "*"
OPEN: Final = {SAME: 200}
NOT_THERE: Final = {SAME: 404}


def signed_in(status: int) -> dict[str, int]:
    """This to whoever has a login that holds, and nothing to others."""
    return {SAME: 401, "newcomer, guest": status, "member": status, "admin": status}


ROUTES: Final[dict[str, dict[str, int]]] = {
    "GET /api": OPEN,
    "GET /api/live": OPEN,
    "GET /api/ready": OPEN,
    "GET /api/health": OPEN,
    "GET /api/enter.js": OPEN,
    "GET /api/openapi.json": OPEN,
    "GET /api/docs": OPEN,
    **{f"GET /api/docs/{name}": OPEN for name in ("start.js", "swagger-ui.css", "swagger-ui-bundle.js")},
    # The tests are on the server's own machine; everybody else: tests/api/test_metrics.py.
    "GET /metrics": OPEN,
    # With a ticket of nobody's.
    "GET /api/admit": {SAME: 401},
    # Without what it wants; who may log in is in test_signing_in.py.
    "POST /api/login": {SAME: 422},
    "POST /api/logout": {SAME: 204},
    # One's own data; what is in it: test_admin_doors.py.
    "GET /api/export": signed_in(200),
    # Whose they are is asked in each query; another's are in tests/api/test_others.py.
    "POST /api/sessions": signed_in(201),
    "GET /api/sessions": signed_in(200),
    "GET /api/sessions/{session_id}": signed_in(404),
    "GET /api/sessions/{session_id}/history": signed_in(404),
    "PATCH /api/sessions/{session_id}": signed_in(422),
    "DELETE /api/sessions/{session_id}": signed_in(404),
    "POST /api/chat": signed_in(422),
    "POST /api/chat/stream": signed_in(422),
    "GET /api/runs/{run_id}": signed_in(404),
    "GET /api/runs/{run_id}/events": signed_in(404),
    "POST /api/runs/{run_id}/cancel": signed_in(404),
    "POST /api/messages/{message_id}/edit": signed_in(422),
    "POST /api/messages/{message_id}/regenerate": signed_in(404),
    "POST /api/messages/{message_id}/continue": signed_in(404),
    "POST /api/messages/{message_id}/feedback": signed_in(422),
    "GET /api/search": signed_in(200),
    "GET /api/usage": signed_in(200),
    "GET /api/models": signed_in(200),
    "GET /api/agents": signed_in(200),
    "GET /v1/models": signed_in(200),
    "GET /v1/models/{model_id:path}": signed_in(404),
    "POST /v1/chat/completions": signed_in(400),
    # Opened, or the code that it is closed with. With whom one talks there: tests/api/test_socket.py.
    f"{SOCKET} /ws/chat/{{session_id}}": {**signed_in(101), SAME: 1008},
    # Without a name; who gets one is in tests/services/test_tokens.py and tests/api/test_programs.py.
    "POST /api/token": {SAME: 422, f"{SAME}, password": 403},
    "OPTIONS /api": {SAME: 204},
    **{f"{method} /api": {SAME: 405} for method in ("POST", "PUT", "PATCH", "DELETE", "TRACE")},
    **{
        f"{method} {path}": NOT_THERE
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
        for path in ("/api/{rest:path}", "/v1/{rest:path}", "/v1")
    },
    # Reflex's own: it is there, and says nothing about anybody.
    "GET /ping": OPEN,
    "GET /_health": NOT_THERE,
}
#: Queries and parts of a path that a route wants.
FILLED: Final = {
    f"{SOCKET} /ws/chat/{{session_id}}": "/ws/chat/made-up",
    "GET /api/admit": "/api/admit?ticket=made-up&next=/",
    "GET /api/search": "/api/search?q=made-up",
}
