"""Above the conversation: the list's button, the model, the connection, the looks and the keys."""

import reflex as rx

from chatapp.ui.chat import Chat
from chatapp.ui.components.appearance import appearance
from chatapp.ui.components.buttons import icon_button
from chatapp.ui.components.connection import connection
from chatapp.ui.components.outbox import model_var, pick_model
from chatapp.ui.components.shortcuts import help_button
from chatapp.ui.components.sidebar import sidebar_buttons
from chatapp.ui.rows import Choice
from chatapp.ui.side import Side


def header() -> rx.Component:
    """One line of glass, the same on every screen."""
    return rx.el.header(
        sidebar_buttons(),
        _models(),
        rx.foreach(Side.models, _abilities),
        rx.el.div(class_name="flex-1"),
        connection(),
        icon_button("Toggle theme", "sun-moon", on_click=rx.toggle_color_mode),
        appearance(),
        rx.el.div(help_button(), class_name="hidden sm:block"),
        class_name="header glass absolute inset-x-0 top-0 z-20 flex h-(--header) items-center gap-1 px-3",
    )


def _models() -> rx.Component:
    """The browser's own list: it works with every keyboard, screen reader and phone."""
    return rx.el.div(
        rx.el.select(
            rx.foreach(Side.models, _option),
            aria_label="Model",
            value=model_var(),
            on_change=lambda model: [pick_model(model), Chat.choose_model(model)],
            class_name="picker appearance-none [field-sizing:content] truncate max-w-[36vw] rounded-lg "
            "bg-transparent py-1.5 pl-2.5 pr-7 text-base font-medium cursor-pointer hover:bg-accent",
        ),
        rx.icon(
            "chevron-down",
            size=16,
            aria_hidden=True,
            class_name="pointer-events-none absolute right-2 top-2.5",
        ),
        class_name="relative min-w-0",
    )


def _option(one: rx.Var[Choice]) -> rx.Component:
    """The browser that can, draws `data-details` below the name; it is no part of the option's text."""
    return rx.el.option(
        one["label"], value=one["id"], key=one["id"], custom_attrs={"data-details": one["details"]}
    )


def _abilities(one: rx.Var[Choice]) -> rx.Component:
    """What the chosen model can do, where there is room; the list says it of each."""
    chosen = (one["id"] == Chat.model) & (one["details"] != "")
    return rx.cond(
        chosen,
        rx.el.span(one["details"], class_name="hidden truncate text-xs text-muted-foreground lg:inline"),
        rx.fragment(),
    )
