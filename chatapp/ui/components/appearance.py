"""How the page looks: the theme and the accent, kept in this browser."""

from typing import Final

import reflex as rx
from reflex.style import color_mode, set_color_mode

from chatapp.ui.components.browser import do, kept
from chatapp.ui.components.buttons import icon_button
from chatapp.ui.components.together import together
from chatapp.ui.theme import ACCENTS

_ID: Final = "appearance"


def appearance() -> rx.Component:
    """A button, and the browser's own popover: it closes on Escape and outside, and gives the focus back."""
    return rx.fragment(
        icon_button("Appearance", "palette", custom_attrs={"popoverTarget": _ID}),
        rx.el.div(
            _theme(),
            _accent(),
            id=_ID,
            custom_attrs={"popover": "auto"},
            role="dialog",
            aria_label="Appearance",
            class_name="floating glass w-68 p-4 text-sm",
        ),
    )


def _theme() -> rx.Component:
    return rx.el.fieldset(
        rx.el.legend("Theme", class_name="mb-2 font-medium"),
        rx.el.div(
            *(_mode(mode) for mode in ("system", "light", "dark")),
            class_name="grid grid-cols-3 gap-1 rounded-xl bg-muted p-1",
        ),
        class_name="mb-4",
    )


def _mode(mode: str) -> rx.Component:
    return rx.el.label(
        rx.el.input(
            type="radio",
            name="theme",
            value=mode,
            checked=color_mode == mode,
            on_change=set_color_mode(mode),
            class_name="absolute inset-0 m-0 appearance-none rounded-lg cursor-pointer",
        ),
        mode.capitalize(),
        class_name="relative rounded-lg py-1 text-center text-muted-foreground transition-colors "
        "has-checked:bg-background has-checked:text-foreground has-checked:shadow-sm",
    )


def _accent() -> rx.Component:
    chosen = kept("accent", ACCENTS[0])
    return together(
        rx.el.fieldset(
            rx.el.legend("Accent", class_name="mb-2 font-medium"),
            rx.el.div(*(_swatch(name, chosen) for name in ACCENTS), class_name="flex justify-between"),
        )
    )


def _swatch(name: str, chosen: rx.Var[str]) -> rx.Component:
    return rx.el.input(
        type="radio",
        name="accent",
        value=name,
        checked=chosen == name,
        on_change=do(f'keep("accent", "{name}")'),
        aria_label=name.capitalize(),
        title=name.capitalize(),
        custom_attrs={"data-accent": name},
        class_name="swatch",
    )
