"""Keys for what one does often, and the sheet that lists them.

A key presses the button that is there for the same thing, so both always do the same.
"""

from dataclasses import dataclass
from typing import Final

import reflex as rx
from reflex_base.utils.imports import ImportVar
from reflex_base.vars import VarData
from typing_extensions import override

from chatapp.ui.components.browser import BrowserGlue
from chatapp.ui.components.buttons import icon_button

_LIBRARY: Final = "react-hotkeys-hook@5.4.0"
_SHEET: Final = "help"


#: What works without being a shortcut of the page: keys as the sheet writes them, and what they do.
OTHERS: Final = (
    ("Enter", "Send the message"),
    ("Shift Enter", "New line"),
    ("↑ ↓", "Through the conversations, or what was found"),
    ("Enter", "Open one; in the search, the first"),
    ("Esc", "Leave the search, a menu, a title"),
    ("F8", "To the notifications"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Shortcut:
    """`keys` in the words of react-hotkeys-hook (`mod` is Ctrl, or ⌘ on a Mac); `run` is JavaScript.

    `when`: where it does not hold, the key keeps its own meaning. `shown`: how the sheet writes the keys.
    """

    keys: str
    shown: str
    what: str
    run: str
    when: str = "true"
    in_fields: bool = True


SHORTCUTS: Final = (
    Shortcut(
        keys="mod+shift+o",
        shown="Ctrl Shift O",
        what="New chat",
        run='press("[data-press=new-chat]"); write()',
    ),
    Shortcut(keys="mod+k", shown="Ctrl K", what="Search conversations", run="showSidebar(); search()"),
    Shortcut(keys="alt+up", shown="Alt ↑", what="Previous conversation", run="go(-1)"),
    Shortcut(keys="alt+down", shown="Alt ↓", what="Next conversation", run="go(1)"),
    Shortcut(keys="shift+escape", shown="Shift Esc", what="Write a message", run="write()"),
    Shortcut(
        keys="up",
        shown="↑",
        what="Edit the last message, from the empty composer",
        run="press(EDIT)",
        when="event.target.matches(COMPOSER) && !event.target.value && find(EDIT)",
    ),
    Shortcut(
        keys="escape",
        shown="Esc",
        what="Stop the reply",
        run="press(STOP)",
        when="isAlone(event) && find(STOP)",
    ),
    Shortcut(
        keys="mod+shift+c",
        shown="Ctrl Shift C",
        what="Copy the last reply",
        run="press(COPY)",
        when="find(COPY)",
    ),
    Shortcut(
        keys="mod+shift+s",
        shown="Ctrl Shift S",
        what="Show or hide the conversations",
        run="toggleSidebar()",
    ),
    Shortcut(keys="mod+shift+l", shown="Ctrl Shift L", what="Light or dark", run="press(THEME)"),
    Shortcut(keys="mod+/,mod+shift+/", shown="Ctrl /", what="Show these keys", run="help()"),
    Shortcut(
        keys="?,shift+?", shown="?", what="Show these keys, outside of a field", run="help()", in_fields=False
    ),
)

_CODE: Final = """
const COMPOSER = "textarea[aria-label=Message]", STOP = "button[aria-label=Stop]";
const EDIT = "article[data-role=user] button[aria-label=Edit]";
const COPY = "article[data-role=assistant] button[aria-label=Copy]";
const THEME = "button[aria-label='Toggle theme']";
const find = (selector) => [...document.querySelectorAll(selector)].at(-1);
const press = (selector) => find(selector)?.click();
const write = () => find(COMPOSER)?.focus();
const help = () => { const sheet = document.getElementById("SHEET"); if (!sheet.open) sheet.showModal() };
const isAlone = (event) => !event.defaultPrevented && !event.isComposing
  && !find(":popover-open, dialog[open], [role=menu]")
  && (!event.target.matches("input, textarea") || event.target.matches(COMPOSER));
const go = (step) => {
  const links = [...document.querySelectorAll("#sidebar a[href^='/c/']")];
  const here = links.findIndex((link) => link.pathname === location.pathname);
  links[here < 0 ? 0 : here + step]?.click();
};
""".replace("SHEET", _SHEET)


class Keys(rx.Fragment):
    """Listens to the page's keys; draws nothing."""

    @override
    def add_imports(self) -> dict[str, list[ImportVar]]:
        return {_LIBRARY: [ImportVar(tag="useHotkeys")]}

    @override
    def add_custom_code(self) -> list[str]:
        return [_CODE]

    @override
    def add_hooks(self) -> list[str]:
        return [_hook(one) for one in SHORTCUTS]


def _hook(one: Shortcut) -> str:
    return (
        f'useHotkeys("{one.keys}", () => {{ {one.run} }}, {{ useKey: true, preventDefault: true, '
        f"enableOnFormTags: {str(one.in_fields).lower()}, ignoreEventWhen: (event) => !({one.when}) }});"
    )


def shortcuts() -> rx.Component:
    """The keys themselves, and the sheet that lists them."""
    return rx.fragment(Keys.create(BrowserGlue.create()), _sheet())


def help_button() -> rx.Component:
    """Opens the sheet; the browser gives the focus back to it."""
    return icon_button(
        "Keyboard shortcuts", "keyboard", on_click=_call(f'getElementById("{_SHEET}").showModal()')
    )


def _sheet() -> rx.Component:
    """The browser's own dialog: it keeps the focus inside, closes on Escape and outside."""
    return rx.el.dialog(
        rx.el.div(
            rx.el.h2("Keyboard shortcuts", id="help-title", class_name="text-lg font-semibold"),
            icon_button("Close", "x", on_click=_call(f'getElementById("{_SHEET}").close()')),
            class_name="mb-3 flex items-center justify-between",
        ),
        rx.el.div(
            _lines("Everywhere", *((one.shown, one.what) for one in SHORTCUTS)),
            _lines("Where one is", *OTHERS),
            class_name="grid gap-x-10 gap-y-5 sm:grid-cols-[3fr_2fr]",
        ),
        id=_SHEET,
        aria_labelledby="help-title",
        custom_attrs={"closedby": "any"},
        class_name="floating w-[min(50rem,calc(100vw-2rem))] bg-popover p-5 sm:p-6",
    )


def _lines(heading: str, *lines: tuple[str, str]) -> rx.Component:
    return rx.el.section(
        rx.el.h3(heading, class_name="pb-1 text-xs font-medium text-muted-foreground"),
        rx.el.dl(*(_line(*line) for line in lines), class_name="divide-y divide-border text-sm"),
    )


def _line(shown: str, what: str) -> rx.Component:
    return rx.el.div(
        rx.el.dt(what),
        rx.el.dd(*(_key(key) for key in shown.split()), class_name="flex shrink-0 gap-1"),
        class_name="flex items-center justify-between gap-4 py-2",
    )


def _key(key: str) -> rx.Component:
    if key != "Ctrl":
        return rx.el.kbd(key)
    return rx.fragment(rx.el.kbd("Ctrl", class_name="for-others"), rx.el.kbd("⌘", class_name="for-mac"))


def _call(what: str) -> rx.event.EventSpec:
    return rx.call_function(rx.Var(f"() => document.{what}", _var_data=VarData()))
