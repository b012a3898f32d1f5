"""Where the page finds the server's own addresses, and the script that gives a first visit its login cookie.

The script blocks on purpose: the page's socket is opened after it, and so carries the cookie. A cookie on the
socket's own answer would be lost, since the server drops it there.
"""

from typing import Final

import reflex as rx
from reflex.utils.exec import is_prod_mode

PATH: Final = "/api/enter.js"


def entrance() -> rx.Component:
    """The head's script; in production from the page's own origin."""
    if is_prod_mode():
        return rx.el.script(src=PATH)
    return rx.el.script(_from_another_port())


def server_address(path: str) -> rx.Var[str]:
    """A path of the server as the page's links must name it."""
    if is_prod_mode():
        return rx.Var.create(path)
    return rx.Var(f"({_other_port('globalThis.location?.hostname')}+'{path}')", _var_type=str).guess_type()


def _other_port(host: str) -> str:
    """In development the page and the server are two ports of one host, under whichever of its names."""
    return f"'//'+{host}+':{rx.config.get_config().backend_port}'"


def _from_another_port() -> str:
    return (
        "try{var enter=new XMLHttpRequest();"
        f"enter.open('GET',{_other_port('location.hostname')}+'{PATH}',false);"
        "enter.withCredentials=true;enter.send()}catch(error){console.warn('no login',error)}"
    )
