"""Sections of a page of settings, one below the other."""

from typing import Final

import reflex as rx

from chatapp.ui.components.fields import BUTTON

#: A button that is not the one thing to do.
PLAIN: Final = f"{BUTTON} border border-input bg-background hover:bg-accent"


def section(title: str, *children: rx.Component, about: str | rx.Component) -> rx.Component:
    """A part with its title, and what it is about below that."""
    return rx.el.section(
        rx.el.h2(title, class_name="text-lg font-semibold tracking-tight"),
        rx.el.p(about, class_name="mt-0.5 text-sm text-muted-foreground text-pretty"),
        rx.el.div(*children, class_name="mt-4"),
        aria_label=title,
        class_name="border-b border-border py-7 first:pt-0 last:border-0",
    )
