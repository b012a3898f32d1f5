"""One's API keys: made, shown once, listed with their last use, revoked."""

from typing import Final

import reflex as rx
from reflex.experimental.client_state import ClientStateVar

from chatapp.ui.components.clock import calendar
from chatapp.ui.components.copying import copy_line_button
from chatapp.ui.components.fields import BUTTON, choice, field, given, problem_note, submit_button
from chatapp.ui.components.local import local
from chatapp.ui.components.sections import PLAIN, section
from chatapp.ui.components.together import together
from chatapp.ui.components.waiting import waits_for
from chatapp.ui.entrance import server_address
from chatapp.ui.keys import LASTS, KeyRow, Keys

_SMALL: Final = "h-9! px-3!"
_LATER: Final = {"30": "In 30 days", "90": "In 90 days", "365": "In a year"}


def keys_section() -> rx.Component:
    """For programs that act as whoever made the key."""
    return section(
        "API keys",
        rx.cond(
            Keys.keys.length() > 0,
            rx.el.ul(
                rx.foreach(Keys.keys, _line),
                aria_label="Your API keys",
                class_name="mb-4 divide-y divide-border rounded-2xl border border-border",
            ),
            rx.fragment(),
        ),
        rx.cond(Keys.made != "", _made(), rx.fragment()),
        _form(),
        about=rx.fragment(
            "A program that has your key is you, for everything but this page. ",
            rx.el.a(
                "How to call the API",
                href=server_address("/api/docs"),
                custom_attrs={"reloadDocument": True},
                class_name="underline underline-offset-4",
            ),
        ),
    )


def _form() -> rx.Component:
    lasts = [("Never", ""), *((_LATER[days], days) for days in LASTS if days)]
    return rx.el.form(
        problem_note(Keys.problem, rx.Var.create("key-name"), Keys.tries),
        field(
            "What is it for?",
            "key-name",
            auto_complete="off",
            max_length=80,
            required=True,
            placeholder="Backups at night",
            wrong=rx.cond(Keys.problem == "", "", "key-name").to(str),
        ),
        choice("It ends", "key-lasts", lasts),
        submit_button("Create key", class_name="w-fit"),
        on_submit=_make,
        reset_on_submit=True,
        class_name="flex max-w-90 flex-col gap-4",
    )


def _make(form: rx.Var) -> list[rx.event.EventType[()]]:
    return waits_for(Keys.make(given(form)["key-name"], given(form)["key-lasts"]))


def _made() -> rx.Component:
    return rx.el.div(
        rx.el.p("Your new key. It is shown this once:", class_name="w-full text-sm"),
        rx.el.code(
            Keys.made,
            aria_label="The new key",
            class_name="min-w-0 flex-1 basis-60 rounded-lg bg-muted px-3 py-2 font-mono text-sm select-all "
            "wrap-anywhere",
        ),
        copy_line_button(text=Keys.made),
        rx.el.button("Done", type="button", on_click=Keys.forget, class_name=f"{PLAIN} {_SMALL}"),
        role="status",
        class_name="mb-4 flex flex-wrap items-center gap-2 rounded-2xl border border-border bg-card p-4",
    )


def _line(key: rx.Var[KeyRow]) -> rx.Component:
    return rx.el.li(
        key_line(key_id=key["id"], name=key["name"], used_at=key["used_at"], ends_at=key["ends_at"]),
        key=key["id"],
    )


@rx.memo
def key_line(
    key_id: rx.Var[str], name: rx.Var[str], used_at: rx.Var[str], ends_at: rx.Var[str]
) -> rx.Component:
    """One of them; it asks before it is revoked."""
    asked = local("asked", default=False)
    used = rx.cond(used_at == "", "Never used", rx.fragment("Last used ", calendar(used_at)))
    ends = rx.cond(ends_at == "", rx.fragment(), rx.fragment(" · ends ", calendar(ends_at)))
    revoke = rx.el.button(
        "Revoke",
        type="button",
        aria_label=rx.Var.create("Revoke ") + name,
        on_click=asked.set_value(True),
        class_name=f"{PLAIN} {_SMALL}",
    )
    return together(
        rx.icon("key-round", size=18, aria_hidden=True, class_name="shrink-0 text-muted-foreground"),
        rx.el.div(
            rx.el.p(name, class_name="truncate text-sm font-medium"),
            rx.el.p(used, ends, class_name="text-xs text-muted-foreground"),
            class_name="min-w-0 flex-1",
        ),
        rx.cond(asked.value, _question(key_id, name, asked), revoke),
        class_name="flex min-h-16 items-center gap-3 px-4 py-2.5",
    )


def _question(key_id: rx.Var[str], name: rx.Var[str], asked: ClientStateVar) -> rx.Component:
    return rx.el.div(
        rx.el.button(
            "Keep",
            type="button",
            auto_focus=True,
            on_click=asked.set_value(False),
            class_name=f"{PLAIN} {_SMALL}",
        ),
        rx.el.button(
            "Revoke for good",
            type="button",
            on_click=waits_for(Keys.revoke(key_id)),
            class_name=f"{BUTTON} {_SMALL} border border-destructive text-destructive "
            "hover:bg-destructive/10",
        ),
        role="group",
        aria_label=rx.Var.create("Revoke ") + name,
        class_name="flex flex-wrap justify-end gap-2",
    )
