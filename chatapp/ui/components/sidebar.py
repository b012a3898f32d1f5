"""The list of conversations: a column on a wide screen, a drawer on a narrow one, by the same element."""

from typing import Final

import reflex as rx

from chatapp.ui.components.browser import code, do, kept
from chatapp.ui.components.buttons import QUIET, icon_button
from chatapp.ui.components.conversation_list import archive_list, conversation_list
from chatapp.ui.components.search import search_field, search_results
from chatapp.ui.components.together import together
from chatapp.ui.components.user_menu import user_menu
from chatapp.ui.components.waiting import waiting_line, waits_for
from chatapp.ui.searching import Search
from chatapp.ui.side import Side

DRAWER: Final = "sidebar"


def sidebar() -> rx.Component:
    """The browser's own popover: it closes on Escape and outside, and gives the focus back."""
    return rx.el.nav(
        waiting_line(),
        rx.el.div(
            rx.el.span("chatapp", class_name="pl-2 font-semibold tracking-tight text-foreground"),
            icon_button("Close the list", "x", class_name="md:hidden", on_click=do("closeDrawer()")),
            class_name="flex h-(--header) shrink-0 items-center justify-between px-3",
        ),
        rx.el.div(_new_chat(), search_field(), class_name="flex shrink-0 flex-col gap-2 px-3 pb-2"),
        rx.el.div(
            rx.cond(
                Search.asked != "",
                search_results(),
                rx.cond(Side.in_archive, archive_list(), conversation_list()),
            ),
            class_name="min-h-0 flex-1 overflow-y-auto px-3 pb-4 scroller",
        ),
        rx.el.div(
            rx.cond(Side.in_archive, rx.fragment(), _archive()),
            user_menu(),
            class_name="shrink-0 border-t border-border px-3 py-2",
        ),
        id=DRAWER,
        custom_attrs={
            "popover": "auto",
            "onKeyDown": code("walk"),
            "onToggle": code("drawerMoved"),
            "onBlur": code("leaveDrawer"),
        },
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
        rx.icon("square-pen", size=16, aria_hidden=True),
        "New chat",
        type="button",
        custom_attrs={"data-press": "new-chat"},
        on_click=[rx.redirect("/"), do("closeDrawer()")],
        class_name="flex h-9 w-full items-center gap-2.5 rounded-xl border border-border bg-background px-3 "
        "text-sm font-medium text-foreground cursor-pointer hover:border-input transition-colors",
    )


def _archive() -> rx.Component:
    return rx.el.button(
        rx.icon("archive", size=16, aria_hidden=True),
        "Archived",
        type="button",
        on_click=waits_for(Side.show_archive(True)),
        custom_attrs={
            "data-press": "archived",
            "ref": code("handOver"),
            "data-next": "[data-press=leave-archive]",
        },
        class_name=f"{QUIET} h-9 w-full justify-start! gap-2.5! px-2.5 text-sm",
    )
