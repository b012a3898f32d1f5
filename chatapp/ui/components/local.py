"""What a part of the page remembers by itself: an editor that is open, a text that is folded.

Such a part must be one component (`together`), or its pieces would each have a memory of their own.
"""

from typing import Any, Final

import reflex as rx
from reflex.experimental.client_state import ClientStateVar
from reflex_base.utils.imports import ImportVar
from reflex_base.vars import VarData

#: For keyboards; a finger would only get a keyboard on the screen that it did not ask for.
FOCUS_COMPOSER: Final = (
    '(matchMedia("(pointer: fine)").matches && document.querySelector("[aria-label=Message]")?.focus())'
)


def local(name: str, default: Any) -> ClientStateVar:
    """React's `useState`, as Reflex writes it."""
    return ClientStateVar.create(var_name=name, default=default, global_ref=False)


def hooked(expression: str, hook: str, *used: rx.Var, kind: type = str, **imports: list[str]) -> rx.Var:
    """A var that comes from lines of React's own, which read these vars."""
    tags = {name: [ImportVar(tag=tag) for tag in tags] for name, tags in imports.items()}
    own = VarData.merge(*(var._get_all_var_data() for var in used), VarData(imports=tags))
    data = VarData.merge(own, VarData(hooks={hook: own}))
    return rx.Var(expression, _var_type=kind, _var_data=data).guess_type()


def script(code: str, *used: rx.Var) -> rx.event.EventSpec:
    """A line of the browser's own language, for what needs no server."""
    data = VarData.merge(*(var._get_all_var_data() for var in used), VarData())
    return rx.call_function(rx.Var(code, _var_data=data))
