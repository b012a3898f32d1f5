"""Every call of the services that takes an id of somebody's thing."""

import inspect
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any, Final, get_type_hints

from chatapp.bootstrap import Services
from chatapp.domain.errors import ChatError
from chatapp.domain.feedback import Rating
from chatapp.domain.ids import new_id
from chatapp.domain.runs import Turn
from tests.chat import Chat


@dataclass(frozen=True, kw_only=True, slots=True)
class Things:
    """What somebody has, by the ids that a stranger may have learnt."""

    conversation_id: str
    user_message_id: str
    message_id: str
    run_id: str
    login_id: str
    key_id: str


async def things_of(chat: Chat, turn: Turn) -> Things:
    """Whose turn it was."""
    key, _ = await chat.services.api_keys.create(chat.who, "a key")
    return Things(
        conversation_id=turn.conversation_id,
        user_message_id=turn.user_message_id,
        message_id=turn.message_id,
        run_id=turn.run_id,
        login_id=chat.who.login_id,
        key_id=key.id,
    )


def made_up() -> Things:
    """Ids that were never given."""
    return Things(**{field.name: new_id() for field in fields(Things)})


Call = Callable[[Chat, Things], Awaitable[Any]]

#: By somebody (the first) upon what is another's (the second). More ways to call one thing follow a comma.
CALLS: Final[dict[str, Call]] = {
    "conversations.window": lambda by, on: by.services.conversations.window(by.who, on.conversation_id),
    "conversations.window, before": lambda by, on: by.services.conversations.window(
        by.who, on.conversation_id, before=on.message_id
    ),
    "conversations.window, after": lambda by, on: by.services.conversations.window(
        by.who, on.conversation_id, after=on.user_message_id
    ),
    "conversations.around": lambda by, on: by.services.conversations.around(
        by.who, on.conversation_id, on.message_id
    ),
    "conversations.around, shown only": lambda by, on: by.services.conversations.around(
        by.who, on.conversation_id, on.message_id, shown_only=True
    ),
    "conversations.show_version": lambda by, on: by.services.conversations.show_version(
        by.who, on.message_id
    ),
    "conversations.get": lambda by, on: by.services.conversations.get(by.who, on.conversation_id),
    "conversations.history": lambda by, on: by.services.conversations.history(
        by.who, on.conversation_id, limit=10
    ),
    "conversations.history, before": lambda by, on: by.services.conversations.history(
        by.who, on.conversation_id, limit=10, before=on.message_id
    ),
    "conversations.change": lambda by, on: by.services.conversations.change(
        by.who, on.conversation_id, title="Mine now", pinned=True, archived=True
    ),
    "conversations.change, nothing": lambda by, on: by.services.conversations.change(
        by.who, on.conversation_id
    ),
    "conversations.delete": lambda by, on: by.services.conversations.delete(by.who, on.conversation_id),
    "conversations.restore": lambda by, on: by.services.conversations.restore(by.who, on.conversation_id),
    "conversations.clear": lambda by, on: by.services.conversations.clear(by.who, on.conversation_id),
    "conversations.unclear": lambda by, on: by.services.conversations.unclear(
        by.who, on.conversation_id, "~"
    ),
    "runs.run": lambda by, on: by.services.runs.run(by.who, on.run_id),
    "runs.events": lambda by, on: anext(by.services.runs.events(by.who, on.run_id)),
    "runs.why_cut": lambda by, on: _raised(by.services.runs.why_cut(by.who, on.run_id)),
    "runs.message": lambda by, on: by.services.runs.message(by.who, on.run_id),
    "runs.cancel": lambda by, on: by.services.runs.cancel(by.who, on.run_id),
    "following.watch": lambda by, on: by.services.following.watch(by.who, on.conversation_id, print),
    "turns.edit": lambda by, on: by.services.turns.edit(
        by.who, message_id=on.user_message_id, text="Mine now", client_key=new_id()
    ),
    "turns.change_queued": lambda by, on: by.services.turns.change_queued(
        by.who, message_id=on.user_message_id, text="Mine now"
    ),
    "turns.remove_queued": lambda by, on: by.services.turns.remove_queued(
        by.who, message_id=on.user_message_id
    ),
    "turns.move_queued": lambda by, on: by.services.turns.move_queued(
        by.who, message_id=on.user_message_id, place=0
    ),
    "turns.stop": lambda by, on: by.services.turns.stop(by.who, message_id=on.message_id),
    "turns.regenerate": lambda by, on: by.services.turns.regenerate(
        by.who, message_id=on.message_id, client_key=new_id()
    ),
    "turns.continue_reply": lambda by, on: by.services.turns.continue_reply(
        by.who, message_id=on.message_id, client_key=new_id()
    ),
    "feedback.give": lambda by, on: by.services.feedback.give(
        by.who, message_id=on.message_id, value=Rating.BAD
    ),
    "feedback.give, taken back": lambda by, on: by.services.feedback.give(
        by.who, message_id=on.message_id, value=None
    ),
    "sign_in.end_login": lambda by, on: by.services.sign_in.end_login(by.who, on.login_id),
    "api_keys.revoke": lambda by, on: by.services.api_keys.revoke(by.who, on.key_id),
}

#: Takes an id too, and is not about a thing that may be another's.
OTHERS: Final = {
    "conversations.create": "as for `turns.send`",
    "agents.chosen": "agents are the same for everybody",
    "turns.send": "a conversation of another's is one that the asker does not have yet, and is made",
    "accounts.revoke": "of the login that asks; no door leads here but `/api/admit`'s",
    "accounts.know_ended": "writes nothing, and reads nothing",
    "sign_in.redeem": "the login that asks; the ticket is in test_log_in.py",
    "admin.set_role": "admins only, whoever's it is: test_admin.py",
    "admin.set_disabled": "the same",
    "admin.reset_password": "the same",
    "admin.delete": "the same",
    "admin.stop_run": "the same",
}


async def _raised(told: Awaitable[ChatError]) -> None:
    """For a call whose answer is the error."""
    raise await told


def calls_with_ids() -> Iterator[str]:
    """`conversations.rename` for each public call of each service that takes an id."""
    for service, kind in get_type_hints(Services).items():
        for name, function in inspect.getmembers(kind, inspect.isfunction):
            wanted = inspect.signature(function).parameters
            if not name.startswith("_") and any(one.endswith(("_id", "_ids")) for one in wanted):
                yield f"{service}.{name}"
