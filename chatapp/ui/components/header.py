"""Above the conversation: the list's button, the model, the connection, the looks and the keys."""

import reflex as rx

from chatapp.ui.chat import Chat
from chatapp.ui.components.abilities import abilities
from chatapp.ui.components.appearance import appearance
from chatapp.ui.components.buttons import icon_button
from chatapp.ui.components.connection import connection
from chatapp.ui.components.conversation_list import delete_item, title_field
from chatapp.ui.components.here import archived_var, pinned_var, title_var
from chatapp.ui.components.menu import menu, menu_item
from chatapp.ui.components.outbox import conversation_var, model_var, pick_model
from chatapp.ui.components.shortcuts import help_button
from chatapp.ui.components.sidebar import sidebar_buttons
from chatapp.ui.components.together import together
from chatapp.ui.components.waiting import waiting_line
from chatapp.ui.managing import IN_HEADER, Manage
from chatapp.ui.rows import Choice
from chatapp.ui.side import Side


def header() -> rx.Component:
    """One line of glass, the same on every screen."""
    return rx.el.header(
        waiting_line(),
        sidebar_buttons(),
        _models(),
        abilities(),
        together(_title(), class_name="flex min-w-0 flex-1 items-center justify-center px-2"),
        connection(),
        rx.cond((conversation_var() == "") | Chat.missing, rx.fragment(), _conversation_menu()),
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
            class_name="picker appearance-none [field-sizing:content] truncate max-w-[min(50vw,100%)] "
            "sm:max-w-[min(36vw,100%)] rounded-lg bg-transparent py-1.5 pl-2.5 pr-7 text-base font-medium "
            "cursor-pointer hover:bg-accent",
        ),
        rx.icon(
            "chevron-down",
            size=16,
            aria_hidden=True,
            class_name="pointer-events-none absolute right-2 top-2.5",
        ),
        # There is nothing to choose from before the page is filled, and for whoever is signed out.
        class_name=rx.cond(Side.models.length() == 0, "invisible", "relative min-w-0"),
    )


def _option(one: rx.Var[Choice]) -> rx.Component:
    """The browser that can, draws `data-details` below the name; it is no part of the option's text."""
    return rx.el.option(
        one["label"], value=one["id"], key=one["id"], custom_attrs={"data-details": one["details"]}
    )


def _title() -> rx.Component:
    """Of the conversation on the screen, with the field for it. The welcome has a heading of its own, and so
    has what stands for a conversation that was not found."""
    cid, title = conversation_var(), title_var()
    field = rx.el.div(
        title_field(cid, title, back="[data-press=conversation-menu]"),
        class_name="absolute inset-0 z-10 flex items-center bg-background px-3 "
        "sm:static sm:w-full sm:max-w-96 sm:bg-transparent sm:p-0",
    )
    heading = rx.el.h1(
        rx.cond(title == "", "Conversation", title),
        class_name=rx.cond(
            (Manage.renaming == IN_HEADER) | (title == ""),
            "sr-only",
            "max-sm:sr-only truncate text-sm font-medium",
        ),
    )
    shown = rx.fragment(
        heading,
        rx.cond(archived_var(), _archived(), rx.fragment()),
        rx.cond(Manage.renaming == IN_HEADER, field, rx.fragment()),
    )
    return rx.cond((cid == "") | (Chat.missing & (Chat.cid == cid)), rx.fragment(), shown)


def _archived() -> rx.Component:
    return rx.el.span(
        "Archived",
        class_name="ml-2 hidden shrink-0 rounded-md bg-muted px-1.5 text-xs leading-5 text-muted-foreground "
        "sm:inline",
    )


def _conversation_menu() -> rx.Component:
    cid = conversation_var()
    return menu(
        "Conversation menu",
        menu_item("Rename", "pencil", Manage.begin_renaming(IN_HEADER)),
        rx.cond(
            pinned_var(),
            menu_item("Unpin", "pin-off", Manage.pin(cid, False, False)),
            menu_item("Pin", "pin", Manage.pin(cid, True, False)),
        ),
        rx.cond(
            archived_var(),
            menu_item("Unarchive", "archive-restore", Manage.archive(cid, False)),
            menu_item("Archive", "archive", Manage.archive(cid, True)),
        ),
        menu_item("Clear conversation", "eraser", Manage.clear(cid)),
        delete_item(cid),
    )
