"""`/login`: logging in and creating an account, by the same form."""

from typing import Any

import reflex as rx
from reflex_base.vars import VarData

from chatapp.ui.components.browser import code
from chatapp.ui.components.buttons import icon_button
from chatapp.ui.components.connection import connection
from chatapp.ui.components.doors import door_out
from chatapp.ui.components.fields import BUTTON, field, given, password_field, problem_note, submit_button
from chatapp.ui.components.waiting import waits_for
from chatapp.ui.entering import Entering
from chatapp.ui.entrance import server_address
from chatapp.ui.side import Side


def add_login_page(app: rx.App) -> None:
    """`next` in its address is where one goes from there: a path of this app, or it is not heeded."""
    app.add_page(login_page, route="/login", title="Log in · chatapp", on_load=Entering.arrive)


def login_page() -> rx.Component:
    """The form in the middle, and nothing else to look at."""
    return rx.el.div(
        rx.el.header(
            rx.el.span("chatapp", class_name="flex-1 pl-2 font-semibold tracking-tight"),
            connection(),
            icon_button("Toggle theme", "sun-moon", on_click=rx.toggle_color_mode),
            class_name="flex h-(--header) shrink-0 items-center gap-1 px-3",
        ),
        rx.el.main(
            rx.el.div(
                rx.cond(Entering.ready, _form_and_ways(), _skeleton()),
                class_name="w-full max-w-90",
            ),
            class_name="flex flex-1 flex-col items-center px-6 pt-[9dvh] pb-12",
        ),
        door_out(),
        class_name="flex min-h-dvh flex-col bg-background text-foreground",
    )


def _form_and_ways() -> rx.Component:
    return rx.fragment(_heading(), rx.cond(Entering.creating, _creating(), _logging_in()), _other_ways())


def _skeleton() -> rx.Component:
    """Until it is known whether somebody is logged in already."""
    return rx.el.div(
        rx.el.span("Loading", role="status", class_name="sr-only"),
        *(rx.el.div(class_name=f"bone {size}", aria_hidden=True) for size in ("h-8 w-1/3", "h-11", "h-11")),
        class_name="after-a-moment flex flex-col gap-6",
    )


def _heading() -> rx.Component:
    keeps = "You are here as a guest, and your conversations come along."
    leaves = (
        "You are here as a guest. The guest's conversations do not move to an account that is there already."
    )
    return rx.el.div(
        rx.el.h1(
            rx.cond(Entering.creating, "Create account", "Log in"),
            class_name="text-2xl font-semibold tracking-tight",
        ),
        rx.el.p(
            rx.cond(
                Entering.creating,
                rx.cond(Entering.keeps, keeps, "Yours in every browser that you use."),
                rx.cond(Entering.keeps, leaves, "Your conversations are where you left them."),
            ),
            class_name="mt-1 text-muted-foreground text-pretty",
        ),
        class_name="mb-7",
    )


def _logging_in() -> rx.Component:
    return _form(
        _email(auto_focus=True),
        password_field("Password", "password", auto_complete="current-password", wrong=Entering.field),
        submit="Log in",
        on_submit=_log_in,
    )


def _creating() -> rx.Component:
    return _form(
        field(
            "Name",
            "name",
            auto_complete="name",
            max_length=80,
            placeholder="Optional",
            auto_focus=True,
            wrong=Entering.field,
            **_kept("name"),
        ),
        _email(),
        password_field(
            "Password",
            "password",
            hint="At least 8 characters.",
            auto_complete="new-password",
            min_length=8,
            wrong=Entering.field,
        ),
        submit="Create account",
        on_submit=_register,
    )


def _log_in(form: rx.Var) -> list[rx.event.EventType[()]]:
    return waits_for(Entering.log_in(given(form)["email"], given(form)["password"]))


def _register(form: rx.Var) -> list[rx.event.EventType[()]]:
    written = given(form)
    return waits_for(Entering.register(written["name"], written["email"], written["password"]))


def _email(**props: Any) -> rx.Component:
    return field(
        "Email",
        "email",
        type="email",
        auto_complete="username",
        required=True,
        max_length=254,
        auto_capitalize="none",
        spell_check=False,
        wrong=Entering.field,
        **_kept("email"),
        **props,
    )


def _kept(name: str) -> dict[str, Any]:
    """Of a field, but no password's: between logging in and creating an account nobody writes it twice."""
    return {"default_value": code(f"written.{name}"), "custom_attrs": {"onInput": code("noteWritten")}}


def _form(*fields: rx.Component, submit: str, on_submit: rx.event.EventType) -> rx.Component:
    return rx.el.form(
        problem_note(Entering.problem, Entering.field, Entering.tries),
        *fields,
        submit_button(submit, waits_until=(Entering.tries, Entering.ready, Side.epoch), class_name="pt-1"),
        on_submit=on_submit,
        class_name="flex flex-col gap-5",
    )


def _other_ways() -> rx.Component:
    """To an account, and, where guests are welcome, in without one."""
    to_account = _switch("You are new here?", "Create account", to_creating=True)
    other = rx.cond(
        Entering.creating,
        _switch("You have an account?", "Log in", to_creating=False),
        rx.cond(Entering.sign_up, to_account, rx.fragment()),
    )
    return rx.el.div(
        other,
        rx.cond(Entering.guests, _without(), rx.fragment()),
        class_name="mt-6 flex flex-col items-center gap-4 text-sm",
    )


def _switch(question: str, answer: str, *, to_creating: bool) -> rx.Component:
    return rx.el.p(
        rx.el.span(question, class_name="text-muted-foreground"),
        rx.el.button(
            answer,
            type="button",
            on_click=Entering.show(to_creating),
            class_name="ml-1 rounded-md px-1 py-0.5 font-medium text-primary cursor-pointer hover:underline",
        ),
    )


def _without() -> rx.Component:
    """As the guest that one is, or as a new one when the login here has ended."""
    text = "Continue without an account"
    look = f"{BUTTON} w-full border border-border bg-background hover:border-input"
    return rx.cond(
        Entering.is_guest,
        rx.el.button(text, type="button", on_click=rx.redirect("/"), class_name=look),
        rx.el.button(text, type="button", on_click=_as_new_guest(), class_name=look),
    )


def _as_new_guest() -> rx.event.EventSpec:
    """The cookie of the login that has ended goes; the page's head then asks for another."""
    forget = f'fetch({server_address("/api/logout")!s}, {{ method: "POST", credentials: "include" }})'
    return rx.call_function(
        rx.Var(f'() => {forget}.finally(() => location.replace("/"))', _var_data=VarData())
    )
