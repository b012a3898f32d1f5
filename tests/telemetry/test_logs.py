"""A log line is one line, says what it is about, and says the same to people and to machines."""

import asyncio
import logging

import pytest

from chatapp.telemetry import exchange
from chatapp.telemetry.logs import MAX_LINE_CHARS, fields
from tests.telemetry.lines import logged

logger = logging.getLogger("chatapp.tests")


async def test_a_line_names_its_request_and_run() -> None:
    with logged() as lines:
        exchange.begin("one")
        exchange.note(account_id="somebody")
        exchange.note(run_id="theirs", route="/api/chat")
        logger.info("done", extra=fields(status=200, route="/api/chat", empty=""))
    [line] = lines.objects
    del line["time"]
    assert line == {
        "level": "info",
        "logger": "chatapp.tests",
        "message": "done",
        "status": 200,
        "route": "/api/chat",
        "account_id": "somebody",
        "request_id": "one",
        "run_id": "theirs",
    }


async def test_people_read_the_same_fields() -> None:
    with logged(as_json=False) as lines:
        exchange.begin("one")
        logger.info("done", extra=fields(status=200))
    assert lines.text.endswith("INFO chatapp.tests: done status=200 request_id=one\n")


async def test_requests_that_are_served_at_once_are_not_mixed_up() -> None:
    both = asyncio.Barrier(2)

    async def serve(name: str) -> None:
        exchange.begin(name)
        await both.wait()
        exchange.note(account_id=f"asker of {name}")
        await both.wait()
        logger.info("served %s", name)

    with logged() as lines:
        await asyncio.gather(asyncio.create_task(serve("one")), asyncio.create_task(serve("two")))
    assert {line["message"]: (line["request_id"], line["account_id"]) for line in lines.objects} == {
        "served one": ("one", "asker of one"),
        "served two": ("two", "asker of two"),
    }


async def test_a_task_that_a_request_starts_knows_of_it() -> None:
    async def follow() -> None:
        logger.info("follows")

    async def serve() -> None:
        exchange.begin("one")
        await asyncio.create_task(follow())

    with logged() as lines:
        await asyncio.create_task(serve())
        logger.info("nobody's")
    assert [line.get("request_id") for line in lines.objects] == ["one", None]


async def test_a_run_is_named_where_there_is_no_request() -> None:
    async def make() -> None:
        exchange.begin_run("mine")
        logger.error("failed")

    with logged() as lines:
        await asyncio.create_task(make())
    [line] = lines.objects
    assert (line["run_id"], "request_id" in line) == ("mine", False)


async def test_a_pages_socket_is_about_no_run() -> None:
    """It asks for one after the other, and is still open when they are all forgotten."""
    with logged() as lines:
        exchange.begin("one", about_a_run=False)
        exchange.note(run_id="mine")
        logger.info("hello")
    assert "run_id" not in lines.objects[0]


@pytest.mark.parametrize("as_json", [True, False])
def test_nothing_forges_another_line(as_json: bool) -> None:
    with logged(as_json=as_json) as lines:
        logger.info("hello\r\x1b[31m\u2028 %s", "x" * 2 * MAX_LINE_CHARS)
    assert lines.text.count("\n") == 1
    assert len(lines.text) < MAX_LINE_CHARS + 200
    assert lines.text.strip("\n").isprintable()
