"""A text that is changed where it stands: Enter takes it over, Escape leaves it as it was."""

from collections.abc import Callable
from typing import Any, Final

import reflex as rx
from reflex_base.vars import VarData

from chatapp.ui.components.buttons import QUIET
from chatapp.ui.components.composer import GrowingTextarea
from chatapp.ui.components.local import hooked, local, script
from chatapp.ui.components.outbox import Glue

#: The focus goes back to the button that opened the editor, also when another version has taken the place.
#: What was being changed when its message went away goes to the composer.
_HOOK: Final = "useEditor({{ editing, setEditing, draft, id: {id}, text: {text} }})"
#: Pressed by Enter and Escape as well, so that there is one way to do each.
_KEYS: Final = """(event) => {
  const press = (name) => event.currentTarget.closest("[data-editor]").querySelector(name).click();
  if (isEnter(event)) { event.preventDefault(); press("[data-save]") }
  if (event.key === "Escape") { event.stopPropagation(); press("[data-cancel]") }
}"""
_AT_END: Final = (
    "(event) => event.target.setSelectionRange(event.target.value.length, event.target.value.length)"
)


class Editing:
    """Whether a message is being changed, and into what; for one component (`together`)."""

    def __init__(self, message_id: rx.Var[str], text: rx.Var[str]) -> None:
        self._text = text
        self._editing, self._key = local("editing", default=False), local("key", default="")
        self._draft = local("draft", default="")
        used = (self._editing.value, self._key.value, self._draft.value, message_id, text)
        hook = _HOOK.format(id=str(message_id), text=str(text))
        self._used = _with_glue(hooked("editing", hook, *used, kind=bool))

    @property
    def now(self) -> rx.Var[bool]:
        """Whether the editor is open."""
        return self._used

    @property
    def begin(self) -> rx.event.EventSpec:
        """Open it."""
        code = f"() => {{ setKey(newKey()); setDraft({self._text!s}); setEditing(true) }}"
        return script(code, self._used)

    def editor(self, name: str, on_save: Callable[[rx.Var[str], rx.Var[str]], Any]) -> rx.Component:
        """The field and its buttons; `on_save` is given the new text and a key for this change."""
        cancel = script("() => setEditing(false)", self._used)
        changed = self._draft.value.strip() != self._text
        saved = rx.cond(changed, on_save(self._draft.value, self._key.value), cancel)
        return rx.el.div(
            GrowingTextarea.create(
                value=self._draft.value,
                custom_attrs={
                    "onKeyDown": _with_glue(rx.Var(_KEYS)),
                    "onFocus": rx.Var(_AT_END),
                    "onChange": rx.Var("(event) => setDraft(event.target.value)"),
                },
                auto_focus=True,
                aria_label=name,
                min_rows=1,
                max_rows=14,
                rows=1,
                class_name="block w-full resize-none bg-transparent px-4 pt-3 pb-1 leading-6 outline-none",
            ),
            _buttons(saved, cancel),
            custom_attrs={"data-editor": ""},
            class_name="w-full rounded-2xl border border-ring bg-card",
        )


def _buttons(on_save: Any, on_cancel: Any) -> rx.Component:
    return rx.el.div(
        rx.el.button(
            "Cancel",
            type="button",
            custom_attrs={"data-cancel": ""},
            on_click=on_cancel,
            class_name=f"{QUIET} h-8 pointer-coarse:h-9 px-3 text-sm",
        ),
        rx.el.button(
            "Save",
            type="button",
            custom_attrs={"data-save": ""},
            on_click=on_save,
            class_name="h-8 pointer-coarse:h-9 rounded-lg bg-primary px-3 text-sm font-medium "
            "text-primary-foreground cursor-pointer hover:opacity-90 transition-opacity",
        ),
        class_name="flex justify-end gap-1.5 px-2 pb-2",
    )


def _with_glue(var: rx.Var) -> rx.Var:
    return var._replace(merge_var_data=VarData(components=(Glue.create(),)))
