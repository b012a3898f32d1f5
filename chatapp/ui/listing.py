"""The list of conversations as it is drawn: by date, as the reader's calendar has it."""

from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from typing import Final, TypedDict

from chatapp.domain.conversations import Listed

_WEEK, _MONTH = timedelta(days=7), timedelta(days=30)
#: The widest offsets from UTC that are in use, in minutes.
_EAST: Final = 14 * 60


class Item(TypedDict):
    """A conversation in the list; `heading` is said before the first one of its group, "" else."""

    id: str
    title: str
    heading: str
    generating: bool


class Unlisted(TypedDict):
    """The conversation on the screen when the list does not have it; "" is none."""

    id: str
    title: str
    archived: bool


NONE_UNLISTED: Final = Unlisted(id="", title="", archived=False)


def plain(listed: Iterable[Listed]) -> tuple[Item, ...]:
    """Without headings."""
    return tuple(_item(one, "") for one in listed)


def dated(listed: Iterable[Listed], *, now: datetime, offset_minutes: int) -> tuple[Item, ...]:
    """Grouped by the day of last use; expects the last used first."""
    zone = timezone(timedelta(minutes=max(-_EAST, min(_EAST, offset_minutes))))
    items: list[Item] = []
    last = ""
    for one in listed:
        heading = _group(one.conversation.updated_at.astimezone(zone), now.astimezone(zone))
        items.append(_item(one, "" if heading == last else heading))
        last = heading
    return tuple(items)


def _item(one: Listed, heading: str) -> Item:
    conversation = one.conversation
    return Item(id=conversation.id, title=conversation.title, heading=heading, generating=one.generating)


def _group(at: datetime, now: datetime) -> str:
    age = now.date() - at.date()
    if age <= timedelta():
        return "Today"
    if age == timedelta(days=1):
        return "Yesterday"
    if age <= _WEEK:
        return "Previous 7 days"
    if age <= _MONTH:
        return "Previous 30 days"
    return f"{at:%B}" if at.year == now.year else f"{at:%B %Y}"
