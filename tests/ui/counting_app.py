"""The real app, which tells what it has asked its database."""

import json
from typing import Any, Final

from sqlalchemy import Engine, event

from chatapp.chatapp import app as reflex_app

ASKED: Final = "/__asked"
_asked: list[str] = []


@event.listens_for(Engine, "before_cursor_execute")
def _hear(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
    _asked.append(statement)


def app() -> Any:
    """The factory that the server calls."""
    served = reflex_app()

    async def telling(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] != ASKED:
            await served(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(_asked).encode()})

    return telling
