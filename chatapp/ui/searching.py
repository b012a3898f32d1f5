"""What a search found, as it is drawn."""

import re
from collections.abc import Iterable
from typing import Final, TypedDict

import reflex as rx

from chatapp.domain.errors import ChatError, NotSignedIn
from chatapp.domain.messages import Role
from chatapp.domain.search import Hit
from chatapp.ui.access import principal, services
from chatapp.ui.arguments import words
from chatapp.ui.gate import Who, allow

#: Signs of markdown that a reader of the reply does not see. What a person wrote is shown as it is.
_EMPHASIS: Final = re.compile(r"\*\*|`+")
_NOTHING: Final = re.compile(r"(?!)")


class Piece(TypedDict):
    """A piece of a text, and whether it is what was looked for. Text, never markup."""

    text: str
    hit: bool


class Place(TypedDict):
    """A message that was found, and the address that shows it."""

    id: str
    to: str
    who: str
    at: str
    pieces: list[Piece]


class Found(TypedDict):
    """A conversation, and the messages of it that were found.

    `to` is its address when its title was found, or else that of its first message that was.
    """

    id: str
    to: str
    title: list[Piece]
    places: list[Place]


class Search(rx.State):
    """`asked` is what `found` answers; while the field says something else the answer is on its way."""

    asked: str = ""
    found: tuple[Found, ...] = ()
    problem: str = ""

    @rx.event
    @allow(Who.SIGNED_IN)
    async def find(self, query: str) -> None:
        """As one types."""
        asker, query = await principal(self), words(query)
        try:
            hits = await services().search.find(asker, query) if query else ()
            self.problem = ""
        except NotSignedIn:
            raise
        except ChatError as error:
            hits, self.problem = (), error.message
        self.asked, self.found = query, grouped(hits)


def grouped(hits: Iterable[Hit]) -> tuple[Found, ...]:
    """By conversation, in the order of the best hit of each; a title's hit comes before its messages'."""
    found: dict[str, Found] = {}
    for hit in hits:
        mark = _EMPHASIS if hit.role is Role.ASSISTANT else _NOTHING
        pieces = [Piece(text=mark.sub("", text), hit=is_hit) for text, is_hit in hit.snippet]
        to = f"/c/{hit.conversation_id}" + (f"?m={hit.message_id}" if hit.message_id else "")
        title = [Piece(text=hit.title, hit=False)] if hit.message_id else pieces
        first = Found(id=hit.conversation_id, to=to, title=title, places=[])
        one = found.setdefault(hit.conversation_id, first)
        if hit.message_id:
            who = "You" if hit.role is Role.USER else "Reply"
            at = hit.at.isoformat(timespec="seconds")
            one["places"].append(Place(id=hit.message_id, to=to, who=who, at=at, pieces=pieces))
    return tuple(found.values())
