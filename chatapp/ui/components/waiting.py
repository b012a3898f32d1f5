"""What one asked for and has not come yet: a quiet line at the top, when it takes longer than a moment."""

from collections.abc import Sequence

import reflex as rx
from reflex_base.vars import VarData

from chatapp.ui.components.browser import BrowserGlue, do
from chatapp.ui.components.together import together
from chatapp.ui.managing import Manage
from chatapp.ui.side import Side
from chatapp.ui.toasts import Toasts


def waits_for(asked: rx.event.EventType[()]) -> list[rx.event.EventType[()]]:
    """These events, and the line until they have an answer."""
    events = list(asked) if isinstance(asked, Sequence) else [asked]
    return [do("asked()"), *events]


def waiting_line() -> rx.Component:
    """Takes no room."""
    answers = (Side.answered, Side.epoch, Manage.renaming, Toasts.shown)
    data = VarData.merge(
        *(one._get_all_var_data() for one in answers), VarData(components=(BrowserGlue.create(),))
    )
    hook = f"const waits = useWaiting({', '.join(str(one) for one in answers)})"
    waits = rx.Var(
        "waits", _var_type=bool, _var_data=VarData.merge(data, VarData(hooks={hook: data}))
    ).guess_type()
    return together(
        rx.cond(waits, rx.el.div(class_name="waiting after-a-moment", aria_hidden=True), rx.fragment()),
        class_name="contents",
    )
