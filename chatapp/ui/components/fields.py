"""Fields of forms, each with its name above it, and the buttons that send them."""

from collections.abc import Sequence
from typing import Any, Final

import reflex as rx
from reflex.experimental.client_state import ClientStateVar
from reflex_base.vars import VarData

from chatapp.ui.components.browser import BrowserGlue, code
from chatapp.ui.components.local import local
from chatapp.ui.components.together import together

#: 16 px: below that phones zoom in on a field that has the focus.
_FIELD: Final = (
    "h-11 w-full rounded-xl border border-input bg-background px-3.5 text-base text-foreground "
    "placeholder:text-muted-foreground aria-invalid:border-destructive"
)
#: What all buttons of forms have in common.
BUTTON: Final = (
    "inline-flex h-11 items-center justify-center gap-2 rounded-xl px-4 text-sm font-medium cursor-pointer "
    "transition-opacity"
)
_HINT: Final = "mt-1.5 text-sm text-muted-foreground"
_LABEL: Final = "mb-1.5 block text-sm font-medium"


def given(form: rx.Var) -> rx.Var[dict[str, str]]:
    """What was written into the fields of a form that is sent, by their names."""
    return form.to(dict[str, str])


def field(label: str, name: str, *, wrong: rx.Var[str], **props: Any) -> rx.Component:
    """A line of text; `name` is its id too. It is marked while `wrong`, which was refused, is its name."""
    return rx.el.div(
        rx.el.label(label, html_for=name, class_name=_LABEL),
        rx.el.input(id=name, name=name, class_name=_FIELD, aria_invalid=_is(name, wrong), **props),
    )


def choice(label: str, name: str, options: Sequence[tuple[str, str]]) -> rx.Component:
    """One of some; each option is what is read and what is sent."""
    return rx.el.div(
        rx.el.label(label, html_for=name, class_name=_LABEL),
        rx.el.div(
            rx.el.select(
                *(rx.el.option(text, value=value) for text, value in options),
                id=name,
                name=name,
                class_name=f"{_FIELD} appearance-none pr-11! cursor-pointer",
            ),
            rx.icon(
                "chevron-down",
                size=18,
                aria_hidden=True,
                class_name="pointer-events-none absolute right-3.5 top-3.5 text-muted-foreground",
            ),
            class_name="relative",
        ),
    )


def password_field(
    label: str, name: str, *, wrong: rx.Var[str], hint: str | rx.Component = "", **props: Any
) -> rx.Component:
    """A password, which can be shown; `hint` is said below it, `wrong` as for `field`."""
    shown = local(f"{name}Shown", default=False)
    described = {"aria_describedby": f"{name}-hint"} if hint else {}
    return together(
        rx.el.label(label, html_for=name, class_name=_LABEL),
        rx.el.div(
            rx.el.input(
                id=name,
                name=name,
                type=rx.cond(shown.value, "text", "password"),
                required=True,
                max_length=256,
                auto_capitalize="none",
                spell_check=False,
                class_name=f"{_FIELD} pr-11!",
                aria_invalid=_is(name, wrong),
                **described,
                **props,
            ),
            _eye(shown),
            class_name="relative",
        ),
        rx.el.p(hint, id=f"{name}-hint", class_name=_HINT) if hint else rx.fragment(),
    )


def _is(name: str, wrong: rx.Var[str]) -> rx.Var:
    return rx.cond(wrong == name, "true", "false")


def _eye(shown: ClientStateVar) -> rx.Component:
    return rx.el.button(
        rx.cond(
            shown.value,
            _icon("eye-off"),
            _icon("eye"),
        ),
        type="button",
        # Not named after the field: who looks for that is to find one thing.
        aria_label="Show what is typed",
        title="Show what is typed",
        aria_pressed=rx.cond(shown.value, "true", "false"),
        on_click=shown.set_value(~shown.value),
        class_name="absolute inset-y-0 right-0 inline-flex w-11 items-center justify-center rounded-xl "
        "text-muted-foreground cursor-pointer hover:text-foreground",
    )


def _icon(name: str) -> rx.Component:
    return rx.icon(name, size=18, aria_hidden=True)


def problem_note(text: rx.Var[str], where: rx.Var[str], tries: rx.Var[int]) -> rx.Component:
    """What was refused, read aloud; the focus goes to the field with the id `where`, if there is one."""
    return rx.cond(
        text != "",
        rx.el.p(
            rx.icon("circle-alert", size=16, aria_hidden=True, class_name="mt-0.5 shrink-0"),
            rx.el.span(text),
            role="alert",
            key=tries.to_string(),
            custom_attrs={"ref": code("toField"), "data-field": where},
            class_name="flex gap-2 rounded-xl bg-destructive/10 px-3.5 py-2.5 text-sm text-destructive",
        ),
        rx.fragment(),
    )


def submit_button(
    text: str | rx.Var[str], *, waits_until: Sequence[rx.Var] = (), class_name: str = ""
) -> rx.Component:
    """Sends its form. With `waits_until` it says that it waits, and takes no second press, until one of these
    vars changes; that is for a page with one form."""
    waits = _waits(*waits_until) if waits_until else rx.Var.create(False)
    spinner = rx.icon("loader-circle", size=16, aria_hidden=True, class_name="animate-spin")
    return together(
        rx.el.button(
            rx.cond(waits, spinner, rx.fragment()) if waits_until else rx.fragment(),
            text,
            type="submit",
            disabled=waits,
            class_name=f"{BUTTON} w-full bg-primary text-primary-foreground hover:opacity-90 "
            "disabled:cursor-default disabled:opacity-70",
        ),
        class_name=class_name,
    )


def _waits(*answers: rx.Var) -> rx.Var[bool]:
    data = VarData.merge(
        *(one._get_all_var_data() for one in answers), VarData(components=(BrowserGlue.create(),))
    )
    hook = f"const waits = useWaiting({', '.join(str(one) for one in answers)})"
    return rx.Var(
        "waits", _var_type=bool, _var_data=VarData.merge(data, VarData(hooks={hook: data}))
    ).guess_type()
