"""Toasts: a polite region in the corner. Its key is F8; the pointer or the focus on one holds it."""

from typing import Final

import reflex as rx
from reflex_base.components.component import Component

from chatapp.ui.components.browser import code
from chatapp.ui.components.buttons import icon_button
from chatapp.ui.components.waiting import waits_for
from chatapp.ui.toasts import Toast, Toasts

_LIBRARY: Final = "@radix-ui/react-toast@1.3.1"
#: Milliseconds. One with a button stays long enough to reach it by keyboard.
_SHORT, _LONG = 5_000, 12_000


class ToastProvider(Component):
    """Knows all toasts, and in which direction one is swiped away."""

    library = _LIBRARY
    tag = "Provider"
    alias = "ToastProvider"

    swipe_direction: rx.Var[str]
    label: rx.Var[str]


class ToastRoot(Component):
    """One toast."""

    library = _LIBRARY
    tag = "Root"
    alias = "ToastRoot"

    type: rx.Var[str]
    duration: rx.Var[int]
    on_open_change: rx.EventHandler[rx.event.passthrough_event_spec(bool)]


class ToastText(Component):
    """What it says."""

    library = _LIBRARY
    tag = "Description"
    alias = "ToastDescription"


class ToastAction(Component):
    """Its button; `alt_text` is for whoever hears of it when it may be gone."""

    library = _LIBRARY
    tag = "Action"
    alias = "ToastAction"

    alt_text: rx.Var[str]


class ToastViewport(Component):
    """Where toasts are."""

    library = _LIBRARY
    tag = "Viewport"
    alias = "ToastViewport"

    label: rx.Var[str]


def toasts() -> rx.Component:
    """All toasts, the newest lowest."""
    return ToastProvider.create(
        rx.foreach(Toasts.shown, _toast),
        ToastViewport.create(
            label="Notifications ({hotkey})",
            class_name="toasts",
            # Not to open and close, but to lie above an open drawer.
            custom_attrs={"popover": "manual"},
        ),
        swipe_direction="right",
        label="Notification",
    )


def _toast(one: rx.Var[Toast]) -> rx.Component:
    has_action = one["action"] != ""
    undo = ToastAction.create(
        one["action"],
        alt_text="Press F8 to undo",
        on_click=waits_for(Toasts.undo(one["id"])),
        class_name="rounded-lg px-2.5 py-1 text-sm font-medium text-primary cursor-pointer hover:bg-accent",
    )
    return ToastRoot.create(
        rx.cond(
            one["kind"] == "error",
            rx.icon("circle-alert", size=18, aria_hidden=True, class_name="shrink-0 text-destructive"),
            rx.icon("check", size=18, aria_hidden=True, class_name="shrink-0 text-success"),
        ),
        ToastText.create(one["text"], class_name="flex-1 wrap-anywhere"),
        rx.cond(has_action, undo, rx.fragment()),
        icon_button("Dismiss", "x", size=16, class_name="size-8!", on_click=Toasts.close(one["id"])),
        key=one["id"],
        type=rx.cond(one["kind"] == "error", "foreground", "background"),
        duration=rx.cond(has_action, _LONG, _SHORT),
        on_open_change=Toasts.close(one["id"]),
        custom_attrs={"ref": code("handOver"), "data-next": "textarea[aria-label=Message]"},
        class_name="toast glass",
    )
