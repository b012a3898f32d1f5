"""Only the packets of our own page pass, rewritten in our words; rubbish is refused, never an exception."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatapp.api import packets
from chatapp.api.packets import HYDRATE, MAX_DEPTH, UPDATE_VARS, EventRules, Inbound, Refused

ADD = "reflex___state____state.page.add"
DRAFT = "reflex___state____state.page.draft_rx_state_"
NAMED = f'42/_event,["event",{{"name":"{ADD}",'
RULES = EventRules(
    is_handler=lambda name: name in {ADD, HYDRATE, UPDATE_VARS}, storage_vars=lambda: frozenset({DRAFT})
)


def event(name: str, payload: Any = None, **more: Any) -> str:
    return "42/_event," + json.dumps(["event", {"name": name, "payload": payload or {}, **more}])


def joined() -> Inbound:
    inbound = Inbound(RULES)
    inbound.read("40/_event,")
    return inbound


def read_event(frame: str) -> dict[str, Any]:
    passed = joined().read(frame)
    assert passed is not None
    return json.loads(passed.removeprefix("42/_event,"))[1]


def test_an_event_of_the_page_passes() -> None:
    router = {"pathname": "/c/1", "asPath": "/c/1?a=b", "query": {"a": "b"}}
    passed = read_event(event(ADD, {"n": 3}, router_data=router, event_actions={"x": 1}, token="t"))
    assert passed == {"name": ADD, "payload": {"n": 3}, "router_data": router}


def test_what_reflex_would_read_from_the_router_data_is_ours() -> None:
    """Headers and address come from the connection; the page cannot say them."""
    router = {"pathname": "/", "headers": {"cookie": "login=x"}, "ip": "1.2.3.4", "token": "t"}
    assert read_event(event(ADD, router_data=router))["router_data"] == {"pathname": "/"}


def test_long_addresses_are_cut() -> None:
    """A link can have any length, and Reflex remembers paths."""
    router = {"pathname": "/" + "a" * 5000, "query": {str(n): "v" for n in range(100)}}
    passed = read_event(event(ADD, router_data=router))["router_data"]
    assert len(passed["pathname"]) == packets.MAX_PATH_CHARS
    assert len(passed["query"]) == packets.MAX_QUERY_ITEMS


def test_text_passes_unchanged() -> None:
    """Lone surrogates and NUL are for the services to judge, which can tell the person."""
    text = '\ud800\0 é "</script>\n42/_event,["event"]'
    assert read_event(event(ADD, {"text": text}))["payload"] == {"text": text}


def test_an_unknown_handler_is_dropped_and_the_socket_lives() -> None:
    """A page of an older version may still name it."""
    inbound = joined()
    assert inbound.read(event("reflex___state____state.page.setvar", {"var_name": "x"})) is None
    assert inbound.read(event(ADD)) is not None


def test_hydration_in_the_first_packet() -> None:
    auth = {
        "event": {"name": HYDRATE, "payload": {"vars": {DRAFT: "d"}, "hashes": ["ab"]}},
        "state_schema": "s",
    }
    passed = Inbound(RULES).read("40/_event," + json.dumps(auth))
    assert passed is not None
    assert json.loads(passed.removeprefix("40/_event,")) == {
        "event": {**auth["event"], "router_data": {}},  # pyright: ignore
    }, "a page of another version is not reloaded by Reflex"


@pytest.mark.parametrize(
    "payload",
    [
        {"vars": {"reflex___state____state.is_hydrated_rx_state_": "1"}},
        {"vars": {DRAFT: {"a": 1}}},
        {"vars": {DRAFT: "x" * 400_001}},
        {"vars": [1]},
        {"hashes": "abc"},
        {"hashes": [1]},
        {"other": 1},
    ],
)
@pytest.mark.parametrize("name", [HYDRATE, UPDATE_VARS])
def test_storage_that_the_app_does_not_have_is_refused(name: str, payload: Any) -> None:
    with pytest.raises(Refused):
        joined().read(event(name, payload))


@pytest.mark.parametrize("name", [ADD, "unknown", 5, None])
def test_the_first_packet_carries_a_hydration_or_nothing(name: Any) -> None:
    with pytest.raises(Refused):
        Inbound(RULES).read("40/_event," + json.dumps({"event": {"name": name}}))


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "0",
        "2",
        "2probe",
        "3probe",
        "4",
        "5",
        "6",
        "٣",
        "b4aGk=",
        "40",
        "40/",
        "40/admin,",
        "40/_event",
        "40/_event?a=b,",
        "40/_event,[]",
        "40/_event,{}x",
        "41",
        "41/_event,{}",
        "42",
        "42/_event,",
        '42["event",{}]',
        '42/_event,5["event",{}]',
        '42/_event,1-["event",{}]',
        '421-/_event,["event",{}]',
        "42/_event,[]",
        "42/_event,{}",
        '42/_event,["event"]',
        '42/_event,["event",{},1]',
        '42/_event,["event",[]]',
        '42/_event,["event",{"name":5}]',
        '42/_event,["event",{}]',
        '42/_event,["ping",1]',
        '42/_event,["connect",{}]',
        '42/_event,["disconnect"]',
        '42/_event,["client_error"]',
        '42/_event,["client_error","x"]',
        '42/_event,["__class__",{}]',
        '43/_event,1["x"]',
        "44/_event,{}",
        '451-/_event,["event",{"_placeholder":true,"num":0}]',
        '461-/_event,1["x"]',
        "42/_event," + "[" * 100_000,
        NAMED + '"payload":{"n":NaN}}]',
        NAMED + '"payload":{"n":1e999}}]',
        NAMED + '"payload":{"n":' + "9" * 5000 + "}}]",
        NAMED + '"payload":[]}]x',
        NAMED + '"payload":"x"}]',
        NAMED + '"router_data":"x"}]',
    ],
)
def test_other_packets_are_refused(frame: str) -> None:
    inbound = Inbound(RULES) if frame.startswith("40") else joined()
    with pytest.raises(Refused):
        inbound.read(frame)


def test_deep_and_many_parts_are_refused() -> None:
    deep: Any = "x"
    for _ in range(MAX_DEPTH):
        deep = [deep]
    for payload in ({"a": deep}, {"a": [0] * (packets.MAX_NODES + 1)}):
        with pytest.raises(Refused):
            joined().read(event(ADD, payload))


def test_one_connect_and_nothing_before_or_after() -> None:
    with pytest.raises(Refused):
        Inbound(RULES).read(event(ADD))
    with pytest.raises(Refused):
        joined().read("40/_event,")
    inbound = joined()
    assert inbound.read("41/_event,") == "41/_event,"
    for frame in ("40/_event,", "41/_event,", event(ADD)):
        with pytest.raises(Refused):
            inbound.read(frame)


def test_a_pong_for_each_ping() -> None:
    """Each would make engine.io schedule another ping."""
    inbound = joined()
    assert inbound.read("3") is None
    inbound.ping_sent()
    assert inbound.read("3") == "3"
    assert inbound.read("3") is None


def test_a_report_is_cut_to_what_is_counted() -> None:
    report = {"error_type": "e" * 9000, "message": {"a": 1}, "other": "x"}
    passed = joined().read("42/_event," + json.dumps(["client_error", report]))
    assert passed == "42/_event," + json.dumps(["client_error", {"error_type": "e" * 500}]).replace(" ", "")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)
FRAMES = (
    st.text(max_size=60)
    | st.builds(
        "{}{}".format,
        st.sampled_from(["0", "1", "2", "3", "4", "40", "41", "42", "45"]),
        st.text(max_size=30),
    )
    | st.builds(lambda value: "42/_event," + json.dumps(value), JSON)
    | st.builds(lambda value: "40/_event," + json.dumps(value), JSON)
    | st.builds(
        lambda name, payload, router: event(name, payload, router_data=router),
        st.sampled_from([ADD, HYDRATE, UPDATE_VARS, "x"]),
        JSON,
        JSON,
    )
)


@settings(max_examples=300, deadline=None)
@given(st.lists(FRAMES, max_size=5))
def test_rubbish_is_refused_or_understood(frames: list[str]) -> None:
    """Whatever comes, a frame is passed on, dropped or refused; what passes is of a known kind."""
    inbound = Inbound(RULES)
    for frame in frames:
        try:
            passed = inbound.read(frame)
        except Refused:
            return
        if passed is not None:
            kinds = (
                "1",
                "3",
                "40/_event,",
                "41/_event,",
                '42/_event,["ping"',
                '42/_event,["event",{"name":"',
            )
            assert passed.startswith((*kinds, '42/_event,["client_error",{'))
