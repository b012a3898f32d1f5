"""The admin's page as it is drawn: who there is, what runs, what happened."""

import reflex as rx

from chatapp.ui.admin import Admin, Section
from chatapp.ui.components.buttons import QUIET, small_button
from chatapp.ui.components.clock import calendar
from chatapp.ui.components.connection import connection_var
from chatapp.ui.components.doors import doors
from chatapp.ui.components.frame import page_frame
from chatapp.ui.components.not_there import not_there
from chatapp.ui.components.skeleton import list_skeleton
from chatapp.ui.components.users import users
from chatapp.ui.overseen import EventRow, RunRow
from chatapp.ui.side import Side

_NAMES = {Section.USERS: "Users", Section.RUNS: "In progress", Section.EVENTS: "Security log"}


def admin_page() -> rx.Component:
    """For whoever is no admin it looks like an address at which nothing is."""
    return rx.cond(
        Admin.missing & ~Side.signed_out,
        rx.fragment(not_there(), doors()),
        rx.cond(
            (Admin.section == "") & ~Side.signed_out,
            _skeleton(),
            page_frame("Admin", _content(), class_name="max-w-4xl"),
        ),
    )


def _skeleton() -> rx.Component:
    return rx.el.main(
        rx.el.span("Loading", role="status", class_name="sr-only"),
        list_skeleton(),
        doors(),
        class_name="mx-auto min-h-dvh w-full max-w-4xl bg-background px-4 pt-20 sm:px-6",
    )


def _content() -> rx.Component:
    """Without the server nobody knows who looks, so nothing is shown then."""
    return rx.cond(
        connection_var() == "online",
        rx.fragment(
            rx.el.nav(
                *(_tab(section, name) for section, name in _NAMES.items()),
                aria_label="Admin",
                class_name="mb-5 flex gap-1 overflow-x-auto",
            ),
            rx.match(
                Admin.section,
                (Section.RUNS.value, _runs()),
                (Section.EVENTS.value, _events()),
                users(),
            ),
            rx.cond(Admin.more, _more(), rx.fragment()),
        ),
        rx.el.p("This is shown while the server can be reached.", class_name="text-muted-foreground"),
    )


def _tab(section: Section, name: str) -> rx.Component:
    return rx.el.button(
        name,
        type="button",
        on_click=Admin.show(section.value),
        aria_current=rx.cond(Admin.section == section.value, "true", "false"),
        class_name=f"{QUIET} h-9 shrink-0 px-3 text-sm font-medium "
        "aria-[current=true]:bg-accent aria-[current=true]:text-foreground",
    )


def _more() -> rx.Component:
    return rx.el.button(
        "Show more",
        type="button",
        on_click=Admin.show_more,
        class_name=f"{QUIET} mt-3 h-9 px-3 text-sm",
    )


def _runs() -> rx.Component:
    return rx.cond(
        Admin.runs.length() == 0,
        rx.el.p("No reply is being made.", class_name="text-sm text-muted-foreground"),
        rx.el.ul(rx.foreach(Admin.runs, _run), aria_label="In progress", class_name="divide-y divide-border"),
    )


def _run(one: rx.Var[RunRow]) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.div(one["who"], class_name="truncate text-sm font-medium"),
            rx.el.div(
                rx.cond(one["generating"], "Generating", "Waiting"),
                " with ",
                one["model"],
                ", since ",
                calendar(one["created_at"]),
                class_name="text-xs text-muted-foreground wrap-anywhere",
            ),
            class_name="min-w-0 flex-1",
        ),
        small_button("Stop", "square", label="Stop", on_click=Admin.stop_run(one["id"])),
        key=one["id"],
        class_name="flex items-center gap-3 py-3",
    )


def _events() -> rx.Component:
    return rx.el.ul(
        rx.foreach(Admin.events, _event), aria_label="Security log", class_name="divide-y divide-border"
    )


def _event(one: rx.Var[EventRow]) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.span(one["what"], class_name="font-medium"),
            rx.cond(one["who"] != "", rx.el.span(one["who"], class_name="wrap-anywhere"), rx.fragment()),
            rx.cond(
                one["by"] != "",
                rx.el.span("by ", one["by"], class_name="wrap-anywhere text-muted-foreground"),
                rx.fragment(),
            ),
            class_name="flex flex-wrap items-baseline gap-x-2 text-sm",
        ),
        rx.el.div(
            calendar(one["at"]),
            rx.el.span(one["address"]),
            rx.el.span(one["detail"], class_name="wrap-anywhere"),
            class_name="flex flex-wrap gap-x-3 text-xs text-muted-foreground",
        ),
        key=one["id"].to(str),
        class_name="py-2.5",
    )
