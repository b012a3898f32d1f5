"""An address at which nothing is, or nothing for whoever asks: the page does not say which."""

import reflex as rx
from reflex_components_core.react_router import ReactRouterLink


def not_there() -> rx.Component:
    """Fills the window."""
    return rx.el.main(
        rx.el.h1("This page was not found", class_name="text-xl font-semibold"),
        rx.el.p("There is nothing at this address.", class_name="mt-2 text-muted-foreground"),
        ReactRouterLink.create(
            "Back to the chat",
            to="/",
            class_name="mt-5 rounded-full bg-primary px-4 py-2 text-sm font-medium text-primary-foreground",
        ),
        class_name="flex h-dvh flex-col items-center justify-center bg-background px-6 text-center "
        "text-foreground",
    )
