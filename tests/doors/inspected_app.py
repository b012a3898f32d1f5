"""The real app, and a window into what it keeps in memory, for tests that ask what a client left behind."""

import asyncio
import gc
import json
from typing import Any

from chatapp.chatapp import app as reflex_app

WINDOW = "/__inside"


def inside() -> dict[str, int]:
    """Everything that could grow with clients, counted."""
    namespace, manager, sio = reflex_app.event_namespace, reflex_app.state_manager, reflex_app.sio
    processor = reflex_app.event_processor
    assert namespace is not None
    assert sio is not None
    return {
        "states": len(manager.states),  # pyright: ignore[reportAttributeAccessIssue]
        "locks": len(manager._states_locks),  # pyright: ignore[reportAttributeAccessIssue]
        "tokens": len(namespace._token_manager.token_to_socket),
        "sids": len(namespace._token_manager.sid_to_token),
        "router_data": len(namespace._static_router_data),
        "sockets": len(sio.eio.sockets),
        "environs": len(sio.environ),
        "attachments": len(sio._binary_packet),
        "events": len(processor._tasks) + len(processor._futures) + len(processor._token_queues),
    }


def app() -> Any:
    """The factory that the server calls."""
    served = reflex_app()

    async def windowed(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] != WINDOW:
            await served(scope, receive, send)
            return
        gc.collect()
        body = json.dumps({**inside(), "asyncio_tasks": len(asyncio.all_tasks())}).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    return windowed
