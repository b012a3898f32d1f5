"""A reply's markdown, by Streamdown: unfinished markdown completed, blocks memoised, nothing in it trusted."""

from typing import Final

import reflex as rx
from reflex_base.components.component import MemoizationLeaf
from reflex_base.utils.imports import ImportVar
from typing_extensions import override

_STREAMDOWN: Final = "streamdown@2.7.1"
_CODE: Final = "@streamdown/code@2.0.0"

# Loaded when the first reply is drawn, not before: it is more script than all the rest of the page. Until then the
# text stands there as it is. What Streamdown is given is made once: it draws everything again when it changes.
# - rehype-raw is left out, so HTML in a reply is text. The schema is Streamdown's own.
# - No image is ever loaded by being shown: a picture's address can carry a conversation away. It is a link.
# - Links open in a tab of their own that cannot reach back; those of other kinds, and to our own pages, are text.
_CUSTOM_CODE: Final = """
const Markdown = lazy(async () => {
  const [streamdown, shiki] = await Promise.all([import("streamdown"), import("@streamdown/code")]);
  const { Streamdown, defaultRehypePlugins } = streamdown;
  const A = ({ href, children }) =>
    /^(https?:|mailto:)/i.test(href ?? "")
      ? createElement("a", { href, title: href, target: "_blank", rel: "noopener noreferrer" }, children)
      : createElement("span", null, children);
  const host = (src) => { try { return new URL(src).host } catch { return "" } };
  const Img = ({ src, alt }) =>
    /^https?:/i.test(src ?? "")
      ? createElement("a", { href: src, title: src, target: "_blank", rel: "noopener noreferrer", className: "picture" },
          "Open image" + (alt ? " \\u201c" + alt + "\\u201d" : "") + " from " + host(src))
      : createElement("span", null, alt ?? "");
  const fixed = {
    plugins: { code: shiki.code },
    components: { a: A, img: Img },
    rehypePlugins: [
      defaultRehypePlugins.sanitize,
      [defaultRehypePlugins.harden[0], { allowedLinkPrefixes: ["*"], allowedImagePrefixes: ["*"], allowedProtocols: ["mailto:"], allowDataImages: false }],
    ],
    controls: { table: { copy: true, download: false, fullscreen: false }, code: { copy: true, download: false } },
    linkSafety: { enabled: false },
    lineNumbers: false,
    codeBlockMaxHeight: 0,
    tableMaxHeight: 0,
  };
  return { default: ({ text, live }) => createElement(Streamdown, { ...fixed, isAnimating: live, children: text }) };
});
const Words = memo(({ text, live }) =>
  createElement(Suspense, { fallback: createElement("div", { className: "plain whitespace-pre-wrap" }, text) },
    createElement(Markdown, { text, live })));
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
            # Installed, but only imported when it is wanted.
            _STREAMDOWN: ImportVar(tag=None, render=False),
            _CODE: ImportVar(tag=None, render=False),
        }

    @override
    def add_custom_code(self) -> list[str]:
        return [_CUSTOM_CODE]


markdown = Words.create
