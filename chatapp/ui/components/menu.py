"""Menus: a button that opens a list of things to do, by pointer, keyboard and screen reader alike."""

from typing import Final

import reflex as rx
from reflex_base.components.component import Component

from chatapp.ui.components.browser import code
from chatapp.ui.components.buttons import QUIET
from chatapp.ui.components.waiting import waits_for

_LIBRARY: Final = "@radix-ui/react-dropdown-menu@2.2.1"


class MenuRoot(Component):
    """A menu and its button."""

    library = _LIBRARY
    tag = "Root"
    alias = "MenuRoot"

    modal: rx.Var[bool]


class MenuTrigger(Component):
    """The button; it gets the focus back when the menu closes."""

    library = _LIBRARY
    tag = "Trigger"
    alias = "MenuTrigger"


class MenuContent(Component):
    """The list."""

    library = _LIBRARY
    tag = "Content"
    alias = "MenuContent"

    align: rx.Var[str]
    side: rx.Var[str]
    side_offset: rx.Var[int]
    collision_padding: rx.Var[int]


class MenuSeparator(Component):
    """A line between things of two kinds."""

    library = _LIBRARY
    tag = "Separator"
    alias = "MenuSeparator"


class MenuItem(Component):
    """One thing to do."""

    library = _LIBRARY
    tag = "Item"
    alias = "MenuItem"

    on_select: rx.EventHandler[rx.event.no_args_event_spec]


def menu(name: str, *items: rx.Component, class_name: str = "size-9") -> rx.Component:
    """A menu behind a quiet button with this name.

    It opens beside its button and not at the end of the page: a drawer lies above all that is outside of it.
    """
    return MenuRoot.create(
        MenuTrigger.create(
            rx.icon("ellipsis", size=18, aria_hidden=True),
            custom_attrs={
                "aria-label": name,
                "title": name,
                "type": "button",
                "data-press": name.lower().replace(" ", "-"),
            },
            class_name=f"{QUIET} shrink-0 {class_name}",
        ),
        MenuContent.create(
            *items,
            align="end",
            side_offset=4,
            collision_padding=8,
            custom_attrs={"onCloseAutoFocus": code("leaveTitleAlone")},
            class_name="floating z-50 min-w-44 bg-popover p-1.5 text-sm font-normal",
        ),
        modal=False,
    )


def menu_item(
    text: str | rx.Var[str], icon: str, on_select: rx.event.EventType[()], *, danger: bool = False
) -> rx.Component:
    """A line of a menu."""
    tone = "text-destructive" if danger else ""
    return MenuItem.create(
        rx.icon(icon, size=16, aria_hidden=True),
        text,
        on_select=waits_for(on_select),
        class_name="flex items-center gap-2.5 rounded-lg px-2.5 py-1.5 outline-none cursor-pointer "
        f"select-none data-[highlighted]:bg-accent {tone}",
    )
