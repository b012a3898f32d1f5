"""The connection: a word in the header, a calm line above the composer, and never a reload by itself."""

from typing import Final

import reflex as rx
from reflex_base.constants.compiler import Hooks, Imports
from reflex_base.vars import VarData

from chatapp.ui.build_id import build_id
from chatapp.ui.components.browser import BrowserGlue, do
from chatapp.ui.components.together import together
from chatapp.ui.side import Side

OFFLINE: Final = "You are offline."
UNREACHABLE: Final = "The server cannot be reached."
LOST: Final = "The connection is lost; it is tried again."

_LINE: Final = (
    "glass floating after-a-moment mx-auto mb-2 flex w-fit max-w-full items-center gap-2.5 px-4 py-2 text-sm"
)


def connection() -> rx.Component:
    """Quiet while all is well; words as soon as it is not."""
    state = connection_var()
    return together(
        rx.el.span(class_name="size-2 shrink-0 rounded-full bg-current", aria_hidden=True),
        rx.match(
            state,
            ("online", rx.el.span("Online", class_name="sr-only")),
            ("offline", rx.el.span("Offline")),
            rx.el.span("Connecting", class_name="after-a-moment"),
        ),
        role="status",
        data_connection=state,
        class_name="flex items-center gap-2 px-2 text-sm text-muted-foreground "
        "data-[connection=online]:text-success "
        "data-[connection=offline]:text-warning",
    )


def connection_notices() -> rx.Component:
    """What an interruption means for whoever writes, and that the page is older than its server."""
    return rx.fragment(
        together(
            rx.match(
                rx.cond(connection_var() == "offline", "offline", _line_var()),
                ("offline", _interrupted(rx.cond(_line_var() == "none", OFFLINE, UNREACHABLE))),
                ("lost", _interrupted(LOST, after="1.5s")),
                rx.fragment(),
            ),
        ),
        rx.cond((Side.build != "") & (Side.build != build_id()) & _is_new(), _new_version(), rx.fragment()),
    )


def _interrupted(what: str | rx.Var[str], *, after: str = "0.3s") -> rx.Component:
    """Most lines are back before one could read that they were gone."""
    return rx.el.p(
        rx.icon("cloud-off", size=16, aria_hidden=True, class_name="shrink-0 text-warning"),
        rx.el.span(what, " What you write is kept, and sent when the connection is back."),
        class_name=_LINE,
        style={"animationDelay": after},
    )


def _new_version() -> rx.Component:
    reload = do(f"reloadFor({Side.build!s})", Side.build)
    return rx.el.div(
        rx.icon("sparkles", size=16, aria_hidden=True, class_name="shrink-0 text-primary"),
        rx.el.span("A new version is here. What you have written is kept.", role="status"),
        rx.el.button(
            "Reload",
            type="button",
            on_click=reload,
            class_name="-mr-1.5 rounded-lg px-2 py-0.5 font-medium text-primary cursor-pointer "
            "hover:bg-accent",
        ),
        class_name=_LINE,
    )


def _is_new() -> rx.Var[bool]:
    return rx.Var(
        f"!wasReloadedFor({Side.build!s})", _var_type=bool, _var_data=_glued(Side.build)
    ).guess_type()


def _line_var() -> rx.Var[str]:
    """What is known of the line: it is there, lost (its end was noticed), or none (the browser's network)."""
    own = _glued()
    data = VarData.merge(own, VarData(hooks={"const line = useLine()": own}))
    return rx.Var("line", _var_type=str, _var_data=data).guess_type()


def connection_var() -> rx.Var[str]:
    """`online`, `connecting` or `offline`."""
    data = VarData.merge(
        Side.epoch._get_all_var_data(),
        Side.signed_out._get_all_var_data(),
        _line_var()._get_all_var_data(),
        VarData(hooks={Hooks.CONNECT_ERRORS: None}, imports=Imports.CONNECT_ERRORS),
    )
    return rx.Var(
        '(connectErrors.length > 0 || line === "none" ? "offline" : '
        f'({Side.epoch!s} || {Side.signed_out!s}) && line === "there" ? "online" : "connecting")',
        _var_type=str,
        _var_data=data,
    ).guess_type()


def _glued(*used: rx.Var) -> VarData | None:
    return VarData.merge(
        *(one._get_all_var_data() for one in used), VarData(components=(BrowserGlue.create(),))
    )
