"""Where in the conversation the reader is: at its end, at a message that was looked for, or elsewhere.

`use-stick-to-bottom` follows the end. While the end is not among the messages that are shown, there is
nothing to follow. What the browser does beside that is below, since it must happen between two frames.
"""

from typing import Final

import reflex as rx
from reflex_base.utils.imports import ImportVar
from reflex_base.vars import VarData
from typing_extensions import override

from chatapp.ui.chat import Chat
from chatapp.ui.components.message import rows

LIBRARY: Final = "use-stick-to-bottom@1.1.6"

_CODE: Final = """
const MOVES = ["wheel", "touchmove", "keydown", "pointerdown"];

// The message is kept in the middle while what is around it gets its real height, until the reader moves.
// Then the address lets go of it: who comes back later, or reconnects, is not taken there again.
const lookAt = (id) => {
  const found = document.querySelector(`[data-message-id="${id}"]`);
  if (!found) return;
  const until = performance.now() + 3000, last = setTimeout(() => delete found.dataset.found, 2500);
  let frame = 0;
  const aim = () => {
    found.scrollIntoView({ block: found.offsetHeight > innerHeight / 2 ? "start" : "center" });
    if (performance.now() < until) frame = requestAnimationFrame(aim);
  };
  const stop = () => {
    cancelAnimationFrame(frame);
    for (const name of MOVES) removeEventListener(name, move, true);
  };
  const move = () => {
    stop();
    if (new URLSearchParams(location.search).get("m") === id)
      history.replaceState(history.state, "", location.pathname);
  };
  for (const name of MOVES) addEventListener(name, move, { capture: true, passive: true });
  found.dataset.found = "";
  found.tabIndex = -1;
  found.focus({ preventScroll: true });
  aim();
  return () => { stop(); clearTimeout(last); delete found.dataset.found };
};

// A browser holds the place when something is put before what one reads, but not at the very top, and not
// always near it. So it is looked at where everything was, and whether it is there still.
function useTop({ current: scroller }, first) {
  const was = useRef(first), top = useRef();
  if (scroller && was.current !== first) {
    const one = scroller.querySelector("article");
    was.current = first;
    top.current = one && { one, at: one.offsetTop - scroller.scrollTop };
  }
  useLayoutEffect(() => {
    const { one, at } = top.current ?? {};
    const to = one?.isConnected ? one.offsetTop - at : scroller?.scrollTop;
    if (Math.abs(scroller?.scrollTop - to) > 1) scroller.scrollTop = to;
  }, [first]);
}

// A wheel that is turned back is a reader who leaves the end. The library does not see it above a table, and
// takes it back when what is at the end shrinks before the page has moved.
const WHEEL_MS = 1000, NEAR_END = 70;
function useLeave({ scrollRef, stopScroll }) {
  useEffect(() => {
    const scroller = scrollRef.current;
    let turnedAt = -WHEEL_MS, was = scroller.scrollTop;
    const turned = ({ deltaY, ctrlKey, target }) => {
      if (deltaY >= 0 || ctrlKey || !scroller.scrollTop || target.closest("textarea")) return;
      turnedAt = performance.now();
      stopScroll();
    };
    const moved = () => {
      const { scrollTop, scrollHeight, clientHeight } = scroller;
      const left = scrollTop < was && scrollHeight - scrollTop - clientHeight > NEAR_END;
      was = scrollTop;
      if (left && performance.now() - turnedAt < WHEEL_MS) stopScroll();
    };
    const heard = { wheel: turned, scroll: moved };
    for (const name in heard) scroller.addEventListener(name, heard[name], { passive: true });
    return () => { for (const name in heard) scroller.removeEventListener(name, heard[name]) };
  }, []);
}

// The first message in view, "" at the end: told when the page comes back after an interruption.
function useKeptPlace({ scrollRef }, atEnd) {
  useEffect(() => {
    const scroller = scrollRef.current;
    let rests;
    const keep = () => {
      const all = atEnd ? [] : [...scroller.querySelectorAll("article")];
      const isSeen = (one) => one.getBoundingClientRect().bottom > scroller.getBoundingClientRect().top;
      const id = all.find(isSeen)?.dataset.messageId ?? "";
      try { sessionStorage.setItem("place", id) } catch { /* it is not kept */ }
    };
    const later = () => { clearTimeout(rests); rests = setTimeout(keep, 100) };
    later();
    scroller.addEventListener("scroll", later, { passive: true });
    return () => { clearTimeout(rests); scroller.removeEventListener("scroll", later) };
  }, [atEnd]);
}

function usePlace({ arrived, later, sought, first }) {
  const context = useStickToBottomContext(), { isAtBottom, scrollToBottom, stopScroll } = context;
  useTop(context.scrollRef, first);
  useLeave(context);
  const atEnd = isAtBottom && !later;
  useKeptPlace(context, atEnd);
  const seen = useRef(arrived), wasLater = useRef(false), toEnd = useRef(false);
  if (atEnd || seen.current > arrived) seen.current = arrived;
  const goToEnd = (how) => { toEnd.current = later; if (!later) scrollToBottom(how) };
  useLayoutEffect(() => {
    context.targetScrollTop = later ? () => 0 : null;
    if (wasLater.current && !later) { if (toEnd.current) scrollToBottom("instant"); else stopScroll() }
    wasLater.current = later;
    toEnd.current = false;
  }, [later]);
  useEffect(() => {
    const sent = () => goToEnd("instant");
    addEventListener("sent", sent);
    return () => removeEventListener("sent", sent);
  }, [later]);
  useEffect(() => {
    if (!sought.id) return;
    stopScroll();
    return lookAt(sought.id);
  }, [sought.visit]);
  return { atEnd, fresh: Math.max(arrived - seen.current, 0), goToEnd };
}
"""


class PlaceGlue(rx.Fragment):
    """Brings the code above into each module that uses it."""

    @override
    def add_imports(self) -> dict[str, list[ImportVar]]:
        return {
            "react": [ImportVar(tag=name) for name in ("useEffect", "useLayoutEffect", "useRef")],
            LIBRARY: [ImportVar(tag="useStickToBottomContext")],
        }

    @override
    def add_custom_code(self) -> list[str]:
        return [_CODE]


def place_var(name: str, kind: type) -> rx.Var:
    """`atEnd`, and how many `fresh` messages came since the reader was there; `goToEnd` is a function.

    Its users stand together in one component, inside of the scroller.
    """
    given = {
        "arrived": Chat.arrived, "later": Chat.later, "sought": Chat.sought, "first": rows()[0]["id"],
    }  # fmt: skip
    glue = VarData(components=(PlaceGlue.create(),))
    own = VarData.merge(*(one._get_all_var_data() for one in given.values()), glue)
    arguments = ", ".join(f"{key}: {value!s}" for key, value in given.items())
    hook = f"const place = usePlace({{ {arguments} }})"
    data = VarData.merge(own, VarData(hooks={hook: own}))
    return rx.Var(f"place.{name}", _var_type=kind, _var_data=data).guess_type()
