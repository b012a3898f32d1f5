"""The built page speaks with the origin that it was loaded from: one build serves every address.

Reflex writes the address of its server into the page when that is built, and behind https assumes port 443.
An image is built before anybody knows where it will stand, and a proxy may stand at any port.
"""

from typing import Any, Final

import reflex as rx
from typing_extensions import override

#: Reflex's module that finds the server, in the folder of the page's sources, and that function's end.
STATE_MODULE: Final = "utils/state.js"
_END: Final = "  return endpoint;\n"
_OURS: Final = """\
  if (import.meta.env.PROD && typeof window !== "undefined") {
    endpoint.hostname = window.location.hostname;
    endpoint.port = window.location.port;
  }
"""


class OwnOrigin(rx.plugins.Plugin):
    """Changes production builds alone: in development the page and its server are at two ports."""

    @override
    def pre_compile(self, **context: Any) -> None:
        context["add_modify_task"](STATE_MODULE, at_own_origin)


def at_own_origin(module: str) -> str:
    """Reflex's module with our lines in it, once. Raises when it is not as it was."""
    if _OURS in module:
        return module
    if module.count(_END) != 1:
        raise RuntimeError(f"Reflex's {STATE_MODULE} has changed: how does the page find its server now?")
    return module.replace(_END, _OURS + _END)
