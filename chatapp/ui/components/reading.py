"""Vars that read the live reply where a message is the live one, and the message's own row where it is not.

Every message subscribes to `Now`, which seldom changes; to the text only the live one. So a token draws one
message again and no other.
"""

from typing import Final

import reflex as rx
from reflex_base.utils.imports import ImportVar
from reflex_base.vars import VarData

from chatapp.ui.live import Live, Now, Thinking
from chatapp.ui.live_text import LEVELS
from chatapp.ui.parts import Cut

_MARKER: Final = rx.constants.state.FIELD_MARKER
_IMPORTS: Final = {"$/utils/context-registry": [ImportVar(tag="useStateContext")]}


def is_live(message_id: rx.Var[str]) -> rx.Var[bool]:
    """Whether this message is the live one."""
    return (Now.id == message_id).to(bool)


def live_text(message_id: rx.Var[str], settled: rx.Var[str]) -> rx.Var[str]:
    """The message's text."""
    return _grown("live", "t", Live, message_id, settled)


def live_thinking(message_id: rx.Var[str], settled: rx.Var[str]) -> rx.Var[str]:
    """What the model thought aloud before it."""
    return _grown("thought", "r", Thinking, message_id, settled)


def live_cuts(message_id: rx.Var[str], settled: rx.Var[tuple[Cut, ...]]) -> rx.Var[tuple[Cut, ...]]:
    """Where its text is parted."""
    cuts = _heard("live", Live, message_id, f"live.cuts{_MARKER}", settled)
    return cuts.to(tuple[Cut, ...])


def _grown(
    name: str, prefix: str, state: type[rx.State], message_id: rx.Var[str], settled: rx.Var[str]
) -> rx.Var:
    levels = " + ".join(f"{name}.{prefix}{level}{_MARKER}" for level in reversed(range(LEVELS)))
    return _heard(name, state, message_id, levels, settled).to(str)


def _heard(name: str, state: type[rx.State], message_id: rx.Var[str], value: str, settled: rx.Var) -> rx.Var:
    """A value of a state that is heard only while the message is live."""
    live = is_live(message_id)
    # Hooks may not be conditional, but what they subscribe to may: there is no state "", so it never changes.
    hook = f'const {name} = useStateContext({live!s} ? "{state.get_full_name()}" : "")'
    own = live._get_all_var_data()
    data = VarData.merge(own, settled._get_all_var_data(), VarData(hooks={hook: own}, imports=_IMPORTS))
    return rx.Var(f"({live!s} ? {value} : {settled!s})", _var_data=data)
