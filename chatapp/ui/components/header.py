"""Above the conversation: the model, the connection, the theme."""

import reflex as rx
from reflex_base.constants.compiler import Hooks, Imports
from reflex_base.utils.imports import ImportVar
from reflex_base.vars import VarData

from chatapp.ui.chat import Chat
from chatapp.ui.components.buttons import icon_button
from chatapp.ui.components.outbox import model_var, pick_model
from chatapp.ui.components.sidebar import open_drawer
from chatapp.ui.components.together import together
from chatapp.ui.rows import Choice
from chatapp.ui.side import Side


def header() -> rx.Component:
    """One line, the same on every screen."""
    return rx.el.header(
        open_drawer(),
        _models(),
        rx.el.div(class_name="flex-1"),
        connection(),
        _theme(),
        class_name="flex h-14 shrink-0 items-center gap-2 px-3",
    )


def _models() -> rx.Component:
    """The browser's own list: it works with every keyboard, screen reader and phone."""
    return rx.el.div(
        rx.el.select(
            rx.foreach(Side.models, _option),
            aria_label="Model",
            value=model_var(),
            on_change=lambda model: [pick_model(model), Chat.choose_model(model)],
            class_name="appearance-none [field-sizing:content] truncate max-w-[45vw] rounded-lg "
            "bg-transparent py-1.5 pl-2.5 pr-7 "
            "text-[0.95rem] "
            "font-medium cursor-pointer hover:bg-accent",
        ),
        rx.icon(
            "chevron-down",
            size=15,
            aria_hidden=True,
            class_name="pointer-events-none absolute right-2 top-2.5",
        ),
        class_name="relative",
    )


def _option(one: rx.Var[Choice]) -> rx.Component:
    return rx.el.option(one["label"], value=one["id"], key=one["id"])


def _theme() -> rx.Component:
    return icon_button("Toggle theme", "sun-moon", on_click=rx.toggle_color_mode)


def connection() -> rx.Component:
    """Quiet while all is well; words as soon as it is not."""
    online = (
        "const onLine = useSyncExternalStore((wake) => { for (const n of ['online', 'offline']) "
        "addEventListener(n, wake); "
        "return () => { for (const n of ['online', 'offline']) removeEventListener(n, wake) } }, "
        "() => navigator.onLine, () => true)"
    )
    hooks = {Hooks.CONNECT_ERRORS: None, online: None}
    imports = [Imports.CONNECT_ERRORS, {"react": [ImportVar(tag="useSyncExternalStore")]}]
    data = VarData.merge(
        Side.epoch._get_all_var_data(), VarData(hooks=hooks), *(VarData(imports=one) for one in imports)
    )
    state = rx.Var(
        f'(connectErrors.length > 0 || !onLine ? "offline" : {Side.epoch!s} ? "online" : "connecting")',
        _var_type=str,
        _var_data=data,
    ).guess_type()
    return together(
        rx.el.span(class_name="size-2 rounded-full bg-current", aria_hidden=True),
        rx.match(
            state,
            ("online", rx.el.span("Online", class_name="sr-only")),
            ("offline", rx.el.span("Offline")),
            rx.el.span("Connecting"),
        ),
        role="status",
        data_connection=state,
        class_name="flex items-center gap-2 px-2 text-sm text-muted-foreground "
        "data-[connection=online]:text-success "
        "data-[connection=offline]:text-warning",
    )
