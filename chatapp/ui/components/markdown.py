"""A reply's markdown, by Streamdown: in parts that are drawn once, completed where unfinished, trusted in
nothing."""

from typing import Final

import reflex as rx
from reflex_base.components.component import MemoizationLeaf
from reflex_base.utils.imports import ImportVar
from typing_extensions import override

from chatapp.ui.components.diagrams import DIAGRAMS, MERMAID
from chatapp.ui.parts import Cut

_STREAMDOWN: Final = "streamdown@2.7.1"
_CODE: Final = "@streamdown/code@2.0.0"
_MATH: Final = "@streamdown/math@1.0.3"
_KATEX: Final = "katex@0.16.47"  # math's own, for its style and fonts
_BOUNDARY: Final = "react-error-boundary"  # Reflex's own, in its version

_REACT: Final = (
    "createContext", "createElement", "lazy", "memo", "startTransition", "Suspense", "useContext",
    "useEffect", "useRef", "useState",
)  # fmt: skip

# Fetched at once where there is something to draw, else when the first key is pressed: it is more script than
# all the rest of the page. A server may be away just then, so it is asked again until it answers; meanwhile
# the text stands there as it is. It does so too where a part cannot be drawn, which must not take the page
# with it.
_FETCHING: Final = """
const persist = async (load, ms = 500) => {
  for (;;) {
    try { return await load() } catch { await new Promise((done) => setTimeout(done, ms)) }
    ms = Math.min(2 * ms, 8000);
  }
};
let fetched, sentAt;
const packages = () => [import("streamdown"), import("@streamdown/code"), import("@streamdown/math")];
const renderer = () => (fetched ??= persist(() => Promise.all(packages())));
const whenIdle = (run) => (window.requestIdleCallback ?? setTimeout)(run);
if (typeof window !== "undefined") {
  if (location.pathname.startsWith("/c/")) renderer();
  for (const kind of ["pointerdown", "keydown", "input"]) addEventListener(kind, renderer, { once: true });
  addEventListener("sent", () => { sentAt = Date.now() });
}
"""

# `$x$`, `\\(x\\)` and `\\[x\\]` as the one form that the parser takes, which leaves amounts of dollars alone:
# as for Pandoc, a dollar opens before no space and closes after none, and before no digit. Code is passed
# over. A formula is hidden until it is whole.
_FORMULAS: Final = r"""
const FORMULA = new RegExp([
  /(?<ticks>`+)(?:[^]*?[^`]\k<ticks>(?!`))?|\\[\\$]/,
  /\$\$(?<a>[^]+?)\$\$|\\\[(?<b>[^]+?)\\\]|\\\((?<c>[^]+?)\\\)/,
  /(?<![\w$])\$(?=[^\s$])(?<d>(?:\\.|[^$\\\n`])*)(?<!\s)\$(?![\d$])/,
  /(?<open>\$\$|\\\[|\\\()[^]*$/,
].map((one) => one.source).join("|"), "g");
const formulas = (text, live) => !/[$\\]/.test(text) ? text : text.replace(FORMULA, (all, ...found) => {
  const { a, b, c, d, open } = found.at(-1);
  const at = found.at(-3);
  if (open) return live ? "" : all;
  const inner = (a ?? b ?? c ?? d)?.trim();
  if (!inner) return all;
  const before = /(?:^|\n)([ \t]*)$/.exec(text.slice(0, at));
  const alone = (a ?? b) && before && /^[ \t]*(?:\n|$)/.test(text.slice(at + all.length));
  return alone ? `$$\n${before[1]}${inner}\n${before[1]}$$` : `$$${inner.replaceAll("\n", " ")}$$`;
});
"""

# What Streamdown is given is made once, since it draws everything again when that changes. - rehype-raw is
# left out, so HTML in a reply is text. - No image is loaded by being shown: a picture's address can carry a
# conversation away. It is a link. - Links open in a tab of their own that cannot reach back. Other kinds, and
# our own pages, are text. - Headings go below those of the page. - What scrolls can be reached by keyboard.
_ELEMENTS: Final = """
const A = ({ href, children }) =>
  /^(https?:|mailto:)/i.test(href ?? "")
    ? createElement("a", { href, title: href, target: "_blank", rel: "noopener noreferrer" }, children)
    : createElement("span", null, children);
const host = (src) => { try { return new URL(src).host } catch { return "" } };
const Img = ({ src, alt }) =>
  /^https?:/i.test(src ?? "")
    ? createElement(A, { href: src }, "Open image" + (alt ? ` “${alt}”` : "") + " from " + host(src))
    : createElement("span", null, alt ?? "");
const Input = ({ checked }) => {
  const name = checked ? "Done" : "Not done";
  const props = { type: "checkbox", checked: !!checked, disabled: true, readOnly: true };
  return createElement("input", { ...props, "aria-label": name });
};
const heading = (level) => ({ children }) =>
  createElement("h2", { className: `h${level}`, "data-streamdown": `heading-${level}` }, children);
const headings = Object.fromEntries([1, 2, 3, 4, 5, 6].map((level) => [`h${level}`, heading(level)]));
const scrolls = (name) => ({ tabIndex: 0, role: "group", "aria-label": name });
"""

