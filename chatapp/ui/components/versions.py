"""Walking between the versions of a message: the originals stay when it is edited or answered again."""

import reflex as rx

from chatapp.ui.chat import Chat
from chatapp.ui.components.buttons import small_button
from chatapp.ui.rows import Siblings


def versions(siblings: rx.Var[Siblings]) -> rx.Component:
    """`2 / 3` between two buttons; nothing where there is one version only."""
    return rx.cond(
        siblings["count"].to(int) > 1,
        rx.el.div(
            _step("Previous version", "chevron-left", siblings["previous"]),
            rx.el.span(
                siblings["index"],
                " / ",
                siblings["count"],
                class_name="text-xs tabular-nums whitespace-nowrap",
            ),
            _step("Next version", "chevron-right", siblings["next"]),
            class_name="flex items-center text-muted-foreground",
        ),
        rx.fragment(),
    )


def _step(name: str, icon: str, to: rx.Var[str]) -> rx.Component:
    """At an end it stays a button, so that the focus stays where it is."""
    return small_button(
        name,
        icon,
        on_click=rx.cond(to != "", Chat.show_version(to), rx.noop()),
        aria_disabled=to == "",
        class_name="aria-disabled:opacity-35 aria-disabled:cursor-default",
    )
