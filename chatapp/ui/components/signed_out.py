"""A login that has ended: said calmly, with the way back to the same place."""

from typing import Final

import reflex as rx
from reflex_base.vars import VarData

#: The way to the log-in page and back to this place, as an expression in the browser.
WAY_BACK: Final = "'/login?next=' + encodeURIComponent(location.pathname + location.search)"


def signed_out_line(*, keeps: bool = True) -> rx.Component:
    """What became of the login, and, where the page `keeps` it, of what is written."""
    said = "You are signed out. What you have written is kept." if keeps else "You are signed out."
    return rx.el.div(
        rx.icon("lock", size=16, aria_hidden=True, class_name="shrink-0 text-warning"),
        rx.el.span(said, role="alert"),
        rx.el.button(
            "Log in",
            type="button",
            on_click=_way_back(),
            class_name="-mr-1.5 shrink-0 rounded-lg px-2 py-0.5 font-medium text-primary cursor-pointer "
            "hover:bg-accent",
        ),
        class_name="glass floating mx-auto mb-2 flex w-fit max-w-full items-center gap-2.5 px-4 py-2 text-sm",
    )


def signed_out_place() -> rx.Component:
    """Where the conversation was."""
    return rx.el.div(
        rx.icon("lock", size=20, aria_hidden=True, class_name="mx-auto mb-3"),
        rx.el.p("Your conversations are here again after you log in."),
        class_name="m-auto px-6 text-center text-muted-foreground",
    )


def _way_back() -> rx.event.EventSpec:
    """The page is loaded anew, since another login needs another socket."""
    return rx.call_function(rx.Var(f"() => location.assign({WAY_BACK})", _var_data=VarData()))
