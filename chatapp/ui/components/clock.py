"""When something was said."""

import reflex as rx


def clock(at: rx.Var[str]) -> rx.Component:
    """When, in the reader's own time and manner; the whole date when the pointer rests on it."""
    local = f"new Date({at!s})"
    data = at._get_all_var_data()
    short = rx.Var(
        f'{local}.toLocaleTimeString([], {{hour: "2-digit", minute: "2-digit"}})',
        _var_type=str,
        _var_data=data,
    ).guess_type()
    whole = rx.Var(f"{local}.toLocaleString()", _var_type=str, _var_data=data).guess_type()
    return rx.el.time(short, date_time=at, title=whole)
