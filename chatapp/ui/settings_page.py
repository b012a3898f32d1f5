"""`/settings`: one's own account."""

from typing import Final

import reflex as rx

from chatapp.ui.components.clock import calendar
from chatapp.ui.components.fields import BUTTON, field, given, password_field, problem_note, submit_button
from chatapp.ui.components.frame import page_frame
from chatapp.ui.components.keys import keys_section
from chatapp.ui.components.sections import PLAIN, section
from chatapp.ui.components.waiting import waits_for
from chatapp.ui.entrance import server_address
from chatapp.ui.own_account import DELETION, NAME, PASSWORD, LoginRow, OwnAccount
from chatapp.ui.side import Side

_FORM: Final = "flex max-w-90 flex-col gap-4"


def add_settings_page(app: rx.App) -> None:
    """For whoever has a login; guests are shown how to make an account."""
    app.add_page(settings_page, route="/settings", title="Settings · chatapp", on_load=OwnAccount.arrive)


def settings_page() -> rx.Component:
    """Sections one below the other; each is done for itself."""
    return page_frame(
        "Settings",
        rx.cond(
            OwnAccount.ready,
            rx.fragment(_who(), keys_section(), _data(), _deletion()),
            _skeleton(),
        ),
        class_name="max-w-160",
    )


def _guest() -> rx.Component:
    return section(
        "Account",
        rx.cond(
            Side.person["may_join"],
            rx.el.button(
                "Create account",
                type="button",
                on_click=rx.redirect("/login?create=1&next=/settings"),
                class_name=f"{BUTTON} bg-primary text-primary-foreground hover:opacity-90",
            ),
            rx.fragment(),
        ),
        about="You are here as a guest: your conversations are kept for this browser alone. With an account "
        "they come along to every other one.",
    )


def _who() -> rx.Component:
    return rx.cond(Side.person["kind"] == "guest", _guest(), _member())


def _member() -> rx.Component:
    return rx.fragment(_profile(), _password(), _logins())


def _profile() -> rx.Component:
    return section(
        "Profile",
        rx.el.form(
            _problem(NAME),
            field(
                "Name",
                "name",
                default_value=Side.person["name"],
                auto_complete="name",
                max_length=80,
                wrong=OwnAccount.field,
            ),
            submit_button("Save", class_name="w-fit"),
            on_submit=lambda form: waits_for(OwnAccount.rename(given(form)["name"])),
            class_name=_FORM,
        ),
        about=rx.fragment("You are logged in as ", rx.el.strong(Side.person["email"]), "."),
    )


def _password() -> rx.Component:
    return section(
        "Password",
        rx.el.form(
            _problem(PASSWORD),
            # Without it a password manager does not know whose password it is that changes.
            rx.el.input(
                type="text",
                name="username",
                value=Side.person["email"],
                read_only=True,
                auto_complete="username",
                aria_hidden=True,
                tab_index=-1,
                class_name="hidden",
            ),
            password_field(
                "Current password", "old", auto_complete="current-password", wrong=OwnAccount.field
            ),
            password_field(
                "New password",
                "new",
                hint="At least 8 characters.",
                auto_complete="new-password",
                min_length=8,
                wrong=OwnAccount.field,
            ),
            submit_button("Change password", class_name="w-fit"),
            on_submit=_change_password,
            reset_on_submit=True,
            class_name=_FORM,
        ),
        about="When it changes, all other browsers are signed out.",
    )


def _change_password(form: rx.Var) -> list[rx.event.EventType[()]]:
    return waits_for(OwnAccount.change_password(given(form)["old"], given(form)["new"]))


def _logins() -> rx.Component:
    return section(
        "Where you are logged in",
        rx.el.ul(
            rx.foreach(OwnAccount.logins, _login),
            class_name="divide-y divide-border rounded-2xl border border-border",
        ),
        rx.cond(
            OwnAccount.logins.length() > 1,
            rx.el.button(
                "End all others",
                type="button",
                on_click=waits_for(OwnAccount.end_others()),
                class_name=f"{PLAIN} mt-3",
            ),
            rx.fragment(),
        ),
        about="A login that is ended is signed out within seconds.",
    )


def _data() -> rx.Component:
    return section(
        "Your data",
        rx.el.a(
            rx.icon("download", size=16, aria_hidden=True),
            "Export everything",
            href=server_address("/api/export"),
            download=True,
            # It is no page: the browser fetches it, and not the page's router.
            custom_attrs={"reloadDocument": True},
            class_name=f"{PLAIN} w-fit",
        ),
        about="One JSON file with your account and all your conversations, every version of each message.",
    )


def _deletion() -> rx.Component:
    """Folded, so that nobody comes upon it; members must know the password."""
    button = rx.el.button(
        "Delete everything for good",
        type="submit",
        class_name=f"{BUTTON} w-fit border border-destructive text-destructive hover:bg-destructive/10",
    )
    password = password_field(
        "Your password", "deletion", auto_complete="current-password", wrong=OwnAccount.field
    )
    return section(
        "Delete account",
        rx.el.details(
            rx.el.summary(
                "Delete this account", class_name="w-fit text-sm font-medium text-destructive cursor-pointer"
            ),
            rx.el.form(
                _problem(DELETION),
                rx.cond(Side.person["kind"] == "guest", rx.fragment(), password),
                button,
                on_submit=_delete,
                reset_on_submit=True,
                class_name=f"mt-4 {_FORM}",
            ),
        ),
        about="Your conversations go with it, for good. Nothing of it can be brought back.",
    )


def _delete(form: rx.Var) -> list[rx.event.EventType[()]]:
    written = rx.Var(f"({given(form)!s}.deletion ?? '')", _var_type=str).guess_type()
    return waits_for(OwnAccount.delete(written))


def _login(one: rx.Var[LoginRow]) -> rx.Component:
    end = rx.el.button(
        "End",
        type="button",
        aria_label=rx.Var.create("End ") + one["name"],
        on_click=waits_for(OwnAccount.end_login(one["id"])),
        class_name=f"{PLAIN} h-9! px-3!",
    )
    return rx.el.li(
        rx.icon("monitor-smartphone", size=18, aria_hidden=True, class_name="shrink-0 text-muted-foreground"),
        rx.el.div(
            rx.el.p(one["name"], class_name="truncate text-sm font-medium"),
            rx.el.p(
                rx.cond(one["current"], "This browser", rx.fragment("Last seen ", calendar(one["seen_at"]))),
                class_name="text-xs text-muted-foreground",
            ),
            class_name="min-w-0 flex-1",
        ),
        rx.cond(one["current"], rx.fragment(), end),
        key=one["id"],
        class_name="flex min-h-16 items-center gap-3 px-4 py-2.5",
    )


def _problem(form: str) -> rx.Component:
    here = rx.cond(OwnAccount.refused == form, OwnAccount.problem, "").to(str)
    return problem_note(here, OwnAccount.field, OwnAccount.tries)


def _skeleton() -> rx.Component:
    widths = ("w-1/3", "w-2/3", "w-1/2")
    return rx.el.div(
        rx.el.span("Loading your settings", role="status", class_name="sr-only"),
        *(rx.el.div(class_name=f"bone h-5 {width}", aria_hidden=True) for width in widths),
        class_name="after-a-moment flex flex-col gap-4",
    )
