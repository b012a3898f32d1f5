"""A reply's markdown, by Streamdown: completed where unfinished, memoised by blocks, trusted in nothing."""

from typing import Final

import reflex as rx
from reflex_base.components.component import MemoizationLeaf
from reflex_base.utils.imports import ImportVar
from typing_extensions import override

_STREAMDOWN: Final = "streamdown@2.7.1"
_CODE: Final = "@streamdown/code@2.0.0"
_BOUNDARY: Final = "react-error-boundary"  # Reflex's own, in its version

# Loaded when the page stands and has nothing to do: it is more script than all the rest of the page. A server
# may be away just then, so it is asked again until it answers; meanwhile the text stands there as it is. It
# does so too when a reply cannot be drawn, which must not take the page with it. - What Streamdown is given
# is made once, since it draws everything again when that changes. - rehype-raw is left out, so HTML in a
# reply is text. - No image is loaded by being shown: a picture's address can carry a conversation away. It is
# a link. - Links open in a tab of their own that cannot reach back. Other kinds, and our own pages, are text.
_CUSTOM_CODE: Final = """
const persist = async (load, ms = 500) => {
  for (;;) {
    try { return await load() } catch { await new Promise((done) => setTimeout(done, ms)) }
    ms = Math.min(2 * ms, 8000);
  }
};
let fetched;
const fetching = () => Promise.all([import("streamdown"), import("@streamdown/code")]);
const renderer = () => (fetched ??= persist(fetching));
if (typeof window !== "undefined") {
  const soon = () => (window.requestIdleCallback ?? setTimeout)(renderer);
  document.readyState === "complete" ? soon() : addEventListener("load", soon);
}
const Markdown = lazy(async () => {
  const [{ Streamdown, defaultRehypePlugins }, shiki] = await renderer();
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
  const fixed = {
    plugins: { code: shiki.code },
    components: { a: A, img: Img, input: Input },
    rehypePlugins: [
      defaultRehypePlugins.sanitize,
      [defaultRehypePlugins.harden[0], { allowedLinkPrefixes: ["*"], allowedImagePrefixes: ["*"] }],
    ],
    controls: {
      code: { copy: true, download: false },
      table: { copy: true, download: false, fullscreen: false },
    },
    linkSafety: { enabled: false },
    lineNumbers: false,
    codeBlockMaxHeight: 0,
    tableMaxHeight: 0,
  };
  const Drawn = ({ text, live }) => createElement(Streamdown, { ...fixed, isAnimating: live }, text);
  return { default: Drawn };
});
const Words = memo(({ text, live }) => {
  const fallback = createElement("div", { className: "plain whitespace-pre-wrap" }, text);
  const drawn = createElement(Suspense, { fallback }, createElement(Markdown, { text, live }));
  return createElement(ErrorBoundary, { fallback, resetKeys: [live] }, drawn);
});
"""


class Words(MemoizationLeaf):
    """Markdown drawn as it grows. A leaf: its text must stay a string for the component to see."""

    tag = "Words"

    text: rx.Var[str]
    live: rx.Var[bool]

    @override
    def add_imports(self) -> dict[str, ImportVar | list[ImportVar]]:
        return {
            "react": [ImportVar(tag=name) for name in ("createElement", "lazy", "memo", "Suspense")],
            _BOUNDARY: ImportVar(tag="ErrorBoundary"),
            # Installed, but only imported when it is wanted.
            _STREAMDOWN: ImportVar(tag=None, render=False),
            _CODE: ImportVar(tag=None, render=False),
        }

    @override
    def add_custom_code(self) -> list[str]:
        return [_CUSTOM_CODE]


markdown = Words.create
