"""What was sent while a reply is being made: it waits above the composer, and can still be changed."""

from typing import Any, Final

import reflex as rx

from chatapp.ui.chat import Chat
from chatapp.ui.components.buttons import small_button
from chatapp.ui.components.editor import Editing
from chatapp.ui.components.local import FOCUS_COMPOSER, script
from chatapp.ui.components.outbox import pending_var, put_back
from chatapp.ui.components.together import together
from chatapp.ui.live import Now

_ITEM: Final = "flex items-center gap-1 rounded-xl px-3 py-0.5 hover:bg-muted"


def is_busy() -> rx.Var[bool]:
    """Whether a reply is being made."""
    data = Now.status._get_all_var_data()
    busy = f'["queued", "streaming"].includes({Now.status!s})'
    return rx.Var(busy, _var_type=bool, _var_data=data).guess_type()


def pending_wait() -> rx.Var[bool]:
    """Whether what is on its way stands here: it comes after what is not on the screen."""
    return is_busy() | Chat.later


def queue() -> rx.Component:
    """In the order in which they will be answered; those that have not reached the server come last."""
    last = Chat.queue.length() - 1
    return rx.el.div(
        rx.cond(Chat.removed != "", _removed(), rx.fragment()),
        rx.foreach(
            Chat.queue,
            lambda one, place: rx.fragment(
                queued_message(message_id=one["id"], text=one["text"], place=place, is_last=place == last),
                key=one["id"],
            ),
        ),
        rx.cond(pending_wait(), rx.foreach(pending_var(), _pending), rx.fragment()),
        role="group",
        aria_label="Waiting messages",
        class_name="mx-auto w-full max-w-column px-3 sm:px-6 pb-1.5 empty:hidden "
        "max-h-[30dvh] overflow-y-auto scroller",
    )


@rx.memo
def queued_message(
    message_id: rx.Var[str], text: rx.Var[str], place: rx.Var[int], is_last: rx.Var[bool]
) -> rx.Component:
    """One that waits: a line, until it is changed."""
    editing = Editing(message_id, text)
    return rx.el.article(
        together(
            rx.cond(
                editing.now,
                editing.editor("Other words", lambda new, _: Chat.change_queued(message_id, new)),
                rx.el.div(
                    _line(text),
                    _button("Edit", "pencil", text, editing.begin, custom_attrs={"data-edit": ""}),
                    _move("Move up", "arrow-up", text, Chat.move_queued(message_id, place - 1), place > 0),
                    _move("Move down", "arrow-down", text, Chat.move_queued(message_id, place + 1), ~is_last),
                    _button(
                        "Remove",
                        "x",
                        text,
                        [Chat.remove_queued(message_id), script(f"() => {FOCUS_COMPOSER}")],
                    ),
                    class_name=_ITEM,
                ),
            ),
        ),
        data_message_id=message_id,
        data_role="user",
        data_status="queued",
        aria_label="You, waiting",
    )


def _pending(one: rx.Var[dict[str, str]]) -> rx.Component:
    article = rx.el.article(
        _line(one["text"]),
        data_message_id=one["key"],
        data_role="user",
        data_status="queued",
        aria_label="You, waiting to be sent",
        class_name=f"{_ITEM} min-h-9",
    )
    return rx.fragment(article, key=one["key"])


def _line(text: rx.Var[str]) -> rx.Component:
    return rx.fragment(
        rx.icon("clock", size=16, aria_hidden=True, class_name="shrink-0 text-muted-foreground"),
        rx.el.span(text, class_name="words ml-1.5 min-w-0 flex-1 truncate text-sm"),
    )


def _move(
    name: str, icon: str, text: rx.Var[str], move: rx.event.EventSpec, can: rx.Var[bool]
) -> rx.Component:
    """At an end it stays a button, so that the focus stays where it is."""
    return _button(name, icon, text, rx.cond(can, move, rx.noop()), aria_disabled=~can)


def _button(name: str, icon: str, text: rx.Var[str], on_click: Any, **props: Any) -> rx.Component:
    """Its name says which message it is for: there may be several of each."""
    beginning = rx.Var(f"{text!s}.slice(0, 40)", _var_type=str, _var_data=text._get_all_var_data())
    label = rx.Var.create(f"{name}: {beginning}")
    disabled = "px-0! aria-disabled:opacity-35 aria-disabled:cursor-default"
    return small_button(label, icon, on_click=on_click, class_name=disabled, **props)


def _removed() -> rx.Component:
    return rx.el.div(
        rx.el.span(
            "Removed", rx.el.span(" from the queue", class_name="hidden sm:inline"), ".", role="status"
        ),
        rx.el.button(
            "Put it back in the message box",
            type="button",
            on_click=[
                put_back(Chat.removed, Chat.cid),
                Chat.forget_removed,
                script(f"() => {FOCUS_COMPOSER}"),
            ],
            class_name="rounded-md px-1.5 py-1 font-medium text-primary cursor-pointer hover:underline",
        ),
        small_button("Dismiss", "x", on_click=[Chat.forget_removed, script(f"() => {FOCUS_COMPOSER}")]),
        class_name="flex items-center gap-1 px-3 text-sm text-muted-foreground",
    )
