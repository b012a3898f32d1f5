"""What a person wrote: as it is, never read as markdown. It is changed where it stands."""

from typing import Final

import reflex as rx

from chatapp.ui.chat import Chat
from chatapp.ui.components.buttons import small_button
from chatapp.ui.components.clock import clock
from chatapp.ui.components.copying import copy_button
from chatapp.ui.components.editor import Editing
from chatapp.ui.components.local import local, script
from chatapp.ui.components.together import together
from chatapp.ui.components.versions import versions
from chatapp.ui.rows import Siblings

ARTICLE: Final = "message mx-auto w-full max-w-column px-4 sm:px-6"
_FOOTER: Final = "flex min-h-8 pointer-coarse:min-h-9 items-center justify-end mt-0.5 mr-1"
#: The text is folded when it would have more lines than this, by a guess at how much goes into one.
_FOLD: Final = (
    "((text) => text.split('\\n', 40)"
    ".reduce((lines, one) => lines + 1 + Math.floor(one.length / 72), 0) > 14)"
)


@rx.memo
def user_message(
    message_id: rx.Var[str],
    at: rx.Var[str],
    text: rx.Var[str],
    siblings: rx.Var[Siblings],
) -> rx.Component:
    """A message of the conversation, with what one can do to it."""
    editing = Editing(message_id, text)
    return rx.el.article(
        together(
            rx.cond(
                editing.now,
                editing.editor("Other words", lambda new, key: Chat.edit(message_id, new, key)),
                rx.fragment(
                    _bubble(text),
                    _footer(editing, message_id, text, versions(siblings), at),
                ),
            ),
            class_name="w-fit max-w-[85%] sm:max-w-[75%] has-[[data-editor]]:w-full",
        ),
        data_message_id=message_id,
        data_role="user",
        data_status="complete",
        aria_label="You",
        class_name=f"{ARTICLE} group flex justify-end py-2",
        custom_attrs={"style": guess(text, most=420)},
    )


def pending_message(message_id: rx.Var[str], at: rx.Var[str], text: rx.Var[str]) -> rx.Component:
    """A message that has not reached the server yet."""
    return rx.el.article(
        rx.el.div(
            _bubble(text),
            rx.el.div(
                rx.el.span("Waiting to be sent"),
                clock(at),
                class_name=f"{_FOOTER} gap-2 text-xs text-muted-foreground",
            ),
            class_name="max-w-[85%] sm:max-w-[75%]",
        ),
        data_message_id=message_id,
        data_role="user",
        data_status="queued",
        aria_label="You",
        class_name=f"{ARTICLE} flex justify-end py-2",
    )


def _footer(
    editing: Editing, message_id: rx.Var[str], text: rx.Var[str], walk: rx.Component, at: rx.Var[str]
) -> rx.Component:
    return rx.el.div(
        rx.el.div(
            small_button("Edit", "pencil", on_click=editing.begin, custom_attrs={"data-edit": ""}),
            copy_button(message_id=message_id, live=rx.Var.create(False), text=text),
            class_name="quiet-until-near flex items-center",
        ),
        walk,
        rx.el.span(clock(at), class_name="ml-1.5 text-xs text-muted-foreground"),
        class_name=_FOOTER,
    )


def guess(text: rx.Var[str], *, most: int) -> rx.Var:
    """How high a message will be, for as long as it has never been drawn."""
    return rx.Var(
        f'({{ "--guess": Math.min({most}, Math.round(90 + {text!s}.length * 0.36)) + "px" }})',
        _var_data=text._get_all_var_data(),
    )


def _bubble(text: rx.Var[str]) -> rx.Component:
    opened = local("opened", default=False)
    folds = rx.Var(f"{_FOLD}({text!s})", _var_type=bool, _var_data=text._get_all_var_data()).guess_type()
    return together(
        rx.el.div(
            text,
            data_folded=folds & ~opened.value,
            class_name="words whitespace-pre-wrap wrap-anywhere",
        ),
        rx.cond(
            folds,
            rx.el.button(
                rx.cond(opened.value, "Show less", "Show more"),
                type="button",
                aria_expanded=opened.value,
                on_click=script("() => setOpened(!opened)", opened.value),
                class_name="mt-1 py-1 text-sm font-medium text-primary cursor-pointer hover:underline",
            ),
            rx.fragment(),
        ),
        class_name="bg-[var(--bubble)] rounded-2xl rounded-br-md px-4 py-2.5",
    )
