"""The OpenAPI document as a contract: whatever it allows, and what it does not, is answered as it says.

Bounded here; a longer run: `CHATAPP_EXAMPLES=500 pytest tests/api/test_whole_document.py`.
"""

import asyncio
import os
from collections.abc import Iterable
from typing import Any, Final

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.conftest import Serving
from tests.api.served import Api

#: Of each call, for what fits the document and for what does not.
EXAMPLES: Final = int(os.environ.get("CHATAPP_EXAMPLES", "12"))
#: A client that waits longer has been forgotten.
PATIENCE_SECONDS: Final = 30
HELD_TO: Final = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
)


async def test_every_call_keeps_to_the_document(serving: Serving) -> None:
    """No 5xx, no status, type or shape that is not declared; and afterwards the server is as before."""
    async with serving(SCRIPTED_DELAY="0", DEFAULT_MODEL="scripted:support") as api:
        ids, headers = await _something(api)
        document = (await (await api.nobody()).http.get("/api/openapi.json")).json()
        tried = await asyncio.to_thread(_try_all, document, api.url, headers, ids)
        assert tried >= {"POST /api/chat", "GET /api/sessions", "POST /api/token", "GET /api/search"}
        program = await api.nobody()
        await program.get("/api/health")
        await program.call("GET", "/api/usage", headers=headers)


async def _something(api: Api) -> tuple[dict[str, list[str]], dict[str, str]]:
    """A conversation to ask for, by the names that the paths have for its ids, and a key to it."""
    ann = await api.somebody()
    assert ann.who is not None
    said = await ann.say("Hello")
    history = await ann.get(f"/api/sessions/{said['session_id']}/history")
    _, key = await api.services.api_keys.create(ann.who, "a key")
    ids = {
        "session_id": [said["session_id"]],
        "message_id": [one["id"] for one in history["history"]],
        "run_id": [said["run_id"]],
    }
    return ids, {"Authorization": f"Bearer {key}"}


def _try_all(document: Any, url: str, headers: dict[str, str], ids: dict[str, list[str]]) -> set[str]:
    tried = set[str]()
    for found in schemathesis.openapi.from_dict(document).get_all_operations():
        operation = found.ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            if _has_input(operation, mode):
                _try(operation, mode, url, headers, ids)
        tried.add(operation.label)
    return tried


def _has_input(operation: APIOperation, mode: GenerationMode) -> bool:
    """Whether there is something that could be wrong."""
    parts: Iterable[Any] = (operation.body, operation.query, operation.path_parameters)
    return mode.is_positive or any(len(part) for part in parts)


def _try(
    operation: APIOperation,
    mode: GenerationMode,
    url: str,
    headers: dict[str, str],
    ids: dict[str, list[str]],
) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize="CHATAPP_EXAMPLES" not in os.environ,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data(), case=operation.as_strategy(generation_mode=mode))
    def keeps_to_it(data: Any, case: Any) -> None:
        # Ids that nobody made up are asked for as well: else all that is ever tried is 404.
        for name in ids.keys() & dict(case.path_parameters or {}):
            if data.draw(st.booleans(), label=name):
                case.path_parameters[name] = data.draw(st.sampled_from(ids[name]))
        answer = case.call(base_url=url, headers=headers, timeout=PATIENCE_SECONDS)
        case.validate_response(answer, checks=list(HELD_TO))

    keeps_to_it()
