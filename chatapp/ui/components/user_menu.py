"""Who is here, at the foot of the list, and what they can do about it."""

import reflex as rx

from chatapp.ui.components.menu import MenuContent, MenuRoot, MenuSeparator, MenuTrigger, menu_item
from chatapp.ui.components.outbox import conversation_var
from chatapp.ui.entering import Entering
from chatapp.ui.side import Side


def user_menu() -> rx.Component:
    """Keeps its place while it is not known yet who it is."""
    unknown = rx.el.div(
        rx.el.div(class_name="bone size-7 rounded-full!", aria_hidden=True),
        class_name="after-a-moment flex h-11 items-center px-1.5",
    )
    nobody = rx.cond(Side.signed_out, rx.fragment(), unknown)
    return rx.cond(Side.person["kind"] != "", _menu(), nobody)


def _menu() -> rx.Component:
    """In the list itself, since a drawer lies above all that is outside of it."""
    return MenuRoot.create(
        MenuTrigger.create(
            _picture(),
            rx.el.span(_name(), class_name="min-w-0 flex-1 truncate text-left"),
            rx.icon("chevrons-up-down", size=16, aria_hidden=True, class_name="shrink-0 opacity-70"),
            custom_attrs={
                "aria-label": _name() + rx.Var.create(", user menu"),
                "type": "button",
                "data-press": "user-menu",
            },
            class_name="flex h-11 w-full items-center gap-2.5 rounded-xl px-1.5 text-sm cursor-pointer "
            "hover:bg-accent data-[state=open]:bg-accent transition-colors",
        ),
        MenuContent.create(
            rx.cond(Side.person["kind"] == "guest", _for_guests(), _whose()),
            menu_item("Settings", "settings", rx.redirect("/settings")),
            rx.cond(Side.person["admin"], menu_item("Admin", "shield", rx.redirect("/admin")), rx.fragment()),
            rx.cond(Side.person["kind"] == "guest", rx.fragment(), _log_out()),
            align="start",
            side="top",
            side_offset=6,
            collision_padding=8,
            class_name="floating z-50 w-(--radix-dropdown-menu-trigger-width) bg-popover p-1.5 text-sm "
            "font-normal",
        ),
        modal=False,
    )


def _name() -> rx.Var[str]:
    said = rx.cond(Side.person["name"] != "", Side.person["name"], Side.person["email"])
    return rx.cond(Side.person["kind"] == "guest", "Guest", said).to(str)


def _picture() -> rx.Component:
    return rx.el.span(
        rx.cond(
            Side.person["kind"] == "guest",
            rx.icon("user", size=15, aria_hidden=True),
            rx.el.span(_name()[0].upper()),
        ),
        aria_hidden=True,
        class_name="inline-flex size-7 shrink-0 items-center justify-center rounded-full bg-(--bubble) "
        "text-xs font-semibold text-foreground",
    )


def _whose() -> rx.Component:
    return rx.el.p(Side.person["email"], class_name="truncate px-2.5 pt-1 pb-2 text-xs text-muted-foreground")


def _for_guests() -> rx.Component:
    cid = conversation_var()
    place = rx.cond(cid == "", "", rx.Var.create("next=/c/") + cid).to(str)
    return rx.fragment(
        rx.cond(
            Side.person["may_join"],
            menu_item("Create account", "user-plus", rx.redirect(rx.Var.create("/login?create=1&") + place)),
            rx.fragment(),
        ),
        menu_item("Log in", "log-in", rx.redirect(rx.Var.create("/login?") + place)),
        _line(),
    )


def _log_out() -> rx.Component:
    return rx.fragment(_line(), menu_item("Log out", "log-out", Entering.log_out()))


def _line() -> rx.Component:
    return MenuSeparator.create(class_name="mx-2.5 my-1.5 h-px bg-border")
