"""Each request has one line, and a name; what fails is caught, and can be found by that name."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from starlette.types import Message

from chatapp.api.access_log import AccessLog
from chatapp.api.app import make_api
from chatapp.api.policy import GuardPolicy
from chatapp.domain.errors import Unavailable
from chatapp.domain.health import Report
from chatapp.telemetry import exchange
from chatapp.telemetry.metrics import Metrics
from tests.api.asgi import Echo, Peer, socket_scope, until
from tests.telemetry.lines import Lines, logged
from tests.telemetry.told import told

LOG, PROBES = "chatapp.api.access_log", ("/api/live", "/api/ready", "/api/health")
RUN_ID = "0123456789abcdef" * 2
POLICY = GuardPolicy(origins=frozenset(), local_origins=True)


def nobody_there() -> Any:
    raise Unavailable


async def well() -> Report:
    return Report(checks={"database": True})


def more_routes() -> APIRouter:
    routes = APIRouter()

    @routes.get("/api/runs/{run_id}/events")
    async def events(run_id: str) -> dict[str, str]:
        exchange.note(account_id="somebody")
        return {}

    @routes.get("/api/broken")
    async def broken() -> None:
        raise RuntimeError("nobody foresaw this")

    @routes.get("/api/broken-off")
    async def broken_off() -> StreamingResponse:
        async def pieces() -> AsyncGenerator[bytes]:
            yield b"data: half"
            raise RuntimeError("in the middle")

        return StreamingResponse(pieces(), media_type="text/event-stream")

    return routes


@asynccontextmanager
async def client(
    metrics: Metrics | None = None, *, raises: bool = False
) -> AsyncGenerator[httpx.AsyncClient]:
    metrics = metrics or Metrics()
    api = make_api(behind=nobody_there, health=well, policy=POLICY, metrics=metrics)
    api.include_router(more_routes())
    # Before the route that answers for all that is not there.
    api.router.routes.insert(0, api.router.routes.pop())
    transport = httpx.ASGITransport(AccessLog(api, metrics=metrics), raise_app_exceptions=raises)  # pyright: ignore
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as it:
        yield it


async def test_a_line_says_what_was_asked_and_how_it_ended() -> None:
    with logged() as lines:
        async with client() as it:
            asked = f"/api/runs/{RUN_ID}/events?token=secret&q=secret"
            answer = await it.get(asked, headers={"Cookie": "x=secret"})
            await it.get("/api/runs/secret/events")
    line, other = lines.of(LOG)
    assert "run_id" not in other
    assert line.pop("time")
    assert 0 <= line.pop("duration_ms") < 10_000
    assert line == {
        "level": "info",
        "logger": LOG,
        "message": "request",
        "method": "GET",
        "route": "/api/runs/{run_id}/events",
        "status": 200,
        "account_id": "somebody",
        "run_id": RUN_ID,
        "request_id": answer.headers["x-request-id"],
    }
    assert "secret" not in lines.text


@pytest.mark.parametrize(
    ("path", "status", "route"),
    [("/api", 200, "/api"), ("/api/nothing", 404, "/api/{rest:path}"), ("/nothing", 404, "other")],
)
async def test_whatever_is_asked_has_one_line(path: str, status: int, route: str) -> None:
    with logged() as lines:
        async with client() as it:
            await it.get(path)
    assert [(line["route"], line["status"]) for line in lines.of(LOG)] == [(route, status)]


async def test_probes_have_theirs_when_one_looks_closely() -> None:
    for level, expected in (("info", 0), ("debug", len(PROBES))):
        with logged(level=level) as lines:
            async with client() as it:
                for path in PROBES:
                    await it.get(path)
        assert len(lines.of(LOG)) == expected


@pytest.mark.parametrize("given", ["", "x" * 65, "two words", "line\tbreak", 'quote"', "-begins", "émile"])
async def test_a_name_that_is_none_is_not_taken_over(given: str) -> None:
    async with client() as it:
        name = (await it.get("/api", headers={b"X-Request-ID": given.encode()})).headers["x-request-id"]
    assert len(name) == 32
    assert name != given


async def test_a_proxys_name_is_kept() -> None:
    with logged() as lines:
        async with client() as it:
            answer = await it.get("/api", headers={"X-Request-ID": "req-01JD.7_x"})
    assert answer.headers["x-request-id"] == "req-01JD.7_x"
    assert lines.of(LOG)[0]["request_id"] == "req-01JD.7_x"


async def test_what_nobody_foresaw_says_its_name_and_no_more() -> None:
    with logged() as lines:
        async with client() as it:
            answer = await it.get("/api/broken")
    name = answer.headers["x-request-id"]
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert name in answer.json()["detail"]
    assert "foresaw" not in answer.text
    [error] = [line for line in lines.objects if line["level"] == "error"]
    assert error["request_id"] == name
    assert "nobody foresaw this" in error["error"]
    assert [line["status"] for line in lines.of(LOG) if line["message"] == "request"] == [500]


async def test_what_fails_outside_the_api_is_answered_too() -> None:
    async def failing(_scope: object, _receive: object, _send: object) -> None:
        raise RuntimeError("in the guard, say")

    transport = httpx.ASGITransport(AccessLog(failing, metrics=Metrics()))  # pyright: ignore
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as it:
        answer = await it.get("/c/x")
    assert answer.status_code == 500
    assert answer.headers["x-request-id"] in answer.json()["detail"]


async def test_half_an_answer_does_not_look_whole() -> None:
    """The failure goes on to the server, which breaks the connection off."""
    metrics = Metrics()
    with logged() as lines:
        async with client(metrics, raises=True) as it:
            with pytest.raises(BaseException, match=r"unhandled errors|in the middle"):
                await it.get("/api/broken-off")
    found = told(metrics.exposition("")[0])
    assert found["chatapp_streams_open"]["sse",] == 0
    assert [line["status"] for line in lines.of(LOG) if line["message"] == "request"] == [200]


async def test_streams_are_counted_by_protocol() -> None:
    metrics, seen = Metrics(), list[dict[tuple[str, ...], float]]()

    async def streaming(_scope: object, _receive: object, send: Callable[[Message], Awaitable[None]]) -> None:
        head = (b"content-type", b"text/event-stream; charset=utf-8")
        await send({"type": "http.response.start", "status": 200, "headers": [head]})
        seen.append(told(metrics.exposition("")[0])["chatapp_streams_open"])
        await send({"type": "http.response.body", "body": b""})

    transport = httpx.ASGITransport(AccessLog(streaming, metrics=metrics))  # pyright: ignore
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as it:
        await it.get("/api/runs/1/events")
        await it.get("/v1/chat/completions")
    assert [one["sse",] for one in seen] == [1, 0]
    assert [one["openai",] for one in seen] == [0, 1]
    assert set(told(metrics.exposition("")[0])["chatapp_streams_open"].values()) == {0}


async def socket_line(app: Any, peer: Peer, lines: Lines, **scope: Any) -> dict[str, Any]:
    await AccessLog(app, metrics=Metrics())(socket_scope(**scope), peer.receive, peer.send)
    [line] = [line for line in lines.of(LOG) if line["message"] == "request"]
    return line


async def test_a_socket_has_one_line_at_its_end() -> None:
    metrics, peer, echo = Metrics(), Peer(), Echo()
    with logged() as lines:
        serving = asyncio.create_task(
            AccessLog(echo, metrics=metrics)(socket_scope(), peer.receive, peer.send)
        )
        peer.say("hello")
        await until(lambda: peer.texts == ["hello"])
        assert told(metrics.exposition("")[0])["chatapp_sockets_open"] == {(): 1}
        assert lines.of(LOG) == []
        peer.leave()
        await serving
    [line] = lines.of(LOG)
    assert (line["method"], line["route"], line["status"]) == ("WEBSOCKET", "/_event", 1001)
    assert told(metrics.exposition("")[0])["chatapp_sockets_open"] == {(): 0}
    assert "hello" not in lines.text


async def test_a_programs_socket_is_a_stream() -> None:
    metrics, seen = Metrics(), list[float]()

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        exchange.note(route="/ws/chat/{session_id}", account_id="somebody", run_id=RUN_ID)
        await send({"type": "websocket.accept"})
        seen.append(told(metrics.exposition("")[0])["chatapp_streams_open"]["websocket",])
        await send({"type": "websocket.close", "code": 1013})

    peer = Peer()
    with logged() as lines:
        scope = socket_scope(path="/ws/chat/mine", query_string=b"token=secret")
        await AccessLog(app, metrics=metrics)(scope, peer.receive, peer.send)
    [line] = lines.of(LOG)
    assert (line["route"], line["status"], line["account_id"]) == ("/ws/chat/{session_id}", 1013, "somebody")
    assert line["run_id"] == RUN_ID
    assert seen == [1]
    assert "secret" not in lines.text


async def test_a_refused_socket_has_a_line() -> None:
    async def refusing(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.close", "code": 1008})

    peer = Peer()
    with logged() as lines:
        line = await socket_line(refusing, peer, lines, path="/made/up")
    assert (line["route"], line["status"]) == ("other", 403)


async def test_a_socket_that_fails_is_closed_and_told_of() -> None:
    async def failing(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        raise RuntimeError("in a handler")

    peer = Peer()
    with logged() as lines:
        line = await socket_line(failing, peer, lines)
    assert peer.close_code == line["status"] == 1011
    [error] = [one for one in lines.objects if one["level"] == "error"]
    assert error["request_id"] == line["request_id"]