# A code block is drawn by lines, of which only new ones are coloured and drawn. Out of sight it is not laid
# out and has the height of its lines, or what is read would jump. `CopyRest` is the text of the parts that go
# on with the block.
_BLOCKS: Final = r"""
const CopyRest = createContext("");
const THEMES = ["github-light-high-contrast", "github-dark-default"];
const Line = memo(({ tokens, first }) => {
  const drawn = ({ content, htmlStyle }, key) => createElement("span", { key, style: htmlStyle }, content);
  return createElement("span", { className: "line" }, first ? null : "\n", tokens.map(drawn));
});
const FENCE = /^(?:`{3,}[^`\n]*|~{3,}.*)\n/;
// Only its end is looked at: there is much of it, and this is done at each token.
const unfenced = (code) => code.slice(0, -99) + code.slice(-99).replace(/\n?[ \t]*(?:`{3,}|~{3,})\s*$/, "");
const fenced = (text) => {
  const [first] = FENCE.exec(text) ?? [];
  if (!first) return null;
  const run = /^(?:`+|~+)/.exec(first)[0];
  const body = text.slice(first.length);
  const closed = body.search(new RegExp(`(?:^|\\n) {0,3}${run}${run[0]}*[ \\t]*\\n*$`));
  return {
    language: first.slice(run.length).trim().split(/\s/)[0].toLowerCase(),
    code: closed < 0 ? body.replace(/\n?[`~]{0,2}$/, "") : body.slice(0, closed),
    closed: closed >= 0,
  };
};
const blocks = (streamdown, { code: shiki }) => {
  const { CodeBlockContainer, CodeBlockHeader, CodeBlockCopyButton, TableCopyDropdown } = streamdown;
  const Copy = ({ code }) => {
    const button = createElement(CodeBlockCopyButton, { code: code + useContext(CopyRest) });
    return createElement("div", { "data-streamdown": "code-block-actions" }, button);
  };
  const Code = memo(({ code, language, open, goesOn }) => {
    const [rows, setRows] = useState(null);
    useEffect(() => {
      if (/[^\n]{2000}/.test(code)) return setRows(null);
      let wanted = true;
      // Many blocks get their colours at once when their language has been fetched.
      const set = ({ tokens }) => wanted && setRows(tokens);
      const show = open ? set : (found) => startTransition(() => set(found));
      const colour = () => {
        const found = wanted && shiki.highlight({ code, language, themes: THEMES, isIncomplete: open }, show);
        if (found) show(found);
      };
      open ? colour() : whenIdle(colour);
      return () => { wanted = false };
    }, [code, language, open]);
    const name = language ? `Code, ${language}` : "Code";
    const line = (tokens, key) => createElement(Line, { key, tokens, first: key === 0 });
    const lines = rows?.map(line) ?? code;
    const head = createElement(CodeBlockHeader, { key: 0, language: language || "text" });
    const pre = createElement("pre", scrolls(name), createElement("code", null, lines));
    const size = code.split("\n").length * 1.35 + (goesOn ? 0.75 : 3.75);
    const style = { contentVisibility: open ? "visible" : "auto", containIntrinsicSize: `auto ${size}rem` };
    const props = { language, style, className: open ? "live" : "", "data-goes-on": goesOn || undefined };
    const top = goesOn ? null : [head, createElement(Copy, { key: 1, code })];
    return createElement(CodeBlockContainer, props, top, pre);
  });
  const Table = ({ node, children, className, ...props }) => {
    const actions = createElement("div", { className: "actions" }, createElement(TableCopyDropdown));
    const table = createElement("table", props, children);
    const scroller = createElement("div", { className: "scroll", ...scrolls("Table") }, table);
    return createElement("div", { "data-streamdown": "table-wrapper" }, actions, scroller);
  };
  return { Code, Table };
};
"""

