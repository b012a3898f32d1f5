"""A part of the page whose parts share what React remembers."""

import reflex as rx
from reflex_base.constants.compiler import MemoizationMode


class Together(rx.el.Div):
    """Reflex makes each part that depends on something a component of its own, with hooks of its own.

    Inside of this one they are one component, so that a hook's state is the same for all of them.
    """

    _memoization_mode = MemoizationMode(recursive=False)


together = Together.create
