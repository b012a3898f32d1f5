"""The conversation: it follows its end while the reader is there, and stays where it is while not."""

from typing import Final

import reflex as rx
from reflex_base.components.component import Component
from reflex_base.utils.imports import ImportVar
from reflex_base.vars import VarData

from chatapp.ui.chat import Chat
from chatapp.ui.components.message import messages, user_message
from chatapp.ui.components.outbox import pending_var
from chatapp.ui.components.together import together

_LIBRARY: Final = "use-stick-to-bottom@1.1.6"


class StickToBottom(Component):
    """Keeps to the end as it grows, unless the reader scrolled up."""

    library = _LIBRARY
    tag = "StickToBottom"

    resize: rx.Var[str]
    initial: rx.Var[str]


class StickyContent(Component):
    """What grows; its props are those of the inner element."""

    library = _LIBRARY
    tag = "StickToBottom.Content"

    scroll_class_name: rx.Var[str]


def log() -> rx.Component:
    """All messages, and what waits to be sent. Another conversation is another log, at its own end."""
    return StickToBottom.create(
        StickyContent.create(
            rx.cond(Chat.earlier, _earlier(), rx.fragment()),
            messages(),
            rx.foreach(pending_var(), _pending),
            custom_attrs={"role": "log"},
            aria_label="Conversation",
            aria_live="off",
            class_name="min-h-full pt-4 pb-8",
            scroll_class_name="overflow-y-auto overscroll-contain scroller",
        ),
        _jump(),
        resize="instant",
        initial="instant",
        key=Chat.cid,
        class_name="relative flex-1 min-h-0",
    )


def _pending(one: rx.Var[dict[str, str]]) -> rx.Component:
    at = rx.Var(
        f"new Date({one['at']!s}).toISOString()", _var_type=str, _var_data=one._get_all_var_data()
    ).guess_type()
    return rx.fragment(
        user_message(message_id=one["key"], at=at, text=one["text"], status="queued"), key=one["key"]
    )


def _earlier() -> rx.Component:
    return rx.el.div(
        rx.el.button(
            "Show earlier messages",
            type="button",
            on_click=Chat.show_earlier,
            class_name="rounded-full border border-border px-3 py-1 text-sm text-muted-foreground "
            "cursor-pointer "
            "hover:bg-muted hover:text-foreground",
        ),
        class_name="flex justify-center pb-4",
    )


def _jump() -> rx.Component:
    """Back to the end; also where one is taken by sending."""
    context = "const { isAtBottom, scrollToBottom } = useStickToBottomContext()"
    after_send = (
        'useEffect(() => { const end = () => { scrollToBottom("instant") }; addEventListener("sent", end); '
        'return () => removeEventListener("sent", end) }, [scrollToBottom])'
    )
    data = VarData(
        hooks={context: None, after_send: None},
        imports={_LIBRARY: [ImportVar(tag="useStickToBottomContext")], "react": [ImportVar(tag="useEffect")]},
    )
    at_end = rx.Var("isAtBottom", _var_type=bool, _var_data=data).guess_type()
    button = rx.el.button(
        rx.icon("arrow-down", size=18, aria_hidden=True),
        type="button",
        aria_label="Jump to latest",
        title="Jump to latest",
        on_click=rx.call_function(rx.Var("() => { scrollToBottom() }", _var_data=data)),
        class_name="absolute bottom-3 left-1/2 -translate-x-1/2 inline-flex size-9 items-center "
        "justify-center "
        "rounded-full border border-border bg-card shadow-[var(--shadow)] cursor-pointer hover:bg-muted",
    )
    return together(rx.cond(at_end, rx.fragment(), button))


def missing() -> rx.Component:
    """A conversation that is not there, or that is somebody else's: the page does not say which."""
    return rx.el.section(
        rx.el.h1("This conversation was not found", class_name="text-xl font-semibold"),
        rx.el.p(
            "It may have been deleted, or it belongs to somebody else.",
            class_name="mt-2 text-muted-foreground",
        ),
        rx.el.button(
            "Start a new chat",
            type="button",
            on_click=rx.redirect("/"),
            class_name="mt-5 rounded-full bg-primary px-4 py-2 text-sm font-medium text-primary-foreground "
            "cursor-pointer",
        ),
        aria_label="Not found",
        class_name="flex flex-1 flex-col items-center justify-center px-6 text-center",
    )
