"""When something was said or done, in the reader's own time and manner."""

from typing import Final

import reflex as rx

_TIME: Final = '{hour: "2-digit", minute: "2-digit"}'
_DAY: Final = '{dateStyle: "medium", timeStyle: "short"}'


def clock(at: rx.Var[str]) -> rx.Component:
    """The time of day; the whole date when the pointer rests on it."""
    return _drawn(at, f"toLocaleTimeString([], {_TIME})")


def calendar(at: rx.Var[str]) -> rx.Component:
    """The day and the time of day."""
    return _drawn(at, f"toLocaleString([], {_DAY})")


def _drawn(at: rx.Var[str], how: str) -> rx.Component:
    local, data = f"new Date({at!s})", at._get_all_var_data()
    short = rx.Var(f"{local}.{how}", _var_type=str, _var_data=data).guess_type()
    whole = rx.Var(f"{local}.toLocaleString()", _var_type=str, _var_data=data).guess_type()
    return rx.el.time(short, date_time=at, title=whole)
