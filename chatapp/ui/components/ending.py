"""How a reply ended that did not end well, and what to do about it."""

import reflex as rx


def ending(status: rx.Var[str], error: rx.Var[str], more: rx.Var[bool]) -> rx.Component:
    """Nothing for a reply that is being made, or whole."""
    # What failed says by itself what to do; these are the buttons to do it with.
    next_step = rx.cond(
        more, "Continue goes on from here; Regenerate writes another one.", "Regenerate asks again."
    )
    return rx.match(
        status,
        (
            "failed",
            note(
                "circle-alert",
                rx.cond(error != "", error, "The reply failed. Please try again."),
                next_step,
                color="text-destructive",
            ),
        ),
        ("interrupted", note("unplug", "The reply was interrupted.", next_step, color="text-warning")),
        ("stopped", note("circle-stop", "Stopped.", color="text-muted-foreground")),
        rx.fragment(),
    )


def note(icon: str, *text: str | rx.Var[str], color: str) -> rx.Component:
    """A line about a reply; what follows the first sentence is quieter."""
    return rx.el.p(
        rx.icon(icon, size=16, aria_hidden=True, class_name="mt-0.5 shrink-0"),
        rx.el.span(
            rx.el.span(text[0], class_name=color),
            *(rx.el.span(" ", more, class_name="text-muted-foreground") for more in text[1:]),
            class_name="wrap-anywhere",
        ),
        class_name=f"flex items-start gap-2 mt-3 text-sm {color}",
    )
