"""What the page does without the server, beside the outbox: it keeps choices of look, and follows them.

Choices are in the browser's storage, and on the root element as `data-…` attributes, where the style reads
them. `early_script` puts them there before the first paint.
"""

from typing import Final

import reflex as rx
from reflex_base.utils.imports import ImportVar
from reflex_base.vars import VarData
from typing_extensions import override

#: Kept in the browser, and on the root element.
_ON_ROOT: Final = ("accent", "sidebar", "name", "met")

_EARLY: Final = """
try {
  var root = document.documentElement;
  for (var name of NAMES) if (localStorage.getItem(name)) root.dataset[name] = localStorage.getItem(name);
  if (/Mac|iP(hone|ad)/.test(navigator.platform)) root.dataset.mac = "";
  localStorage.setItem("utc_offset", -new Date().getTimezoneOffset());
} catch (error) { console.warn("nothing is kept here", error) }
""".replace("NAMES", str(list(_ON_ROOT)))

_CODE: Final = """
const onKept = (wake) => {
  for (const name of ["kept", "storage"]) addEventListener(name, wake);
  return () => { for (const name of ["kept", "storage"]) removeEventListener(name, wake) };
};
const keep = (name, value) => {
  try { localStorage.setItem(name, value) } catch { /* for this page only */ }
  document.documentElement.dataset[name] = value;
  dispatchEvent(new Event("kept"));
};
function useKept(name, fallback) {
  const read = () => document.documentElement.dataset[name] || fallback;
  useEffect(() => {
    const follow = (event) => {
      if (event.key === name && event.newValue) keep(name, event.newValue);
    };
    addEventListener("storage", follow);
    return () => removeEventListener("storage", follow);
  }, [name]);
  return useSyncExternalStore(onKept, read, () => fallback);
}
const isWide = () => matchMedia("(min-width: 768px)").matches;
const toggleSidebar = () => {
  const list = document.getElementById("sidebar");
  if (!isWide()) return list.togglePopover();
  keep("sidebar", document.documentElement.dataset.sidebar === "closed" ? "open" : "closed");
};
const showSidebar = () => {
  if (isWide()) keep("sidebar", "open");
  else if (!document.querySelector("#sidebar:popover-open")) document.getElementById("sidebar").showPopover();
};
const introduce = ({ name }) => {
  keep("name", name.trim());
  keep("met", "yes");
  document.querySelector("textarea[aria-label=Message]").focus();
};
"""


class BrowserGlue(rx.Fragment):
    """Brings the code above into each module that uses it."""

    @override
    def add_imports(self) -> dict[str, list[ImportVar]]:
        return {"react": [ImportVar(tag=name) for name in ("useEffect", "useSyncExternalStore")]}

    @override
    def add_custom_code(self) -> list[str]:
        return [_CODE]


def early_script() -> rx.Component:
    """For the head: looks that are kept count from the first paint, and the server learns the time zone."""
    return rx.el.script(_EARLY)


def kept(name: str, fallback: str) -> rx.Var[str]:
    """A choice that is kept in this browser; all its tabs follow it."""
    hook = f'const {name} = useKept("{name}", "{fallback}")'
    data = VarData(components=(BrowserGlue.create(),))
    return rx.Var(
        name, _var_type=str, _var_data=VarData.merge(data, VarData(hooks={hook: data}))
    ).guess_type()


def do(expression: str, *used: rx.Var) -> rx.event.EventSpec:
    """An event that runs an expression in the browser, with the functions above."""
    data = VarData.merge(
        VarData(components=(BrowserGlue.create(),)), *(one._get_all_var_data() for one in used)
    )
    return rx.call_function(rx.Var(f"() => {{ {expression} }}", _var_data=data))
