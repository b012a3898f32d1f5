"""Buttons of one kind: an icon with a name, quiet until it is pointed at."""

from typing import Any, Final

import reflex as rx

#: The look of what is quiet until it is pointed at.
QUIET: Final = (
    "inline-flex items-center justify-center gap-1.5 rounded-lg text-muted-foreground cursor-pointer "
    "hover:bg-accent hover:text-foreground transition-colors"
)


def icon_button(name: str, icon: str, *, size: int = 18, class_name: str = "", **props: Any) -> rx.Component:
    """A square button; its name is read aloud and shown when the pointer rests on it."""
    return rx.el.button(
        rx.icon(icon, size=size, aria_hidden=True),
        type="button",
        aria_label=name,
        title=name,
        class_name=f"{QUIET} size-9 shrink-0 {class_name}",
        **props,
    )


def small_button(
    name: str | rx.Var[str], icon: str, *, label: str = "", class_name: str | rx.Var[str] = "", **props: Any
) -> rx.Component:
    """A button below a message; `label` stands beside the icon on a wide screen."""
    return rx.el.button(
        rx.icon(icon, size=16, aria_hidden=True),
        rx.el.span(label, class_name="hidden sm:inline") if label else rx.fragment(),
        type="button",
        aria_label=name,
        title=props.pop("title", name),
        class_name=f"{QUIET} h-8 min-w-8 pointer-coarse:h-9 pointer-coarse:min-w-9 px-2 text-xs {class_name}",
        **props,
    )
