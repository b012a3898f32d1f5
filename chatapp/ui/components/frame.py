"""What stands around a page beside the chat: a line with the way back, and a column that scrolls."""

import reflex as rx
from reflex_components_core.react_router import ReactRouterLink

from chatapp.ui.chat import Chat
from chatapp.ui.components.buttons import QUIET, icon_button
from chatapp.ui.components.connection import connection
from chatapp.ui.components.doors import door_out, doors
from chatapp.ui.components.signed_out import signed_out_line
from chatapp.ui.components.toasts import toasts
from chatapp.ui.components.waiting import waiting_line
from chatapp.ui.side import Side


def page_frame(
    title: str, *children: rx.Component, class_name: str = "max-w-column", invites: bool = True
) -> rx.Component:
    """A whole page with this heading. When it `invites`, whoever has no login is shown how to log in."""
    return rx.el.div(
        rx.el.header(
            waiting_line(),
            _back(),
            rx.el.h1(title, class_name="flex-1 truncate text-sm font-medium"),
            connection(),
            icon_button("Toggle theme", "sun-moon", on_click=rx.toggle_color_mode),
            class_name="header glass fixed inset-x-0 top-0 z-20 flex h-(--header) items-center gap-2 "
            "border-border! px-3",
        ),
        rx.el.main(
            rx.cond(Side.signed_out, signed_out_line(keeps=False), rx.fragment(*children)),
            class_name=f"mx-auto w-full px-4 pt-[calc(var(--header)+1.5rem)] pb-16 sm:px-6 {class_name}",
        ),
        toasts(),
        doors() if invites else door_out(),
        class_name="min-h-dvh bg-background text-foreground",
    )


def _back() -> rx.Component:
    """To the conversation that was left, or to a new one."""
    return ReactRouterLink.create(
        rx.icon("arrow-left", size=18, aria_hidden=True),
        to=rx.cond(Chat.cid == "", "/", rx.Var.create("/c/") + Chat.cid),
        aria_label="Back to the chat",
        title="Back to the chat",
        class_name=f"{QUIET} size-9 shrink-0",
    )
