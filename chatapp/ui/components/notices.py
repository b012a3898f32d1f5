"""What one should know just now, above the composer and out of the way."""

import reflex as rx

from chatapp.ui.chat import Chat
from chatapp.ui.components.buttons import icon_button
from chatapp.ui.components.connection import connection_notices
from chatapp.ui.components.signed_out import signed_out_line
from chatapp.ui.rows import Choice, Step
from chatapp.ui.side import Side


def notices() -> rx.Component:
    """The connection, a refused button, the login that ended, models on their way, what a model is."""
    return rx.el.div(
        rx.cond(Side.signed_out, signed_out_line(), connection_notices()),
        rx.cond(Chat.notice != "", _refused(), rx.fragment()),
        rx.foreach(Side.steps, _step),
        rx.foreach(Side.models, _about),
        class_name="mx-auto w-full max-w-column px-6 text-sm",
    )


def _refused() -> rx.Component:
    return rx.el.div(
        rx.el.span(Chat.notice, role="alert", class_name="flex-1 text-destructive"),
        icon_button("Dismiss", "x", size=16, on_click=Chat.dismiss),
        class_name="flex items-center gap-2 pb-1",
    )


def _step(one: rx.Var[Step]) -> rx.Component:
    bar = rx.el.progress(
        value=one["percent"].to(str), max="100", aria_label=one["message"], class_name="h-1.5 w-28"
    )
    return rx.el.div(
        rx.cond(one["percent"] >= 0, bar, rx.fragment()),
        rx.el.span(one["message"]),
        class_name="flex items-center gap-3 pb-2 text-muted-foreground",
    )


def _about(one: rx.Var[Choice]) -> rx.Component:
    shown = (one["id"] == Chat.model) & (one["notice"] != "")
    return rx.cond(shown, rx.el.p(one["notice"], class_name="pb-2 text-muted-foreground"), rx.fragment())
