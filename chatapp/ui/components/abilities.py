"""What the chosen model can do: an icon and a word each, beside the picker."""

from typing import Final

import reflex as rx

from chatapp.ui.chat import Chat
from chatapp.ui.rows import Choice
from chatapp.ui.side import Side

_ICONS: Final = {"reasoning": "brain", "tools": "wrench", "vision": "eye"}


def abilities() -> rx.Component:
    """Icons where there is little room, on a phone only the list of models has them in words."""
    return rx.foreach(Side.models, _of_chosen)


def _of_chosen(one: rx.Var[Choice]) -> rx.Component:
    chosen = (one["id"] == Chat.model) & (one["able"].length() > 0)
    can = rx.el.ul(
        rx.foreach(one["able"], _ability),
        aria_label="This model can use",
        class_name="hidden shrink-0 items-center gap-2.5 pl-1 text-xs text-muted-foreground md:flex",
    )
    return rx.cond(chosen, can, rx.fragment())


def _ability(word: rx.Var[str]) -> rx.Component:
    icons = [(name, rx.icon(icon, size=14, aria_hidden=True)) for name, icon in _ICONS.items()]
    return rx.el.li(
        rx.match(word, *icons, rx.fragment()),
        rx.el.span(word, class_name="sr-only xl:not-sr-only"),
        title=word,
        class_name="flex items-center gap-1",
    )
