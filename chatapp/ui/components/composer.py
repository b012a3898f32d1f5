"""Where one writes: never disabled, whatever the server or the model does."""

import reflex as rx
from reflex_base.vars import VarData

from chatapp.ui.chat import Chat
from chatapp.ui.components.buttons import icon_button
from chatapp.ui.components.outbox import composer_var
from chatapp.ui.components.together import together
from chatapp.ui.live import Now


class GrowingTextarea(rx.el.Textarea):
    """react-textarea-autosize: grows with its text, up to a limit."""

    library = "react-textarea-autosize@8.5.9"
    tag = "TextareaAutosize"
    is_default = True

    min_rows: rx.Var[int]
    max_rows: rx.Var[int]


def composer() -> rx.Component:
    """The field and its buttons. They share the hook that keeps what is written, so they stand together."""
    return together(
        _said(composer_var("problem")),
        rx.el.div(
            _field(),
            rx.el.div(
                rx.el.span(
                    composer_var("count"),
                    class_name="mr-auto pl-2 text-xs text-muted-foreground tabular-nums",
                ),
                _stop(),
                _send(),
                class_name="flex items-center gap-1.5 px-2 pb-2",
            ),
            class_name="rounded-3xl border border-input bg-card shadow-[var(--shadow)] transition-colors "
            "focus-within:border-ring",
        ),
        class_name="mx-auto w-full max-w-column px-3 sm:px-6",
    )


def _field() -> rx.Component:
    return GrowingTextarea.create(
        value=composer_var("text"),
        custom_attrs={
            "ref": composer_var("field"),
            "onChange": composer_var("change"),
            "onKeyDown": composer_var("key"),
        },
        aria_label="Message",
        placeholder="Write a message",
        min_rows=1,
        max_rows=10,
        rows=1,
        auto_complete="off",
        class_name="block w-full resize-none bg-transparent px-4 pt-3.5 pb-1 leading-6 outline-none "
        "placeholder:text-muted-foreground",
    )


def _send() -> rx.Component:
    return rx.el.button(
        rx.icon("arrow-up", size=19, aria_hidden=True),
        type="button",
        aria_label="Send",
        title="Send (Enter)",
        custom_attrs={"onClick": composer_var("submit")},
        class_name="inline-flex size-9 items-center justify-center rounded-full bg-primary "
        "text-primary-foreground "
        "cursor-pointer hover:opacity-90 transition-opacity",
    )


def _stop() -> rx.Component:
    busy = rx.Var(
        f'["queued", "streaming"].includes({Now.status!s})',
        _var_type=bool,
        _var_data=Now.status._get_all_var_data(),
    ).guess_type()
    stop = icon_button(
        "Stop",
        "square",
        size=15,
        on_click=Chat.stop(Now.id),
        class_name="rounded-full! border border-input [&>svg]:fill-current",
    )
    return rx.cond(busy, stop, rx.fragment())


def _said(problem: rx.Var[str]) -> rx.Component:
    """What was wrong, above the field and read aloud."""
    return rx.el.p(
        problem,
        role="alert",
        class_name="px-3 sm:px-0 pb-2 text-sm text-destructive empty:hidden wrap-anywhere",
    )


def starter(text: str) -> rx.Component:
    """A prompt to begin with; the composer sends it."""
    start = rx.Var(
        f'() => dispatchEvent(new CustomEvent("starter", {{ detail: {rx.Var.create(text)!s} }}))',
        _var_data=VarData(),
    )
    return rx.el.button(
        text,
        type="button",
        on_click=rx.call_function(start),
        class_name="rounded-2xl border border-border bg-card px-4 py-3 text-left text-sm leading-snug "
        "cursor-pointer "
        "hover:border-input hover:bg-muted transition-colors",
    )
