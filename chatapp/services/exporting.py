"""The shape of an export: one JSON document. It is described in docs/data.md, and only ever grows."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

from chatapp.domain.accounts import Account, ApiKey
from chatapp.domain.conversations import Conversation
from chatapp.domain.feedback import Feedback
from chatapp.domain.messages import Message
from chatapp.domain.usage import UsedOnDay

FORMAT: Final = "chatapp-export"
#: A reader that knows this number can read the document: names are added, and none is changed or taken away.
VERSION: Final = 1


def opening(account: Account, api_keys: Iterable[ApiKey], used: Iterable[UsedOnDay], *, at: datetime) -> str:
    """The document up to its first conversation."""
    head = {
        "format": FORMAT,
        "version": VERSION,
        "exported_at": moment(at),
        "account": {
            "id": account.id,
            "kind": account.kind.value,
            "email": account.email,
            "name": account.name,
            "role": account.role.value,
            "created_at": moment(account.created_at),
            "api_keys": [
                {
                    "name": key.name,
                    "created_at": moment(key.created_at),
                    "last_used_at": key.last_used_at and moment(key.last_used_at),
                    "expires_at": key.expires_at and moment(key.expires_at),
                }
                for key in api_keys
            ],
        },
        "usage": [
            {
                "date": one.day.isoformat(),
                "model": one.model,
                "runs": one.runs,
                "input_tokens": one.input_tokens,
                "output_tokens": one.output_tokens,
            }
            for one in used
        ],
    }
    return f'{_json(head)[:-1]},"conversations":['


#: What follows the last conversation.
CLOSING: Final = "]}\n"


def conversation_opening(conversation: Conversation, *, is_first: bool) -> str:
    """A conversation up to its first message."""
    head = {
        "id": conversation.id,
        "title": conversation.title,
        "created_at": moment(conversation.created_at),
        "updated_at": moment(conversation.updated_at),
        "model": conversation.model,
        "pinned": conversation.pinned,
        "archived": conversation.archived,
        "leaf_id": conversation.leaf_id,
    }
    return f'{"" if is_first else ","}\n{_json(head)[:-1]},"messages":['


#: What follows a conversation's last message.
CONVERSATION_CLOSING: Final = "]}"


def messages(found: Iterable[tuple[Message, Feedback | None]], *, are_first: bool) -> str:
    """Some messages of a conversation, with what their owner thinks of them."""
    written = ",\n".join(_json(_message(one, feedback)) for one, feedback in found)
    return written if are_first or not written else f",\n{written}"


def moment(at: datetime) -> str:
    """ISO 8601 in UTC, with milliseconds: `2026-11-21T20:15:00.123Z`."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _message(message: Message, feedback: Feedback | None) -> dict[str, Any]:
    return {
        "id": message.id,
        "parent_id": message.parent_id,
        "role": message.role.value,
        "created_at": moment(message.created_at),
        "status": message.status.value,
        "model": message.model,
        "text": message.text,
        "parts": [asdict(part) for part in message.parts],
        "seams": [asdict(seam) for seam in message.seams],
        "finish_reason": message.finish_reason.value if message.finish_reason else None,
        "usage": asdict(message.usage),
        "failure": asdict(message.failure) if message.failure else None,
        "left_out": message.left_out,
        "feedback": _feedback(feedback) if feedback else None,
    }


def _feedback(feedback: Feedback) -> dict[str, Any]:
    return {"value": feedback.value.value, "comment": feedback.comment, "at": moment(feedback.at)}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
