"""What one thinks of a reply: two quiet buttons, of which the pressed one can be let go again."""

import reflex as rx
from reflex_base.vars import VarData

from chatapp.ui.chat import Chat
from chatapp.ui.components.buttons import small_button


def rating_of(message_id: rx.Var[str]) -> rx.Var[str]:
    """`good`, `bad`, or "" where nothing was said."""
    held = Chat.ratings
    data = VarData.merge(held._get_all_var_data(), message_id._get_all_var_data())
    return rx.Var(f"({held!s}[{message_id!s}] ?? '')", _var_type=str, _var_data=data).guess_type()


def rating_buttons(message_id: rx.Var[str], rating: rx.Var[str], status: rx.Var[str]) -> rx.Component:
    """Both of them; none where the reply failed: it says itself what went wrong."""
    return rx.cond(
        status == "failed",
        rx.fragment(),
        rx.fragment(
            _button("Good answer", "thumbs-up", "good", message_id, rating),
            _button("Bad answer", "thumbs-down", "bad", message_id, rating),
        ),
    )


def _button(name: str, icon: str, value: str, message_id: rx.Var[str], rating: rx.Var[str]) -> rx.Component:
    return small_button(
        name,
        icon,
        on_click=Chat.rate(message_id, rx.cond(rating == value, "", value)),
        aria_pressed=rx.cond(rating == value, "true", "false"),
        class_name="aria-pressed:text-primary aria-pressed:[&>svg]:fill-primary/20",
    )
