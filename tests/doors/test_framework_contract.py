"""What we rely on in Reflex 0.10.1 and its parts. An upgrade that changes one of these is noticed here, where
it says what leans on it, and not by somebody who gets in."""

import inspect
import json
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import reflex as rx
import socketio.packet
from engineio import packet as engineio_packet
from engineio.async_socket import AsyncSocket
from granian.server import Server
from reflex import app as reflex_app_module
from reflex.app import App, EventNamespace
from reflex.app_mixins.middleware import MiddlewareMixin
from reflex.istate.data import RouterData
from reflex.state import FrontendEventExceptionState, State, StateUpdate
from reflex_base.constants import CompileVars, RouteVar, SocketEvent
from reflex_base.event import Event, EventHandler
from reflex_base.event.processor import base_state_processor
from reflex_base.registry import RegistrationContext

import chatapp.chatapp
from chatapp.api import packets
from chatapp.api.guard import SOCKET_PATH
from chatapp.ui import gate
from chatapp.ui.connected import cookie_of, tab_of, url_of
from tests.doors.house import House
from tests.wire import Tab, guest_cookie
from tests.wire.packets import STATE, connect


def test_versions() -> None:
    """Read the facts again when one of these moves, then move it here."""
    assert version("reflex") == version("reflex-base") == "0.10.1"
    assert version("python-engineio").startswith("4.15.")
    assert version("python-socketio").startswith("5.18.")
    assert version("granian").startswith("2.8.")


def test_names_on_the_wire() -> None:
    """chatapp/api/packets.py speaks them without knowing Reflex."""
    assert rx.config.get_config().get_event_namespace() == packets.NAMESPACE == SOCKET_PATH
    assert f"{State.get_full_name()}.{CompileVars.HYDRATE_AND_LOAD}" == packets.HYDRATE
    assert packets.UPDATE_VARS in RegistrationContext.ensure_context().event_handlers
    assert CompileVars.CONNECT_AUTH_EVENT == "event"
    assert (CompileVars.PAYLOAD_VARS, CompileVars.PAYLOAD_HASHES) == ("vars", "hashes")
    assert (str(SocketEvent.EVENT), str(SocketEvent.PING)) == ("event", "ping")


def test_socket_events_are_the_namespaces_public_methods() -> None:
    """Any `on_x` would be reachable by an event named x: the guard lets through three."""
    names = {name.removeprefix("on_") for name in vars(EventNamespace) if name.startswith("on_")}
    assert names == {"connect", "disconnect", "event", "ping", "client_error"}


def test_every_public_method_is_a_remote_procedure() -> None:
    """Why `check` looks at the whole registry, and helpers start with an underscore."""
    registered = RegistrationContext.ensure_context().event_handlers
    for state in RegistrationContext.ensure_context().base_states.values():
        assert f"{state.get_full_name()}.setvar" in registered
    assert State._item_is_event_handler("helper", lambda self: None)
    assert not State._item_is_event_handler("_helper", lambda self: None)


def test_policies_survive_the_decorators_and_mixins() -> None:
    def handler(self: Any) -> None: ...

    marked = gate.allow(gate.Who.SIGNED_IN)(handler)
    assert rx.event(marked) is marked
    assert getattr(State._copy_fn(marked), gate._MARK) is gate.Who.SIGNED_IN


def test_annotations_check_nothing() -> None:
    """Why the gate looks at arguments: text for a number is handed on when it cannot be converted."""

    def handler(self: Any, text: str, number: int) -> None: ...

    registered = EventHandler(fn=handler, state=State)
    sent = {"text": {"a": 1}, "number": [1], "other": 5}
    assert base_state_processor._prepare_event_payload(registered, sent) == sent


def test_the_gate_is_asked_before_the_handler() -> None:
    """Within the state's lock, before the background part of a handler starts."""
    source = inspect.getsource(base_state_processor.BaseStateEventProcessor._execute_event)
    assert source.index("_preprocess(state, event)") < source.index("process_event(")
    assert "for middleware in self._middlewares" in inspect.getsource(MiddlewareMixin._preprocess)
    middlewares = chatapp.chatapp.app._middlewares
    assert isinstance(middlewares[0], gate.Gate)
    assert StateUpdate() == StateUpdate(delta={}, events=[])


def test_headers_come_from_the_connection() -> None:
    """What a page says about its own headers is overwritten, so the guard's cookie is the only one."""
    source = inspect.getsource(EventNamespace.on_event)
    assert source.index("router_data = event.router_data") < source.index(
        "router_data.update(static_router_data)"
    )
    assert "asgi.scope" in inspect.getsource(EventNamespace._build_static_router_data)
    assert RouteVar.HEADERS == "headers"
    state = State(_reflex_internal_init=True)
    said = {"headers": {"cookie": "login=x"}, "token": "tab", "asPath": "/c/x"}
    state.router = RouterData.from_router_data(said)
    assert (cookie_of(state), tab_of(state), url_of(state).path) == ("login=x", "tab", "/c/x")


