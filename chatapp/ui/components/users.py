"""Users in the admin's list: who they are, and a menu of what can be done about them."""

import reflex as rx

from chatapp.ui.admin import Admin
from chatapp.ui.components.browser import code
from chatapp.ui.components.clock import calendar
from chatapp.ui.components.menu import menu, menu_item
from chatapp.ui.components.waiting import waits_for
from chatapp.ui.overseen import UserRow

_BADGE = "rounded-md bg-muted px-1.5 text-xs leading-5 text-muted-foreground"
_BUTTON = (
    "inline-flex h-9 items-center rounded-lg border border-border px-3 text-sm font-medium cursor-pointer"
)


def users() -> rx.Component:
    """The newest first, or those that are looked for."""
    return rx.fragment(
        rx.el.input(
            type="search",
            aria_label="Search users",
            placeholder="Search by name or email",
            auto_complete="off",
            default_value=Admin.search,
            on_change=Admin.find,
            class_name="mb-3 h-10 w-full rounded-xl border border-input bg-background px-3 text-sm",
        ),
        rx.cond(
            Admin.users.length() == 0,
            rx.el.p("Nobody was found.", role="status", class_name="text-sm text-muted-foreground"),
            rx.el.ul(rx.foreach(Admin.users, _user), aria_label="Users", class_name="divide-y divide-border"),
        ),
    )


def _user(one: rx.Var[UserRow]) -> rx.Component:
    is_asked = Admin.question["account_id"] == one["id"]
    return rx.el.li(
        rx.el.div(
            rx.el.div(_who(one), _facts(one), class_name="min-w-0 flex-1"),
            _menu(one),
            class_name="flex items-center gap-3",
        ),
        rx.cond(is_asked & (Admin.question["what"] == "delete"), _delete(one), rx.fragment()),
        rx.cond(is_asked & (Admin.question["what"] == "reset"), _reset(one), rx.fragment()),
        rx.cond(Admin.secret["account_id"] == one["id"], _secret(), rx.fragment()),
        key=one["id"],
        custom_attrs={"data-account": one["id"]},
        class_name="py-3",
    )


def _who(one: rx.Var[UserRow]) -> rx.Component:
    return rx.el.div(
        rx.el.span(one["who"], class_name="truncate text-sm font-medium"),
        *(
            rx.cond(one[field], rx.el.span(text, class_name=f"shrink-0 {_BADGE}"), rx.fragment())
            for field, text in (("is_me", "You"), ("is_admin", "Admin"), ("disabled", "Disabled"))
        ),
        class_name="flex min-w-0 items-center gap-2",
    )


def _facts(one: rx.Var[UserRow]) -> rx.Component:
    count = one["conversations"]
    return rx.el.div(
        rx.cond(one["email"] != "", rx.el.span(one["email"], class_name="wrap-anywhere"), rx.fragment()),
        rx.el.span(count, rx.cond(count == 1, " conversation", " conversations")),
        rx.cond(
            one["seen_at"] == "",
            rx.el.span("Not signed in"),
            rx.el.span("Last here ", calendar(one["seen_at"])),
        ),
        class_name="flex flex-wrap gap-x-3 text-xs text-muted-foreground",
    )


def _menu(one: rx.Var[UserRow]) -> rx.Component:
    id_ = one["id"]
    role = rx.cond(
        one["is_admin"],
        menu_item("Take the admin role away", "shield-off", Admin.make_admin(id_, False)),
        menu_item("Make admin", "shield", Admin.make_admin(id_, True)),
    )
    reset = menu_item("Reset the password…", "key-round", Admin.ask("reset", id_))
    return menu(
        "More",
        rx.cond(one["is_member"], rx.fragment(role, reset), rx.fragment()),
        rx.cond(
            one["disabled"],
            menu_item("Enable", "user-check", Admin.disable(id_, False)),
            menu_item("Disable", "user-x", Admin.disable(id_, True)),
        ),
        menu_item("Delete with all data…", "trash-2", Admin.ask("delete", id_), danger=True),
    )


def _delete(one: rx.Var[UserRow]) -> rx.Component:
    return _question(
        one,
        "Delete this account and all that it has? Nobody can bring it back.",
        "Delete for good",
        Admin.delete(one["id"]),
    )


def _reset(one: rx.Var[UserRow]) -> rx.Component:
    return _question(
        one,
        "Give this account a new password? All its logins end, and the old password counts no more.",
        "Reset the password",
        Admin.reset_password(one["id"]),
    )


def _question(one: rx.Var[UserRow], text: str, yes: str, event: rx.event.EventType[()]) -> rx.Component:
    return rx.el.div(
        rx.el.p(text, class_name="w-full text-sm text-pretty"),
        rx.el.button(
            "Cancel",
            type="button",
            auto_focus=True,
            on_click=Admin.never_mind,
            # The menu that asked does not take the focus away from here.
            custom_attrs={"data-back": ""},
            class_name=f"{_BUTTON} hover:bg-accent",
        ),
        rx.el.button(
            yes,
            type="button",
            on_click=waits_for(event),
            class_name=f"{_BUTTON} text-destructive hover:bg-accent",
        ),
        role="group",
        aria_label=one["who"],
        custom_attrs={
            "ref": code("handOver"),
            "data-next": "li[data-account='" + one["id"].to(str) + "'] button",
        },
        class_name="mt-3 flex flex-wrap gap-2 rounded-xl border border-border bg-card p-3",
    )


def _secret() -> rx.Component:
    return rx.el.div(
        rx.el.p("The new password. It is shown this once:", class_name="w-full text-sm"),
        rx.el.code(
            Admin.secret["password"],
            class_name="min-w-0 flex-1 rounded-lg bg-muted px-3 py-1.5 font-mono text-sm select-all "
            "wrap-anywhere",
        ),
        rx.el.button(
            "Done",
            type="button",
            on_click=Admin.forget_password,
            class_name=f"{_BUTTON} hover:bg-accent",
        ),
        role="status",
        class_name="mt-3 flex flex-wrap items-center gap-2 rounded-xl border border-border bg-card p-3",
    )
