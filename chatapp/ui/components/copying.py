"""Copying: a message as it was written, or as it is read; a line. Works without https too."""

from typing import Final

import reflex as rx
from reflex_base.utils.imports import ImportVar
from reflex_base.vars import VarData

from chatapp.ui.components.buttons import small_button
from chatapp.ui.components.local import local
from chatapp.ui.components.reading import live_text
from chatapp.ui.components.together import together

_COPY: Final = VarData(imports={"copy-to-clipboard@4.0.2": [ImportVar(tag="copy", is_default=True)]})


@rx.memo
def copy_button(message_id: rx.Var[str], live: rx.Var[bool], text: rx.Var[str]) -> rx.Component:
    """Copies what was written, markdown and all; says so for a moment."""
    return _copying("Copy", "copy", live_text(message_id, live, text), label="Copy")


@rx.memo
def copy_text_button(message_id: rx.Var[str]) -> rx.Component:
    """Copies what is read: no marks, tables with tabs. Whoever looks for "Copy" finds one button only."""
    drawn = f'document.querySelector(`[data-message-id="${{{message_id!s}}}"] .words`).innerText'
    text = rx.Var(drawn, _var_type=str)
    return _copying("Plain text to the clipboard", "clipboard-type", text, title="Copy as text")


@rx.memo
def copy_line_button(text: rx.Var[str]) -> rx.Component:
    """Copies a line as it is."""
    return _copying("Copy", "copy", text, label="Copy")


def _copying(name: str, icon: str, text: rx.Var[str], *, label: str = "", title: str = "") -> rx.Component:
    copied = local("copied", default=False)
    copy = rx.Var(
        f"() => copy({text!s}).then((done) => {{ if (done) {{ setCopied(true); "
        "setTimeout(() => setCopied(false), 1500) } })",
        _var_data=VarData.merge(text._get_all_var_data(), copied._get_all_var_data(), _COPY),
    )
    return together(
        rx.cond(
            copied.value,
            small_button("Copied", "check", label=label and "Copied"),
            small_button(name, icon, label=label, title=title or name, on_click=rx.call_function(copy)),
        ),
        rx.cond(copied.value, rx.el.span("Copied", role="status", class_name="sr-only"), rx.fragment()),
    )
