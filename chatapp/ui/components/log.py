"""The conversation: it follows its end while the reader is there, and stays where it is while not.

The browser holds the place (scroll anchoring) when something above it grows, loads, or is put before. What is
far from the screen is neither laid out nor painted (`content-visibility` in log.css), so a long conversation
costs as little as a short one, and can still be searched and selected as a whole.
"""

from typing import Any, Final

import reflex as rx
from reflex_base.components.component import Component

from chatapp.ui.chat import Chat
from chatapp.ui.components.local import FOCUS_COMPOSER, hooked, script
from chatapp.ui.components.message import messages, rows
from chatapp.ui.components.outbox import pending_var
from chatapp.ui.components.place import LIBRARY, place_var
from chatapp.ui.components.queue import pending_wait
from chatapp.ui.components.said import pending_message
from chatapp.ui.components.together import together

_CONTEXT: Final = "const { isAtBottom, scrollToBottom } = useStickToBottomContext()"


class StickToBottom(Component):
    """Keeps to the end as it grows, unless the reader scrolled up."""

    library = LIBRARY
    tag = "StickToBottom"

    resize: rx.Var[str]
    initial: rx.Var[str | bool]


class StickyContent(Component):
    """What grows; its props are those of the inner element."""

    library = LIBRARY
    tag = "StickToBottom.Content"

    scroll_class_name: rx.Var[str]


class InView(Component):
    """react-intersection-observer: tells when it comes near to the part of the page that is seen."""

    library = "react-intersection-observer@11.0.1"
    tag = "InView"

    skip: rx.Var[bool]
    scroll_margin: rx.Var[str]
    on_change: rx.EventHandler[lambda in_view: [in_view]]


def log() -> rx.Component:
    """All messages, and what waits to be sent. Another conversation is another log, at its own end."""
    return StickToBottom.create(
        StickyContent.create(
            rx.cond(Chat.earlier, _earlier(), rx.fragment()),
            messages(),
            rx.cond(Chat.later, _later(), rx.fragment()),
            rx.cond(pending_wait(), rx.fragment(), rx.foreach(pending_var(), _pending)),
            custom_attrs={"role": "log"},
            aria_label="Conversation",
            aria_live="off",
            class_name="min-h-full pt-4 pb-8",
            scroll_class_name="overflow-y-auto overscroll-contain scroller",
        ),
        _jump(),
        resize="instant",
        initial=rx.cond(Chat.sought["id"] == "", "instant", False),
        key=Chat.cid,
        class_name="relative flex-1 min-h-0",
    )


def _pending(one: rx.Var[dict[str, str]]) -> rx.Component:
    at = rx.Var(
        f"new Date({one['at']!s}).toISOString()", _var_type=str, _var_data=one._get_all_var_data()
    ).guess_type()
    return rx.fragment(pending_message(one["key"], at, one["text"]), key=one["key"])


def _earlier() -> rx.Component:
    """Older messages load before one gets to them, but not while one stays at the end."""
    first = rows()[0]["id"]
    at_end = hooked(
        f"(isAtBottom && !{Chat.later!s})",
        _CONTEXT,
        Chat.later,
        kind=bool,
        **{LIBRARY: ["useStickToBottomContext"]},
    )
    return _more(
        "Show earlier messages",
        Chat.show_earlier(first),
        key=first,
        skip=at_end,
        scroll_margin="1500px 0px 0px 0px",
        class_name="pb-4 [overflow-anchor:none]",
    )


def _later() -> rx.Component:
    """Newer messages, where one was taken to a message far from the end."""
    last = rows()[-1]["id"]
    return _more(
        "Show later messages",
        Chat.show_later(last),
        key=last,
        scroll_margin="0px 0px 1500px 0px",
        class_name="pt-4",
    )


def _more(name: str, load: rx.event.EventSpec, *, class_name: str, **watched: Any) -> rx.Component:
    """The button is for keyboards. A new page is a new thing to come near to (`key`)."""
    return together(
        InView.create(on_change=lambda in_view: rx.cond(in_view, load, rx.noop()), **watched),
        rx.el.button(
            name,
            type="button",
            on_click=load,
            class_name="h-8 pointer-coarse:h-9 rounded-full border border-border px-3 text-sm "
            "text-muted-foreground cursor-pointer hover:bg-muted hover:text-foreground",
        ),
        class_name=f"flex justify-center {class_name}",
    )


def _jump() -> rx.Component:
    """Back to the end; also where one is taken by sending. Says what has come since one scrolled up."""
    at_end, new = place_var("atEnd", bool), place_var("fresh", int)
    words = rx.cond(new == 1, "1 new message", rx.Var.create(f"{new} new messages"))
    button = rx.el.button(
        rx.icon("arrow-down", size=16, aria_hidden=True),
        rx.cond(new > 0, rx.el.span(words, id="new-messages"), rx.fragment()),
        type="button",
        aria_label="Jump to latest",
        aria_describedby="new-messages",
        title="Jump to latest",
        on_click=[
            script(f"() => {{ place.goToEnd(); {FOCUS_COMPOSER} }}", at_end),
            rx.cond(Chat.later, Chat.show_end(), rx.noop()),
        ],
        class_name="jump absolute bottom-3 left-1/2 -translate-x-1/2 inline-flex h-9 min-w-9 items-center "
        "justify-center gap-1.5 rounded-full border border-border bg-card px-2.5 text-sm font-medium "
        "shadow-[var(--shadow)] cursor-pointer hover:bg-muted",
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
