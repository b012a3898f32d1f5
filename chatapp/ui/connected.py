"""What Reflex knows of a tab's connection, one thing at a time.

`state.router` puts all of it together anew at each look. Every event looks several times: that was a tenth of
what a turn costs.
"""

from typing import cast

import reflex as rx
from reflex.istate.data import ReflexURL


def cookie_of(state: rx.State) -> str:
    """The `Cookie` header of the connection, which the guard wrote."""
    return cast("str", state.get_value("rx_router_headers").cookie)


def tab_of(state: rx.State) -> str:
    """The token of the tab."""
    return cast("str", state.get_value("rx_router_session").client_token)


def url_of(state: rx.State) -> ReflexURL:
    """The address that the tab shows."""
    return cast("ReflexURL", state.get_value("rx_router_url").href)
