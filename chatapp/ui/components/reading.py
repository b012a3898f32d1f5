"""Vars that read the live reply where a message is the live one, and the message's own row where it is not.

Only the row that is `live` subscribes: to `Now`, which says whether it is so already, and then to its text.
So a token draws one message again, and what is said about a reply draws no other.
"""

from typing import Final

import reflex as rx
from reflex_base.utils.imports import ImportVar
from reflex_base.vars import VarData

from chatapp.ui.levels import LEVELS
from chatapp.ui.live import Live, Now, Thinking
from chatapp.ui.parts import Cut

_MARKER: Final = rx.constants.state.FIELD_MARKER
_IMPORTS: Final = {"$/utils/context-registry": [ImportVar(tag="useStateContext")]}


def is_live(message_id: rx.Var[str], live: rx.Var[bool]) -> rx.Var[bool]:
    """Whether this message is the live one; `live` is what its row says."""
    data = _heard("now", Now, live, message_id)
    return rx.Var(f"({live!s} && now.id{_MARKER} === {message_id!s})", _var_type=bool, _var_data=data).to(
        bool
    )


def said(name: str, message_id: rx.Var[str], live: rx.Var[bool], settled: rx.Var) -> rx.Var:
    """What is said about the message: this field of `Now`, or of its row."""
    here = is_live(message_id, live)
    data = VarData.merge(here._get_all_var_data(), settled._get_all_var_data())
    value = f"({here!s} ? now.{name}{_MARKER} : {settled!s})"
    return rx.Var(value, _var_type=settled._var_type, _var_data=data).guess_type()


def live_text(message_id: rx.Var[str], live: rx.Var[bool], settled: rx.Var[str]) -> rx.Var[str]:
    """The message's text."""
    return _grown("grown", "t", Live, is_live(message_id, live), settled)


def live_thinking(message_id: rx.Var[str], live: rx.Var[bool], settled: rx.Var[str]) -> rx.Var[str]:
    """What the model thought aloud before it."""
    return _grown("thought", "r", Thinking, is_live(message_id, live), settled)


def live_cuts(
    message_id: rx.Var[str], live: rx.Var[bool], settled: rx.Var[tuple[Cut, ...]]
) -> rx.Var[tuple[Cut, ...]]:
    """Where its text is parted."""
    here = is_live(message_id, live)
    data = _heard("grown", Live, here, settled)
    levels = ", ".join(_levels("grown", "c"))
    return rx.Var(f"({here!s} ? [].concat({levels}) : {settled!s})", _var_data=data).to(tuple[Cut, ...])


def _grown(name: str, prefix: str, state: type[rx.State], here: rx.Var[bool], settled: rx.Var[str]) -> rx.Var:
    """The levels together, of a state that is heard only while the message is live."""
    data = _heard(name, state, here, settled)
    levels = " + ".join(_levels(name, prefix))
    return rx.Var(f"({here!s} ? {levels} : {settled!s})", _var_type=str, _var_data=data).guess_type()


def _levels(name: str, prefix: str) -> list[str]:
    return [f"{name}.{prefix}{level}{_MARKER}" for level in reversed(range(LEVELS))]


def _heard(name: str, state: type[rx.State], condition: rx.Var[bool], *used: rx.Var) -> VarData | None:
    """Hooks may not be conditional, but what they subscribe to may: there is no state "", so it never
    changes."""
    hook = f'const {name} = useStateContext({condition!s} ? "{state.get_full_name()}" : "")'
    own = condition._get_all_var_data()
    others = (var._get_all_var_data() for var in used)
    return VarData.merge(own, *others, VarData(hooks={hook: own}, imports=_IMPORTS))
