"""Conversations in a list: a link each, and a menu of what can be done with it."""

import reflex as rx
from reflex_components_core.react_router import ReactRouterLink

from chatapp.ui.components.browser import code, do
from chatapp.ui.components.buttons import icon_button
from chatapp.ui.components.menu import menu, menu_item
from chatapp.ui.components.outbox import conversation_var
from chatapp.ui.components.skeleton import list_skeleton
from chatapp.ui.components.waiting import waits_for
from chatapp.ui.listing import Item
from chatapp.ui.managing import Manage
from chatapp.ui.side import Side


def conversation_list() -> rx.Component:
    """Pinned ones, then the others by date."""
    is_empty = Side.pinned.length() + Side.top.length() == 0
    return rx.fragment(
        rx.cond(
            Side.epoch == "",
            rx.cond(Side.signed_out, rx.fragment(), list_skeleton()),
            rx.cond(is_empty, _nothing(), rx.fragment()),
        ),
        rx.cond(
            Side.pinned.length() > 0,
            rx.fragment(
                _heading("Pinned"),
                rx.el.ul(rx.foreach(Side.pinned, lambda one: _item(one, pinned=True))),
            ),
            rx.fragment(),
        ),
        rx.el.ul(rx.foreach(Side.top, lambda one: _item(one, pinned=False))),
        rx.el.ul(rx.foreach(Side.rest, lambda one: _item(one, pinned=False))),
        _more(),
    )


def archive_list() -> rx.Component:
    """What was put away, with the way back."""
    return rx.fragment(
        rx.el.div(
            icon_button(
                "Back to all conversations",
                "arrow-left",
                on_click=waits_for(Side.show_archive(False)),
                custom_attrs={
                    "data-press": "leave-archive",
                    "ref": code("handOver"),
                    "data-next": "[data-press=archived]",
                },
            ),
            rx.el.h2("Archived", class_name="text-sm font-semibold text-foreground"),
            class_name="flex items-center gap-1 pb-2",
        ),
        rx.cond(
            Side.archived.length() == 0,
            _hint("Nothing is archived. What you archive is found here, and by the search."),
            rx.el.ul(rx.foreach(Side.archived, _archived)),
        ),
        _more(),
    )


def title_field(conversation_id: rx.Var[str], title: rx.Var[str], *, back: rx.Var[str]) -> rx.Component:
    """A title as it is being written: Enter or leaving keeps it, Escape does not. `back` gets the focus."""
    return rx.el.input(
        default_value=title,
        aria_label="Title",
        max_length=120,
        auto_complete="off",
        on_blur=lambda written: Manage.rename(conversation_id, written, title),
        custom_attrs={"ref": code("titleField"), "onKeyDown": code("titleKey"), "data-back": back},
        class_name="h-9 w-full rounded-lg border border-ring bg-background px-2.5 text-sm text-foreground",
    )


def _nothing() -> rx.Component:
    return _hint("What you talk about is kept here.")


def _hint(text: str) -> rx.Component:
    return rx.el.p(text, class_name="px-2.5 py-2 text-sm text-muted-foreground text-pretty")


def _item(one: rx.Var[Item], *, pinned: bool) -> rx.Component:
    back = "a[data-item='" + one["id"].to(str) + "']"
    return rx.el.li(
        rx.cond(one["heading"] != "", _heading(one["heading"]), rx.fragment()),
        rx.cond(
            Manage.renaming == one["id"],
            title_field(one["id"], one["title"], back=back),
            rx.el.div(_link(one), _menu(one, pinned=pinned), class_name="item relative"),
        ),
        key=one["id"],
        custom_attrs={"ref": code("handOver")},
    )


def _link(one: rx.Var[Item]) -> rx.Component:
    return ReactRouterLink.create(
        rx.el.span(one["title"], class_name="truncate"),
        rx.cond(one["generating"], _generating(), rx.fragment()),
        to="/c/" + one["id"].to(str),
        on_click=do("closeDrawer()"),
        aria_current=rx.cond(conversation_var() == one["id"], "page", "false"),
        title=one["title"],
        custom_attrs={"data-item": one["id"]},
        class_name="flex items-center gap-2 rounded-lg py-1.5 pl-2.5 pr-9 text-sm leading-6 hover:bg-accent "
        "aria-[current=page]:bg-accent aria-[current=page]:text-foreground aria-[current=page]:font-medium",
    )


def _generating() -> rx.Component:
    return rx.fragment(
        rx.icon(
            "loader-circle",
            size=14,
            aria_hidden=True,
            class_name="ml-auto shrink-0 animate-spin text-primary",
        ),
        rx.el.span("Generating", class_name="sr-only"),
    )


def _menu(one: rx.Var[Item], *, pinned: bool) -> rx.Component:
    return rx.el.div(
        menu(
            "More",
            menu_item("Rename", "pencil", Manage.begin_renaming(one["id"])),
            menu_item("Unpin", "pin-off", Manage.pin(one["id"], False, True))
            if pinned
            else menu_item("Pin", "pin", Manage.pin(one["id"], True, True)),
            menu_item("Archive", "archive", Manage.archive(one["id"], True)),
            delete_item(one["id"]),
            class_name="size-8 item-more",
        ),
        class_name="absolute right-0.5 top-0.5",
    )


def delete_item(conversation_id: rx.Var[str]) -> rx.Component:
    """A deleted conversation is left first, when it is on the screen; taking it back shows it again."""
    here = (conversation_var() == conversation_id).to(bool)
    events = [do(f"leave({conversation_id!s})", conversation_id), Manage.delete(conversation_id, here)]
    return menu_item("Delete", "trash-2", events, danger=True)


def _archived(one: rx.Var[Item]) -> rx.Component:
    return rx.el.li(
        _link(one),
        icon_button(
            "Unarchive",
            "archive-restore",
            size=16,
            class_name="absolute! right-0.5 top-0.5 size-8!",
            on_click=waits_for(Manage.archive(one["id"], False)),
        ),
        key=one["id"],
        custom_attrs={"ref": code("handOver"), "data-next": "[data-press=leave-archive]"},
        class_name="relative",
    )


def _heading(text: str | rx.Var[str]) -> rx.Component:
    return rx.el.h2(text, class_name="px-2.5 pt-4 pb-1 text-xs font-medium text-muted-foreground")


def _more() -> rx.Component:
    button = rx.el.button(
        "Show more",
        type="button",
        on_click=waits_for(Side.show_more),
        class_name="mt-1 w-full rounded-lg px-2.5 py-1.5 text-left text-sm text-muted-foreground "
        "cursor-pointer hover:bg-accent hover:text-foreground",
    )
    return rx.cond(Side.more, button, rx.fragment())
