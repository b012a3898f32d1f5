"""The chat page: its parts in their places."""

import reflex as rx

from chatapp.ui.chat import Chat
from chatapp.ui.components.composer import composer
from chatapp.ui.components.doors import doors
from chatapp.ui.components.header import header
from chatapp.ui.components.log import log, missing
from chatapp.ui.components.notices import notices
from chatapp.ui.components.outbox import conversation_var, pending_var
from chatapp.ui.components.queue import queue
from chatapp.ui.components.shortcuts import shortcuts
from chatapp.ui.components.sidebar import sidebar
from chatapp.ui.components.signed_out import signed_out_place
from chatapp.ui.components.skeleton import log_skeleton
from chatapp.ui.components.toasts import toasts
from chatapp.ui.components.welcome import emptied, welcome
from chatapp.ui.components.words import spoken
from chatapp.ui.opened import CHAT_ROUTE
from chatapp.ui.side import Side


def add_page(app: rx.App) -> None:
    """`/` and `/c/{conversation_id}` are one route.

    Going from one to the other then keeps the page, its composer and what is written there, and needs nothing
    from the server, so that it works offline.
    """
    app.add_page(
        chat_page,
        route=CHAT_ROUTE,
        title="chatapp",
        description="A chat with a model, on your own server.",
        on_load=Chat.follow,
    )


def chat_page() -> rx.Component:
    """The sidebar, and the conversation beside it."""
    return rx.el.div(
        sidebar(),
        rx.el.main(
            header(),
            _conversation(),
            emptied(),
            rx.el.div(notices(), queue(), composer(), class_name="foot shrink-0 pb-3 sm:pb-5"),
            class_name="relative flex min-w-0 flex-1 flex-col",
        ),
        spoken(),
        toasts(),
        shortcuts(),
        doors(),
        class_name="flex h-dvh overflow-hidden bg-background text-foreground",
    )


def _conversation() -> rx.Component:
    """What is sent counts at once: it is neither a welcome nor a conversation that is not there yet."""
    none_pending = pending_var().length() == 0
    arrived = (Side.epoch != "") & (Chat.cid == conversation_var())
    return rx.el.div(
        rx.cond(
            (conversation_var() == "") & none_pending,
            welcome(),
            rx.cond(
                Side.signed_out & none_pending,
                signed_out_place(),
                rx.cond(
                    arrived | ~none_pending,
                    rx.cond(Chat.missing & none_pending, missing(), log()),
                    log_skeleton(),
                ),
            ),
        ),
        class_name="under-header flex min-h-0 flex-1 flex-col",
    )
