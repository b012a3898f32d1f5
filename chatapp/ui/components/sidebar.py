"""The list of conversations: a column on a wide screen, a drawer on a narrow one, by the same element."""

from typing import Final

import reflex as rx
from reflex_base.vars import VarData
from reflex_components_core.react_router import ReactRouterLink

from chatapp.ui.chat import Chat
from chatapp.ui.components.browser import do, kept
from chatapp.ui.components.buttons import icon_button
from chatapp.ui.components.together import together
from chatapp.ui.rows import Item
from chatapp.ui.side import Side

DRAWER: Final = "sidebar"
#: On a wide screen there is nothing to close, and the browser knows.
_CLOSE: Final = rx.Var(f'() => document.getElementById("{DRAWER}").hidePopover()', _var_data=VarData())


def sidebar() -> rx.Component:
    """The browser's own popover: it closes on Escape and outside, and gives the focus back."""
    return rx.el.nav(
        rx.el.div(
            rx.el.span("chatapp", class_name="pl-2 font-semibold tracking-tight"),
            icon_button("Close the list", "x", class_name="md:hidden", on_click=rx.call_function(_CLOSE)),
            class_name="flex h-14 items-center justify-between px-3",
        ),
        rx.el.div(_new_chat(), class_name="px-3 pb-3"),
        rx.el.div(
            rx.foreach(Side.top, _link),
            rx.foreach(Side.rest, _link),
            class_name="flex-1 overflow-y-auto px-3 pb-4 scroller",
        ),
        id=DRAWER,
        custom_attrs={"popover": "auto"},
        aria_label="Conversations",
        class_name="flex-col bg-sidebar",
    )


def sidebar_buttons() -> rx.Component:
    """For the header: the list is opened as a drawer on a narrow screen, folded away on a wide one."""
    shown = kept("sidebar", "open") != "closed"
    return rx.fragment(
        icon_button(
            "Show the list", "panel-left", class_name="md:hidden", custom_attrs={"popoverTarget": DRAWER}
        ),
        together(
            icon_button(
                "Toggle sidebar",
                "panel-left",
                on_click=do("toggleSidebar()"),
                aria_expanded=rx.cond(shown, "true", "false"),
                aria_controls=DRAWER,
            ),
            class_name="hidden md:block",
        ),
    )


def _new_chat() -> rx.Component:
    return rx.el.button(
        rx.icon("square-pen", size=17, aria_hidden=True),
        "New chat",
        type="button",
        custom_attrs={"data-press": "new-chat"},
        on_click=[rx.redirect("/"), rx.call_function(_CLOSE)],
        class_name="flex w-full items-center gap-2.5 rounded-xl border border-border bg-background px-3 "
        "py-2 text-sm "
        "font-medium text-foreground cursor-pointer hover:border-input transition-colors",
    )


def _link(one: rx.Var[Item]) -> rx.Component:
    here = Chat.cid == one["id"]
    return ReactRouterLink.create(
        one["title"],
        to=rx.Var.create("/c/") + one["id"].to(str),
        on_click=rx.call_function(_CLOSE),
        aria_current=rx.cond(here, "page", "false"),
        title=one["title"],
        key=one["id"],
        class_name="block truncate rounded-lg px-2.5 py-2 text-sm leading-5 hover:bg-accent "
        "aria-[current=page]:bg-accent "
        "aria-[current=page]:text-foreground aria-[current=page]:font-medium",
    )
