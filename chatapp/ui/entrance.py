"""The script at the head of each page that gives a first visit its login cookie.

It blocks on purpose: the page's socket is opened after it, and so carries the cookie. A cookie on the
socket's own answer would be lost, since the server drops it there.
"""

import json
from typing import Final

import reflex as rx
from reflex.utils.exec import is_prod_mode

PATH: Final = "/api/enter.js"


def entrance() -> rx.Component:
    """The head's script; in production from the page's own origin."""
    if is_prod_mode():
        return rx.el.script(src=PATH)
    return rx.el.script(_from_another_port(rx.config.get_config().backend_port))


def _from_another_port(port: int | None) -> str:
    """In development the page and the server are two ports of one host, under whichever of its names."""
    return (
        "try{var enter=new XMLHttpRequest();"
        f"enter.open('GET','//'+location.hostname+':'+{json.dumps(port)}+'{PATH}',false);"
        "enter.withCredentials=true;enter.send()}catch(error){console.warn('no login',error)}"
    )
