"""Assigning to a state's vars with as little to send as can be."""

import reflex as rx


def put(state: rx.State, **values: object) -> None:
    """Only what changed, since what is assigned is sent."""
    for name, value in values.items():
        if state.get_value(name) != value:
            setattr(state, name, value)
