"""A reply's diagrams, by Mermaid: in the page's colours, as pictures in which nothing lives."""

import json
from typing import Any, Final

MERMAID: Final = "@streamdown/mermaid@1.0.2"

_TEXTS: Final = (
    "primaryTextColor", "secondaryTextColor", "tertiaryTextColor", "titleColor", "nodeTextColor",
    "actorTextColor", "labelTextColor", "loopTextColor", "signalTextColor", "noteTextColor", "classText",
    "taskTextColor", "taskTextOutsideColor", "taskTextDarkColor", "pieTitleTextColor", "pieLegendTextColor",
    "pieSectionTextColor",
)  # fmt: skip
#: How many colours Mermaid counts in a scale; the page has six, which come again.
_STEPS: Final = 12


def _ink(
    *, background: str, text: str, line: str, node: str, edge: str, second: str, quiet: str, frame: str,
    note: str, scale: tuple[str, ...],
) -> dict[str, Any]:  # fmt: skip
    """Mermaid's names for the page's colours; what is not named it would make up, in yellow and black."""
    colours: dict[str, Any] = {
        "background": background, "edgeLabelBackground": background, "pieStrokeColor": background,
        "mainBkg": node, "primaryColor": node, "nodeBorder": edge, "primaryBorderColor": edge,
        "pieOuterStrokeColor": edge, "secondaryColor": second, "tertiaryColor": quiet, "clusterBkg": quiet,
        "clusterBorder": frame, "noteBorderColor": frame, "noteBkgColor": note, "lineColor": line,
        "textColor": text, "pieOpacity": 1,
    }  # fmt: skip
    for at in range(_STEPS):
        colours |= {f"cScale{at}": scale[at % len(scale)], f"pie{at + 1}": scale[at % len(scale)]}
        colours |= {f"cScaleLabel{at}": text, f"gitBranchLabel{at}": text}
    return colours | dict.fromkeys(_TEXTS, text)


_INK: Final = {
    "light": _ink(
        background="#ffffff", text="#1c1d22", line="#63656f", node="#eeeefb", edge="#b4b4e2",
        second="#e3f1ee", quiet="#f7f7f9", frame="#dcdce2", note="#f4f4f6",
        scale=("#dcdcf7", "#cfe8e2", "#f3e3c8", "#f4d7d7", "#d7e6f5", "#e6d9f0"),
    ),
    "dark": {"darkMode": True} | _ink(
        background="#17181b", text="#ececf0", line="#a0a1ac", node="#2a2b45", edge="#5f60a0",
        second="#1e3a36", quiet="#1f2024", frame="#3a3b42", note="#292a30",
        scale=("#37386b", "#1f4f47", "#57461f", "#5a2f33", "#24435e", "#46305c"),
    ),
}  # fmt: skip
#: What a diagram may not change by itself is `secure`.
_LOOK: Final = {
    "theme": "base", "startOnLoad": False, "securityLevel": "strict", "suppressErrorRendering": True,
    "htmlLabels": False, "flowchart": {"htmlLabels": False}, "gantt": {"useWidth": 680},
    "fontFamily": "system-ui, sans-serif", "themeCSS": ".edgeLabel rect, .labelBkg { opacity: 1 }",
    "secure": (
        "secure", "securityLevel", "startOnLoad", "maxTextSize", "maxEdges", "htmlLabels", "flowchart",
        "fontFamily", "themeCSS", "themeVariables", "theme", "suppressErrorRendering",
    ),
}  # fmt: skip

# Loaded when the first one is seen. It is drawn as a picture, in which nothing can run or be fetched; what
# might be fetched or run while it is made is not drawn at all. Until it can be drawn, and if never, its
# source stands there; in what was there already, after a moment only. It is drawn again when the page turns
# light or dark.
DIAGRAMS: Final = (
    f"const INK = {json.dumps(_INK)};\nconst LOOK = {json.dumps(_LOOK)};\n"
    + r"""
const UNFIT = /\bimg\s*:|\bicon\s*:|url\s*\(|@import|<[a-z!][^<>]*=/i;
let pictures = 0;
const picture = async (source, ink) => {
  const { mermaid } = await persist(() => import("@streamdown/mermaid"));
  const look = { ...LOOK, themeVariables: INK[ink] };
  const { svg } = await mermaid.getMermaid(look).render(`diagram${++pictures}`, source);
  const drawn = new DOMParser().parseFromString(svg, "text/html").querySelector("svg");
  const { width, height } = drawn.viewBox.baseVal;
  drawn.setAttribute("width", width);
  drawn.setAttribute("height", height);
  const text = new XMLSerializer().serializeToString(drawn);
  return { src: "data:image/svg+xml," + encodeURIComponent(text), width, height };
};
// Once this element comes near to what is seen.
const whenNear = (element, run) => {
  const watch = new IntersectionObserver((all) => {
    if (!all.some((one) => one.isIntersecting)) return;
    watch.disconnect();
    run();
  }, { scrollMargin: "800px" });
  watch.observe(element);
  return () => watch.disconnect();
};
const diagrams = (Code) => ({ code, open }) => {
  const { resolvedColorMode } = useContext(ColorModeContext);
  const place = useRef(null);
  const [drawn, setDrawn] = useState();
  const [opened] = useState(!open);
  useEffect(() => {
    if (open) return;
    if (UNFIT.test(code)) return setDrawn(null);
    let wanted = true;
    // At once. React might do it as the page is left, where no picture is allowed by the policy.
    const show = (one) => wanted && flushSync(() => setDrawn(one));
    const ink = resolvedColorMode === "dark" ? "dark" : "light";
    const ignore = whenNear(place.current, () => picture(code, ink).then(show, () => show(null)));
    return () => { wanted = false; ignore() };
  }, [code, open, resolvedColorMode]);
  if (!drawn) {
    const className = opened && drawn === undefined ? "to-be-drawn" : "source";
    const source = createElement(Code, { code, language: "mermaid", open });
    return createElement("div", { className, ref: place }, source);
  }
  const image = createElement("img", { ...drawn, alt: code, style: { minWidth: drawn.width * 0.6 } });
  const frame = { className: "diagram", "data-streamdown": "mermaid", ref: place, ...scrolls("Diagram") };
  return createElement("div", frame, image);
};
"""
)
