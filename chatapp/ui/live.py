"""The states of the reply that is being made.

Nothing is ever stored in them: the emitter (`following`) sends their values straight to the browser, and a
page that comes back has the text so far in its rows. There are four, since whatever reads a state is drawn
again at each change of it: words come often, what is said about the reply seldom. Their names are short
because each delta carries them in full.
"""

from typing import Any, Final

import reflex as rx

from chatapp.ui.parts import Cut
from chatapp.ui.rows import Joint
from chatapp.ui.run_view import Changes


class Live(rx.State):
    """The reply's text: `t5 + t4 + … + t0`, see `levels`. In the same way `c5` to `c0`: where it can be
    parted, see `parts`.
    """

    t0: str = ""
    t1: str = ""
    t2: str = ""
    t3: str = ""
    t4: str = ""
    t5: str = ""
    c0: tuple[Cut, ...] = ()
    c1: tuple[Cut, ...] = ()
    c2: tuple[Cut, ...] = ()
    c3: tuple[Cut, ...] = ()
    c4: tuple[Cut, ...] = ()
    c5: tuple[Cut, ...] = ()


class Thinking(rx.State):
    """What the model thinks aloud, in the same way."""

    r0: str = ""
    r1: str = ""
    r2: str = ""
    r3: str = ""
    r4: str = ""
    r5: str = ""


class Now(rx.State):
    """Which reply is live, and what is said about it."""

    id: str = ""
    status: str = ""
    model: str = ""
    error: str = ""
    left_out: int = 0
    more: bool = False
    position: int = 0
    thinks: bool = False
    thought: int = 0
    seams: tuple[Joint, ...] = ()


class Spoken(rx.State):
    """What is said aloud of it, see `speech`."""

    s: str = ""


_STATES: Final = {"spoken": Spoken, "now": Now, "live": Live, "thinking": Thinking}


def delta(changes: Changes) -> dict[str, dict[str, Any]]:
    """The changes in the form in which Reflex sends them."""
    marker = rx.constants.state.FIELD_MARKER
    return {
        _STATES[state].get_full_name(): {f"{name}{marker}": value for name, value in values.items()}
        for state, values in changes.items()
    }
