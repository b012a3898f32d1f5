"""The conversation in the address, as the list has it, or as what the list does not have."""

import reflex as rx
from reflex_base.vars import VarData

from chatapp.ui.components.browser import BrowserGlue
from chatapp.ui.components.outbox import conversation_var
from chatapp.ui.side import Side


def title_var() -> rx.Var[str]:
    """Its title, "" before there is one. The window's title follows it."""
    lists = (Side.pinned, Side.top, Side.rest, Side.archived)
    known = ", ".join([*(f"...{one!s}" for one in lists), str(Side.unlisted)])
    cid = conversation_var()
    hook = f'const title = [{known}].find((one) => one.id === {cid!s})?.title ?? ""; useTitle(title)'
    return _var("title", str, *lists, Side.unlisted, hook=hook)


def pinned_var() -> rx.Var[bool]:
    """Whether it is kept at the top of the list."""
    return _var(f"{Side.pinned!s}.some((one) => one.id === {conversation_var()!s})", bool, Side.pinned)


def archived_var() -> rx.Var[bool]:
    """Whether it was put away."""
    here = f"{Side.unlisted!s}.id === {conversation_var()!s}"
    return _var(f"({here} && {Side.unlisted!s}.archived)", bool, Side.unlisted)


def _var(expression: str, kind: type, *used: rx.Var, hook: str = "") -> rx.Var:
    data = VarData.merge(
        conversation_var()._get_all_var_data(),
        *(one._get_all_var_data() for one in used),
        VarData(components=(BrowserGlue.create(),)),
    )
    data = VarData.merge(data, VarData(hooks={hook: data})) if hook else data
    return rx.Var(expression, _var_type=kind, _var_data=data).guess_type()