# What is there already is drawn by React in slices, so that nothing is held up, and shown at once. Of what is
# very long, or growing, its end is drawn first, where the reader is, and the rest above it when the page has
# nothing else to do: until then it stands there as plain text, and the browser holds the reader's place.
_PARTS: Final = r"""
const Plain = memo(({ text, state }) => createElement("div", { className: `plain ${state}` }, text));
const plain = (text, cuts, state) => [0, ...cuts.map(([at]) => at)].map((from, key) =>
  createElement(Plain, { key, text: text.slice(from, cuts[key]?.[0]), state }));
const AT_ONCE = { settled: 80, live: 8 };
// Nobody nests quotes, lists and brackets so deep, and the parser would run out of its stack.
const TOO_DEEP = /^(?:[ \t]*(?:>|[-*+][ \t]|\d{1,9}[.)][ \t])){100}|(?:\[[^\]\n]{0,9}){99}/m;
const Markdown = lazy(async () => {
  const [streamdown, shiki, { createMathPlugin }] = await renderer();
  const { Streamdown, defaultRehypePlugins, useIsCodeFenceIncomplete } = streamdown;
  const { Code, Table } = blocks(streamdown, shiki);
  const Diagram = diagrams(Code);
  const Block = (props) =>
    createElement(props.language === "mermaid" && !props.goesOn ? Diagram : Code, props);
  const Inner = ({ className, children, node, ...props }) => {
    const open = useIsCodeFenceIncomplete();
    if (!("data-block" in props)) return createElement("code", null, children);
    const language = /language-(\S+)/.exec(className ?? "")?.[1] ?? "";
    return createElement(Block, { code: String(children ?? "").replace(/\n$/, ""), language, open });
  };
  const fixed = {
    plugins: { math: createMathPlugin() },
    components: { ...headings, a: A, img: Img, input: Input, code: Inner, table: Table },
    rehypePlugins: [
      defaultRehypePlugins.sanitize,
      [defaultRehypePlugins.harden[0], { allowedLinkPrefixes: ["*"], allowedImagePrefixes: ["*"] }],
    ],
    remend: { katex: false, inlineKatex: false },
    linkSafety: { enabled: false },
  };
  const Part = memo(({ text, live, goesOn, rest }) => {
    const block = fenced(text);
    const open = live && !block?.closed;
    const fallback = createElement("div", { className: "plain" }, text);
    const className = live ? "part live" : "part";
    const drawn = block && block.language !== "math"
      ? createElement(Block, { ...block, open, goesOn })
      : TOO_DEEP.test(text)
        ? fallback
        : createElement(Streamdown, { ...fixed, className, isAnimating: live }, formulas(text, live));
    const guarded = createElement(ErrorBoundary, { fallback, resetKeys: [live] }, drawn);
    return createElement(CopyRest, { value: rest }, guarded);
  });
  const Drawn = ({ text, cuts, live }) => {
    const marks = [[0, ""], ...cuts, [text.length, ""]];
    const count = marks.length - 1;
    const [waiting, setWaiting] = useState(Math.max(0, count - AT_ONCE[live ? "live" : "settled"]));
    useEffect(() => { shownAt = location.pathname }, []);
    useEffect(() => { if (waiting) whenIdle(() => setWaiting(Math.max(0, waiting - 2))) }, [waiting]);
    const isCode = (at) => /^[`~]/.test(marks[at]?.[1] ?? "");
    const first = Math.min(waiting, count - 1);
    const above = plain(text, cuts.slice(0, first), "").slice(0, first);
    return [...above, ...marks.slice(first, -1).map(([from, lead], index) => {
      const at = first + index;
      const [to] = marks[at + 1];
      const goesOn = isCode(at);
      let end = at + 1;
      while (!goesOn && isCode(end)) end += 1;
      const own = text.slice(from, to);
      const rest = end > at + 1 ? "\n" + unfenced(text.slice(to, marks[end][0])) : "";
      const last = at === count - 1;
      return own && createElement(Part, { key: at, text: lead + own, live: live && last, goesOn, rest });
    })];
  };
  return { default: Drawn };
});
// What is put before what one reads is drawn at once: drawn later, it would move what has come into view. So
// is the answer to what was just sent: it may be whole before it is seen, and an empty page is no answer.
const FEW = 12;
let shownAt;
const isAdded = () => shownAt === location.pathname && !!document.querySelector("[role=log] .words > .part");
const isAnswer = () => Date.now() - sentAt < 10_000;
const Words = memo(({ text, cuts, live }) => {
  const [begun, begin] = useState(() => live || (cuts.length < FEW && (isAdded() || isAnswer())));
  useEffect(() => startTransition(() => begin(true)), []);
  const fallback = plain(text, cuts, begun ? (live ? "live" : "") : "awaited");
  if (!begun) return fallback;
  return createElement(Suspense, { fallback }, createElement(Markdown, { text, cuts, live }));
}, (old, now) => old.text === now.text && old.live === now.live && `${old.cuts}` === `${now.cuts}`);
"""


class Words(MemoizationLeaf):
    """Markdown drawn as it grows. A leaf: its text must stay a string for the component to see."""

    tag = "Words"

    text: rx.Var[str]
    cuts: rx.Var[tuple[Cut, ...]]
    live: rx.Var[bool]

    @override
    def add_imports(self) -> dict[str, ImportVar | list[ImportVar]]:
        return {
            "react": [ImportVar(tag=name) for name in _REACT],
            "react-dom": ImportVar(tag="flushSync"),
            _BOUNDARY: ImportVar(tag="ErrorBoundary"),
            "$/utils/context": ImportVar(tag="ColorModeContext"),
            "": ImportVar(tag="katex/dist/katex.min.css"),
            # Installed, but only imported when they are wanted.
            **{
                package: ImportVar(tag=None, render=False)
                for package in (_STREAMDOWN, _CODE, _MATH, MERMAID, _KATEX)
            },
        }

    @override
    def add_custom_code(self) -> list[str]:
        return [_FETCHING, _FORMULAS, _ELEMENTS, _BLOCKS, DIAGRAMS, _PARTS]


markdown = Words.create
