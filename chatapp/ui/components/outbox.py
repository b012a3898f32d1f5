"""The way from the composer to the server: what was written is kept in the browser until it is accepted.

This is the page's one piece of JavaScript, since it must work when there is no server: a draft for each
conversation, and an outbox. What is sent is first put into the outbox and then emitted; it leaves the
outbox when the server acknowledges its key, and everything in it is emitted again when a page is hydrated
anew. The server takes each key once. Both are kept under the account, so that nobody sends what another has
written.
"""

from typing import Final

import reflex as rx
from reflex_base.event import EventChain
from reflex_base.utils.imports import ImportVar
from reflex_base.vars import VarData
from reflex_base.vars.base import LiteralVar
from typing_extensions import override

from chatapp.ui.chat import Chat
from chatapp.ui.side import Side

#: Sent in one frame of the socket, which may hold 1,000,000 bytes.
MAX_BYTES: Final = 900_000

_CODE: Final = """
const FULL = "This browser's storage is full: ";
const number = (count) => count.toLocaleString("en");
const hex = (byte) => byte.toString(16).padStart(2, "0");
const newKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), hex).join("");
const storage = (key, text) => text ? localStorage.setItem(key, text) : localStorage.removeItem(key);
const readBox = (me) => {
  try { return JSON.parse(localStorage.getItem("outbox:" + me)) ?? [] } catch { return [] }
};
const writeBox = (me, box) => {
  storage("outbox:" + me, box.length && JSON.stringify(box));
  dispatchEvent(new Event("outbox"));
};
const onBox = (wake) => {
  for (const name of ["outbox", "storage"]) addEventListener(name, wake);
  return () => { for (const name of ["outbox", "storage"]) removeEventListener(name, wake) };
};
const on = (name, listener) => {
  addEventListener(name, listener);
  return () => removeEventListener(name, listener);
};
const putBack = (text, cid, why) =>
  dispatchEvent(new CustomEvent("put-back", { detail: { text, cid, why } }));
const MOVED_ON = "The message that you were changing has moved on: your words are here.";
const thisTab = () => {
  if (!sessionStorage.getItem("tab")) sessionStorage.setItem("tab", newKey());
  return sessionStorage.getItem("tab");
};
const isEnter = (event) =>
  event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing && event.keyCode !== 229;
const useConversation = () => useLocation().pathname.match(/^\\/c\\/([^/]+)/)?.[1] ?? "";
const useMe = (me) => me || globalThis.localStorage?.getItem("me") || "";

// Other tabs show what this one sends when the server has it, and its box only if it seems to be left behind.
function usePending(me, acked) {
  const who = useMe(me), cid = useConversation();
  const read = () => localStorage.getItem("outbox:" + who) ?? "[]";
  const raw = useSyncExternalStore(onBox, read, () => "[]");
  const mine = (m) => m.tab === thisTab() || Date.now() - m.at > 3000;
  const waits = (m) => m.cid === cid && !acked.includes(m.key) && mine(m);
  return useMemo(() => JSON.parse(raw).filter(waits), [raw, cid, acked]);
}

// A choice counts at once, and until the server says which model it is now.
function useModel(said) {
  const [picked, pick] = useState(null);
  useEffect(() => on("model", (event) => pick(event.detail)), []);
  useEffect(() => pick(null), [said]);
  return picked ?? said;
}

// A message that is changed where it stands. The focus comes back to the button that opened the editor, and
// a text is not lost when its message goes away meanwhile: it goes to the composer.
function useEditor({ editing, setEditing, draft, id, text }) {
  const cid = useConversation(), was = useRef(false), unsaved = useRef("");
  unsaved.current = editing && draft.trim() && draft !== text ? draft : "";
  useEffect(() => {
    const button = `[data-message-id="${id}"] [data-edit]`;
    if (was.current && !editing) document.querySelector(button)?.focus({ preventScroll: true });
    was.current = editing;
  }, [editing]);
  useEffect(() => setEditing(false), [id, text]);
  useEffect(() => () => { if (unsaved.current) putBack(unsaved.current, cid, MOVED_ON) }, []);
}

function useComposer({ me, epoch, limit, said, acked, refused, emit }) {
  const model = useModel(said);
  const who = useMe(me), cid = useConversation(), navigate = useNavigate();
  const place = (id) => "draft:" + who + ":" + id, draft = place(cid);
  const [text, setText] = useState(""), [problem, setProblem] = useState({});
  // What is written now: a second Enter may come before the first has been drawn.
  const field = useRef(null), fresh = useRef(true), now = useRef("");
  const complain = (words, where = draft) => setProblem({ words, where });
  const show = (value) => { now.current = value; setText(value) };
  const change = (value) => {
    show(value);
    setProblem({});
    try { storage(draft, value) } catch { complain(FULL + "this draft is not kept. Please send or copy it.") }
  };
  const send = (words) => {
    if (!words.trim()) return;
    const length = words.length > limit ? Array.from(words).length : words.length;
    if (limit && length > limit || new Blob([words]).size > MAX_BYTES)
      return complain(`${number(length)} characters are too many. Please shorten it to ${number(limit)}.`);
    const tab = thisTab(), at = Date.now();
    const m = { key: newKey(), cid: cid || newKey(), first: !cid, text: words, model, tab, at };
    try { writeBox(who, [...readBox(who), m]) }
    catch { return complain(FULL + "nothing was sent. Please make room and try again.") }
    if (words === now.current) change("");
    emit(m.key, m.cid, m.text, m.model);
    if (!cid) navigate("/c/" + m.cid);
    dispatchEvent(new Event("sent"));
  };
  useEffect(() => {
    const early = "draft::" + cid, kept = localStorage.getItem(draft) ?? localStorage.getItem(early) ?? "";
    // The field can be written in before any script runs.
    const typed = fresh.current ? field.current?.value ?? "" : "";
    fresh.current = false;
    if (who) localStorage.removeItem(early);
    show(kept + typed);
    if (typed) storage(draft, now.current);
    // The message that an address names has the focus.
    const elsewhere = new URLSearchParams(location.search).has("m");
    if (!elsewhere && matchMedia("(pointer: fine)").matches) field.current?.focus();
  }, [draft]);
  useEffect(() => {
    if (!epoch) return;
    localStorage.setItem("me", me);
    if (readBox("").length) {
      writeBox(me, [...readBox(me), ...readBox("")]);
      writeBox("", []);
    }
    for (const m of readBox(me)) emit(m.key, m.cid, m.text, m.model);
  }, [epoch]);
  useEffect(() => {
    const box = readBox(who), left = box.filter((m) => !acked.includes(m.key));
    if (left.length < box.length) writeBox(who, left);
  }, [acked]);
  useEffect(() => {
    const box = readBox(who), m = box.find((one) => one.key === refused.key);
    if (!m) return;
    writeBox(who, box.filter((one) => one !== m));
    // A conversation that was to begin with it never came to be.
    const where = place(m.first ? "" : m.cid), rest = localStorage.getItem(where);
    const back = rest ? m.text + "\\n\\n" + rest : m.text;
    storage(where, back);
    complain(refused.message, where);
    if (where === draft) show(back);
    else if (m.cid === cid) navigate("/", { replace: true });
  }, [refused]);
  useEffect(() => on("starter", (event) => send(event.detail)));
  useEffect(() => {
    const putBack = ({ detail: { text: back, cid: of, why } }) => {
      const where = place(of), rest = where === draft ? now.current : localStorage.getItem(where) ?? "";
      const both = rest.trim() ? back + "\\n\\n" + rest : back;
      if (where === draft) change(both); else storage(where, both);
      if (why) complain(why, where);
    };
    return on("put-back", putBack);
  });
  const near = limit && text.length > 0.9 * limit;
  return {
    text, field, submit: () => send(now.current),
    problem: problem.where === draft ? problem.words : "",
    count: near ? number(Array.from(text).length) + " / " + number(limit) : "",
    change: (event) => change(event.target.value),
    key: (event) => {
      if (!isEnter(event)) return;
      event.preventDefault();
      send(now.current);
    },
  };
}
""".replace("MAX_BYTES", str(MAX_BYTES))


