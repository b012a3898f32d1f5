"""What needs the whole page to be loaded anew: another login, and a first visit that has none."""

from typing import Final

import reflex as rx
from reflex_base.utils.imports import ImportVar
from reflex_base.vars import VarData
from typing_extensions import override

from chatapp.ui.components.signed_out import WAY_BACK
from chatapp.ui.door import Door
from chatapp.ui.entrance import server_address
from chatapp.ui.side import Side

_DOOR: Final = """
const useDoor = (ticket, to, admit) => useEffect(() => {
  if (!to) return;
  const go = (good) => good ? location.replace(to) : location.reload();
  if (!ticket) { localStorage.removeItem("me"); return go(true) }
  fetch(admit + "?ticket=" + ticket, { credentials: "include", redirect: "manual" })
    .then((answer) => go(answer.type === "opaqueredirect"), () => go(false));
}, [ticket, to]);
"""
_INVITATION: Final = f"""
let live = false;
const useInvitation = (signedOut, epoch) => {{
  const navigate = useNavigate();
  useEffect(() => {{
    live ||= !!epoch;
    if (signedOut && !live) navigate({WAY_BACK}, {{ replace: true }});
  }}, [signedOut, epoch]);
}};
"""


class DoorOut(rx.Fragment):
    """Goes where a handler said (`chatapp.ui.door`); draws nothing."""

    @override
    def add_imports(self) -> dict[str, list[ImportVar]]:
        return {"react": [ImportVar(tag="useEffect")]}

    @override
    def add_custom_code(self) -> list[str]:
        return [_DOOR]

    @override
    def add_hooks(self) -> list[rx.Var]:
        return [_hook("useDoor", Door.ticket, Door.to, server_address("/api/admit"))]


class Invitation(rx.Fragment):
    """Shows the log-in page to whoever comes without a login. A page that was in use stays, and says so."""

    @override
    def add_imports(self) -> dict[str, list[ImportVar]]:
        return {"react": [ImportVar(tag="useEffect")], "react-router": [ImportVar(tag="useNavigate")]}

    @override
    def add_custom_code(self) -> list[str]:
        return [_INVITATION]

    @override
    def add_hooks(self) -> list[rx.Var]:
        return [_hook("useInvitation", Side.signed_out, Side.epoch)]


def _hook(name: str, *used: rx.Var) -> rx.Var:
    data = VarData.merge(*(one._get_all_var_data() for one in used))
    return rx.Var(f"{name}({', '.join(str(one) for one in used)})", _var_data=data)


def door_out() -> rx.Component:
    """For a page that can be left with another login."""
    return DoorOut.create()


def doors() -> rx.Component:
    """For a page that needs a login."""
    return rx.fragment(DoorOut.create(), Invitation.create())
