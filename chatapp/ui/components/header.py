"""Above the conversation: the list's button, the model, the connection, the looks and the keys."""

import reflex as rx
from reflex_base.vars import VarData

from chatapp.ui.chat import Chat
from chatapp.ui.components.abilities import abilities
from chatapp.ui.components.appearance import appearance
from chatapp.ui.components.buttons import icon_button
from chatapp.ui.components.connection import connection
from chatapp.ui.components.conversation_list import delete_item, title_field
from chatapp.ui.components.menu import menu, menu_item
from chatapp.ui.components.outbox import conversation_var, model_var, pick_model
from chatapp.ui.components.shortcuts import help_button
from chatapp.ui.components.sidebar import sidebar_buttons
from chatapp.ui.managing import IN_HEADER, Manage
from chatapp.ui.rows import Choice
from chatapp.ui.side import Side


def header() -> rx.Component:
    """One line of glass, the same on every screen."""
    return rx.el.header(
        sidebar_buttons(),
        _models(),
        abilities(),
        rx.el.div(_title(), class_name="flex min-w-0 flex-1 justify-center px-2"),
        connection(),
        rx.cond(conversation_var() != "", _conversation_menu(), rx.fragment()),
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


def _title() -> rx.Component:
    """Of the conversation on the screen, or the field for it."""
    cid, title = conversation_var(), _title_var()
    field = rx.el.div(
        title_field(cid, title, back="[data-press=conversation-menu]"),
        class_name="absolute inset-x-3 max-w-80 sm:static sm:w-full",
    )
    shown = rx.el.span(title, class_name="hidden truncate text-sm text-muted-foreground lg:inline")
    return rx.cond(cid == "", rx.fragment(), rx.cond(Manage.renaming == IN_HEADER, field, shown))


def _conversation_menu() -> rx.Component:
    cid = conversation_var()
    return menu(
        "Conversation menu",
        menu_item("Rename", "pencil", Manage.begin_renaming(IN_HEADER)),
        rx.cond(
            _pinned_var(),
            menu_item("Unpin", "pin-off", Manage.pin(cid, False)),
            menu_item("Pin", "pin", Manage.pin(cid, True)),
        ),
        menu_item("Archive", "archive", Manage.archive(cid, True)),
        menu_item("Clear conversation", "eraser", Manage.clear(cid)),
        delete_item(cid),
    )


def _title_var() -> rx.Var[str]:
    """What the list says of the conversation on the screen."""
    cid, lists = conversation_var(), (Side.pinned, Side.top, Side.rest)
    everything = ", ".join(f"...{one!s}" for one in lists)
    found = f'([{everything}].find((one) => one.id === {cid!s})?.title ?? "")'
    data = VarData.merge(cid._get_all_var_data(), *(one._get_all_var_data() for one in lists))
    return rx.Var(found, _var_type=str, _var_data=data).guess_type()


def _pinned_var() -> rx.Var[bool]:
    cid = conversation_var()
    found = f"{Side.pinned!s}.some((one) => one.id === {cid!s})"
    data = VarData.merge(cid._get_all_var_data(), Side.pinned._get_all_var_data())
    return rx.Var(found, _var_type=bool, _var_data=data).guess_type()