class Glue(rx.Fragment):
    """Brings the code above into each module that uses a hook of it."""

    @override
    def add_imports(self) -> dict[str, list[ImportVar]]:
        hooks = ("useEffect", "useMemo", "useRef", "useState", "useSyncExternalStore")
        return {
            "react": [ImportVar(tag=name) for name in hooks],
            "react-router": [ImportVar(tag=name) for name in ("useLocation", "useNavigate")],
        }

    @override
    def add_custom_code(self) -> list[str]:
        return [_CODE]


def composer_var(name: str, kind: type = str) -> rx.Var:
    """A field of what `useComposer` returns. All users of one composer stand together in one component."""
    emit = LiteralVar.create(
        EventChain.create(
            Chat.send, args_spec=lambda key, cid, text, model: [key, cid, text, model], key="on_send"
        )
    )
    given = {
        "me": Side.me, "epoch": Side.epoch, "limit": Side.max_chars, "said": Chat.model,
        "acked": Chat.acked, "refused": Chat.refused, "emit": emit,
    }  # fmt: skip
    arguments = ", ".join(f"{key}: {value!s}" for key, value in given.items())
    hook = f"const composer = useComposer({{{arguments}}})"
    return _hooked(f"composer.{name}", kind, hook, *given.values())


def pending_var() -> rx.Var[list[dict[str, str]]]:
    """What was sent in this conversation and not acknowledged yet."""
    hook = f"const pending = usePending({Side.me!s}, {Chat.acked!s})"
    return _hooked("pending", list[dict[str, str]], hook, Side.me, Chat.acked)


def model_var() -> rx.Var[str]:
    """The model that answers the next message."""
    return _hooked("model", str, f"const model = useModel({Chat.model!s})", Chat.model)


def pick_model(model: rx.Var[str]) -> rx.event.EventSpec:
    """Tells the page of a choice, before the server knows it."""
    tell = f'() => dispatchEvent(new CustomEvent("model", {{ detail: {model!s} }}))'
    return rx.call_function(rx.Var(tell, _var_data=model._get_all_var_data()))


def put_back(text: rx.Var[str], conversation_id: rx.Var[str]) -> rx.event.EventSpec:
    """Puts a text before what is written in the composer of this conversation."""
    data = VarData.merge(
        text._get_all_var_data(),
        conversation_id._get_all_var_data(),
        VarData(components=(Glue.create(),)),
    )
    return rx.call_function(rx.Var(f"() => putBack({text!s}, {conversation_id!s})", _var_data=data))


def conversation_var() -> rx.Var[str]:
    """The conversation in the address: the page's own, before the server has answered."""
    return _hooked("conversation", str, "const conversation = useConversation()")


def _hooked(expression: str, kind: type, hook: str, *used: rx.Var) -> rx.Var:
    own = VarData.merge(*(var._get_all_var_data() for var in used), VarData(components=(Glue.create(),)))
    return rx.Var(
        expression, _var_type=kind, _var_data=VarData.merge(own, VarData(hooks={hook: own}))
    ).guess_type()
