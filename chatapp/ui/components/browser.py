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
  sessionStorage.removeItem("place");
} catch (error) { console.warn("nothing is kept here", error) }
""".replace("NAMES", str(list(_ON_ROOT)))

_CODE: Final = """
const listen = (...names) => (wake) => {
  for (const name of names) addEventListener(name, wake);
  return () => { for (const name of names) removeEventListener(name, wake) };
};
const onKept = listen("kept", "storage"), onLine = listen("online", "offline", "line");
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
const wide = globalThis.matchMedia?.("(min-width: 768px)");
const isWide = () => wide.matches;
const toggleSidebar = () => {
  const list = document.getElementById("sidebar");
  if (!isWide()) return list.togglePopover();
  keep("sidebar", document.documentElement.dataset.sidebar === "closed" ? "open" : "closed");
};
const showSidebar = () => {
  if (isWide()) keep("sidebar", "open");
  else if (!document.querySelector("#sidebar:popover-open")) document.getElementById("sidebar").showPopover();
};
const closeDrawer = () => document.getElementById("sidebar").hidePopover();
// The focus goes into the drawer, and comes back from it. What tells of what was done lies above it.
const drawerMoved = ({ newState, currentTarget: drawer }) => {
  document.querySelector(".toasts").togglePopover(newState === "open");
  const inside = drawer.contains(document.activeElement);
  if (newState === "closed") {
    const opener = document.querySelector("[popovertarget=sidebar]");
    return inside ? opener.focus() : focusOn(opener);
  }
  wide.addEventListener("change", closeDrawer, { once: true });
  if (inside) return;
  (drawer.querySelector("a[aria-current=page]") ?? drawer.querySelector("button")).focus();
};
const leave = (id) => {
  if (location.pathname === "/c/" + id) document.querySelector("[data-press=new-chat]").click();
};
const leaveDrawer = ({ relatedTarget }) => { if (relatedTarget?.closest("main")) closeDrawer() };
const focusOn = (element) => { if (document.activeElement === document.body) element?.focus() };
const searchField = () => document.querySelector("#sidebar input[type=search]");
const search = () => {
  const field = searchField(), here = document.activeElement;
  if (here !== field) field.cameFrom = here;
  field.focus();
  field.select();
};
const leaveSearch = (event) => {
  const clear = document.querySelector("[data-press=clear-search]");
  if (!clear && !isWide()) return;
  event.preventDefault();
  clear?.click();
  const field = searchField(), before = field.cameFrom;
  if (!isWide()) return field.focus();
  const there = before?.isConnected && before !== document.body;
  (there ? before : document.querySelector("textarea[aria-label=Message]")).focus();
};
// Arrow keys go through the links of the list, or of what was found; Escape ends the search.
const walk = (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key], here = event.target;
  if (event.nativeEvent.isComposing || event.altKey || !here.matches("a, input[type=search]")) return;
  if (event.key === "Escape" && here.matches("input, [data-results] a")) return leaveSearch(event);
  if (!step) return;
  const stops = [...event.currentTarget.querySelectorAll("input[type=search], a")];
  const next = stops[stops.indexOf(here) + step];
  if (next) { event.preventDefault(); next.focus() }
};
// A title that is being written; when it is done the focus goes back to where it came from.
const titleField = (field) => {
  field.focus();
  field.select();
  return () => setTimeout(() => focusOn(document.querySelector(field.dataset.back)));
};
// What has the focus and goes away hands it on: to where it appears again, or else to its neighbour.
const handOver = (node) => {
  let had = false;
  // A menu that closes takes the focus along for a moment: then it is nowhere, and still of this node.
  const watch = ({ type, relatedTarget }) => { had = type === "focusin" || !relatedTarget };
  for (const name of ["focusin", "focusout"]) node.addEventListener(name, watch);
  return () => {
    if (!had) return;
    const item = (one) => one?.querySelector("[data-item]")?.dataset.item;
    const near = [node, node.nextElementSibling, node.previousElementSibling].map(item).filter(Boolean);
    const next = [...near.map((id) => `[data-item="${id}"]`), node.dataset.next ?? "[data-press=new-chat]"];
    setTimeout(() => focusOn(next.map((one) => document.querySelector(one)).find(Boolean)));
  };
};
// A menu gives the focus back to its button, but not away from the title that it was used to change.
const leaveTitleAlone = (event) => {
  if (document.querySelector("[data-back]")) event.preventDefault();
};
const titleKey = (event) => {
  if (event.nativeEvent.isComposing || !["Enter", "Escape"].includes(event.key)) return;
  event.preventDefault();
  if (event.key === "Escape") event.target.value = event.target.defaultValue;
  event.target.blur();
};
// Enter opens the first of what was found, as soon as it is.
function useSearch(asked, emit) {
  const [text, setText] = useState(""), timer = useRef(), opens = useRef(false);
  const waiting = text.trim() !== asked;
  const change = (value) => {
    setText(value);
    opens.current = false;
    clearTimeout(timer.current);
    timer.current = setTimeout(() => emit(value.trim()), value ? 150 : 0);
  };
  useEffect(() => () => clearTimeout(timer.current), []);
  const open = () => { opens.current = false; document.querySelector("[data-results] a")?.click() };
  useEffect(() => { if (opens.current && !waiting) open() }, [waiting]);
  return {
    text, waiting, clear: () => change(""),
    key: (event) => {
      if (event.key !== "Enter" || event.nativeEvent.isComposing) return;
      if (waiting) opens.current = true; else open();
    },
    change: (event) => change(event.target.value),
  };
}
// What was written is there again when its field comes back: another form, or a server that began anew.
const written = {};
const noteWritten = ({ target }) => { written[target.id] = target.value };
// What has to be written again.
const toField = (note) => {
  const field = note?.dataset.field && document.getElementById(note.dataset.field);
  if (field) { field.focus(); field.select() }
};
const asked = () => dispatchEvent(new Event("asked"));
function useWaiting(...answers) {
  const [waits, setWaits] = useState(false);
  useEffect(() => {
    const wait = () => setWaits(true);
    addEventListener("asked", wait);
    return () => removeEventListener("asked", wait);
  }, []);
  useEffect(() => setWaits(false), answers);
  return waits;
}
function useTitle(title) {
  useEffect(() => {
    document.title = title ? title + " · chatapp" : "chatapp";
    return () => { document.title = "chatapp" };
  }, [title]);
}
const introduce = ({ name }) => {
  keep("name", name.trim());
  keep("met", "yes");
  document.querySelector("textarea[aria-label=Message]").focus();
};
// Reflex's own hooks for instruments: the end of a silent line is told in no other way.
const tellLine = (lost) => { window.lineIsLost = lost; dispatchEvent(new Event("line")) };
if (typeof window !== "undefined") {
  const hooks = { onSocketConnect: () => tellLine(false), onSocketDisconnect: () => tellLine(true) };
  window.__reflex_otel = { ...window.__reflex_otel, ...hooks };
}
const lineNow = () => !navigator.onLine ? "none" : window.lineIsLost ? "lost" : "there";
const useLine = () => useSyncExternalStore(onLine, lineNow, () => "there");
// A reload that brings the same old page, from a cache for example, is not asked for twice.
const reloadFor = (build) => { sessionStorage.setItem("reloaded-for", build); location.reload() };
const wasReloadedFor = (build) => sessionStorage.getItem("reloaded-for") === build;
"""


class BrowserGlue(rx.Fragment):
    """Brings the code above into each module that uses it."""

    @override
    def add_imports(self) -> dict[str, list[ImportVar]]:
        hooks = ("useEffect", "useRef", "useState", "useSyncExternalStore")
        return {"react": [ImportVar(tag=name) for name in hooks]}

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


def code(name: str) -> rx.Var:
    """One of the functions above, for an attribute that Reflex has no event for."""
    return rx.Var(name, _var_data=VarData(components=(BrowserGlue.create(),)))


def do(expression: str, *used: rx.Var) -> rx.event.EventSpec:
    """An event that runs an expression in the browser, with the functions above."""
    data = VarData.merge(
        VarData(components=(BrowserGlue.create(),)), *(one._get_all_var_data() for one in used)
    )
    return rx.call_function(rx.Var(f"() => {{ {expression} }}", _var_data=data))
