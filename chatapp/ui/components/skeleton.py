"""What stands where something is on its way, when it takes longer than a moment."""

import reflex as rx


def log_skeleton() -> rx.Component:
    """A conversation that is being read."""
    return rx.el.div(
        rx.el.span("Loading the conversation", role="status", class_name="sr-only"),
        rx.el.div(
            _bone("ml-auto h-10 w-1/2"),
            *(_bone(f"h-4 {width}") for width in ("w-full", "w-11/12", "w-4/5", "w-2/3")),
            aria_hidden=True,
            class_name="mx-auto flex max-w-column flex-col gap-4 px-4 pt-20 sm:px-6",
        ),
        class_name="after-a-moment flex-1",
    )


def list_skeleton() -> rx.Component:
    """A list that is being read."""
    widths = ("w-3/4", "w-11/12", "w-2/3", "w-5/6", "w-1/2")
    return rx.el.div(
        *(_bone(f"h-4 {width}") for width in widths),
        aria_hidden=True,
        class_name="after-a-moment flex flex-col gap-5 px-2.5 pt-3",
    )


def _bone(class_name: str) -> rx.Component:
    return rx.el.div(class_name=f"bone {class_name}")
