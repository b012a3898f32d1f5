"""The connection: a word in the header, a calm line above the composer, and never a reload by itself."""

import reflex as rx
from reflex_base.constants.compiler import Hooks, Imports
from reflex_base.utils.imports import ImportVar
from reflex_base.vars import VarData

from chatapp.ui.build_id import build_id
from chatapp.ui.components.together import together
from chatapp.ui.side import Side

_LINE = (
    "glass floating after-a-moment mx-auto mb-2 flex w-fit max-w-full items-center gap-2.5 px-4 py-2 text-sm"
)


def connection() -> rx.Component:
    """Quiet while all is well; words as soon as it is not."""
    state = _connection_var()
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
            rx.cond(_connection_var() == "offline", _offline(), rx.fragment()),
        ),
        rx.cond((Side.build != "") & (Side.build != build_id()), _new_version(), rx.fragment()),
    )


def _offline() -> rx.Component:
    return rx.el.p(
        rx.icon("cloud-off", size=16, aria_hidden=True, class_name="shrink-0 text-warning"),
        rx.el.span(
            rx.cond(_is_on_line(), "The server cannot be reached.", "You are offline."),
            " What you write is kept and sent when the connection is back.",
        ),
        class_name=_LINE,
    )


def _new_version() -> rx.Component:
    reload = rx.call_function(rx.Var("() => location.reload()", _var_data=VarData()))
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


def _is_on_line() -> rx.Var[bool]:
    """What the browser itself knows of its network."""
    hook = (
        "const onLine = useSyncExternalStore((wake) => { for (const n of ['online', 'offline']) "
        "addEventListener(n, wake); "
        "return () => { for (const n of ['online', 'offline']) removeEventListener(n, wake) } }, "
        "() => navigator.onLine, () => true)"
    )
    data = VarData(hooks={hook: None}, imports={"react": [ImportVar(tag="useSyncExternalStore")]})
    return rx.Var("onLine", _var_type=bool, _var_data=data).guess_type()


def _connection_var() -> rx.Var[str]:
    data = VarData.merge(
        Side.epoch._get_all_var_data(),
        _is_on_line()._get_all_var_data(),
        VarData(hooks={Hooks.CONNECT_ERRORS: None}, imports=Imports.CONNECT_ERRORS),
    )
    return rx.Var(
        f'(connectErrors.length > 0 || !onLine ? "offline" : {Side.epoch!s} ? "online" : "connecting")',
        _var_type=str,
        _var_data=data,
    ).guess_type()