def test_the_last_transformer_is_outermost() -> None:
    source = inspect.getsource(App.__call__)
    assert "for api_transformer in api_transformers" in source
    assert "asgi_app = api_transformer(asgi_app)" in source
    transformers = chatapp.chatapp.app.api_transformer
    assert isinstance(transformers, list)
    # Calls are counted behind the guard, whose own answers have the headers, and a line in the log, as well.
    names = [one.func.__name__ for one in transformers[1:]]
    assert names == ["Pages", "Asking", "Guard", "SecurityHeaders", "AccessLog"]


def test_the_token_in_the_query_is_the_states_key() -> None:
    """The guard writes its own there."""
    source = inspect.getsource(EventNamespace.on_connect)
    assert 'query_params.get("token", [])' in source
    assert "parse_qs(environ.get" in source


def test_a_socket_does_not_limit_itself() -> None:
    """Why the guard counts: engine.io checks one frame's length, and its queue has no end."""
    assert "max_http_buffer_size" in inspect.getsource(AsyncSocket._websocket_handler)
    assert inspect.signature(AsyncSocket.send).parameters.keys() == {"self", "pkt"}
    assert chatapp.chatapp.app.sio is not None
    assert chatapp.chatapp.app.sio.eio.max_http_buffer_size == 1_000_000
    assert chatapp.chatapp.app.sio.eio.transports == ["websocket"]


def test_packets_are_as_the_guard_reads_them() -> None:
    assert (engineio_packet.CLOSE, engineio_packet.PING, engineio_packet.PONG, engineio_packet.MESSAGE) == (
        1,
        2,
        3,
        4,
    )
    kinds = (socketio.packet.CONNECT, socketio.packet.DISCONNECT, socketio.packet.EVENT)
    assert kinds == (0, 1, 2)
    decoded = socketio.packet.Packet(encoded_packet='2/_event,["event",{"name":"x"}]')
    assert (decoded.packet_type, decoded.namespace, decoded.data) == (2, "/_event", ["event", {"name": "x"}])


def test_ping_times_were_taken_over() -> None:
    """The page's own 25 and 120 s would show "online" for two minutes after a silent cut."""
    assert chatapp.chatapp.app.sio is not None
    eio = chatapp.chatapp.app.sio.eio
    assert (eio.ping_interval, eio.ping_timeout) == (5, 10)


def test_access_logs_are_off() -> None:
    """They would hold the tab's token, which is in the query."""
    assert inspect.signature(Server.__init__).parameters["log_access"].default is False
    from reflex.utils import exec as reflex_exec

    assert "log_access" not in inspect.getsource(reflex_exec)


def test_no_origin_is_open_to_all() -> None:
    origins = rx.config.get_config().cors_allowed_origins
    assert origins
    assert "*" not in origins


def test_an_error_of_the_page_is_not_answered_by_a_script() -> None:
    assert FrontendEventExceptionState.auto_reload_on_errors == []


def test_no_upload_route() -> None:
    """`/_upload` exists only when a component asks for it, and the guard closes it anyway."""
    from reflex_components_core.core.upload import Upload

    assert not Upload.is_used
    assert "Upload.is_used" in inspect.getsource(App._add_optional_endpoints)


def test_reflex_writes_clients_words_to_its_logs() -> None:
    """Why `quieten` is called: this warning holds the arguments of a call."""
    assert "Error transforming event payload" in inspect.getsource(
        base_state_processor._prepare_event_payload
    )
    assert "json.loads" in inspect.getsource(reflex_app_module._sio_loads)


def test_an_event_carries_nothing_else() -> None:
    """The guard hands on these three."""
    assert (
        reflex_app_module._EVENT_FIELDS
        == set(Event.__dataclass_fields__)
        == {"name", "router_data", "payload"}
    )


async def test_hydration_sends_every_public_var(house: House) -> None:
    """Whatever is not to be seen starts with an underscore."""
    async with house.guest() as tab:
        for name, state in RegistrationContext.ensure_context().base_states.items():
            sent = {var.removesuffix("_rx_state_") for var in tab.state.get(name, {})}
            assert not any(var.startswith("_") for var in sent)
            assert sent <= set(state.vars) | {"rx_router_headers"}


async def test_headers_that_the_page_sees_hold_no_cookie(house: House) -> None:
    async with house.guest() as tab:
        assert "login=" not in json.dumps(tab.state[STATE])


async def test_a_second_connection_with_a_token_in_use_gets_a_new_one(house: House) -> None:
    """A duplicated tab: two tabs never share a state."""
    token, cookie = "0f8fad5b-d9cb-469f-a165-70867728950e", guest_cookie(house.url)
    async with Tab.opened(house.url, cookie=cookie, token=token) as first:
        await first.join()
        async with Tab.opened(house.url, cookie=cookie, token=token) as second:
            await second.send_frame(connect())
            frames = [await second.frame() for _ in range(3)]
            assert any('"new_token"' in frame for frame in frames)


def test_the_page_tells_of_its_line() -> None:
    """chatapp/ui/components/connection.py hears of a lost line before Reflex counts it as an error."""
    script = files("reflex_base").joinpath(".templates/web/utils/state.js").read_text(encoding="utf-8")
    for hook in ("onSocketConnect", "onSocketDisconnect"):
        assert f"window.__reflex_otel?.{hook}?.(" in script
