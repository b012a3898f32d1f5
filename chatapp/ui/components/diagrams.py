"""A reply's diagrams, by Mermaid: in the page's colours, as pictures in which nothing lives."""

from typing import Final

MERMAID: Final = "@streamdown/mermaid@1.0.2"

# Loaded when the first one is seen. It is drawn as a picture, in which nothing can run or be fetched; what
# might be fetched or run while it is made is not drawn at all. Until it can be drawn, and if never, its
# source stands there; in what was there already, after a moment only. It is drawn again when the page turns
# light or dark.
DIAGRAMS: Final = r"""
const UNFIT = /\bimg\s*:|\bicon\s*:|url\s*\(|@import|<[a-z!][^<>]*=/i;
const INK = {
  light: { background: "#ffffff", mainBkg: "#eeeefb", primaryColor: "#eeeefb", nodeBorder: "#b4b4e2",
    secondaryColor: "#e3f1ee", tertiaryColor: "#f7f7f9", clusterBkg: "#f7f7f9", clusterBorder: "#dcdce2",
    lineColor: "#63656f", textColor: "#1c1d22", noteBkgColor: "#f4f4f6", noteBorderColor: "#dcdce2" },
  dark: { background: "#17181b", mainBkg: "#2a2b45", primaryColor: "#2a2b45", nodeBorder: "#5f60a0",
    secondaryColor: "#1e3a36", tertiaryColor: "#1f2024", clusterBkg: "#1f2024", clusterBorder: "#3a3b42",
    lineColor: "#a0a1ac", textColor: "#ececf0", noteBkgColor: "#292a30", noteBorderColor: "#3a3b42" },
};
const TEXTS = ["primaryTextColor", "secondaryTextColor", "tertiaryTextColor", "titleColor", "nodeTextColor",
  "actorTextColor", "labelTextColor", "loopTextColor", "signalTextColor", "noteTextColor", "classText",
  "taskTextColor", "taskTextOutsideColor", "taskTextDarkColor", "pieTitleTextColor", "pieLegendTextColor",
  "pieSectionTextColor"];
const SCALE = {
  light: ["#dcdcf7", "#cfe8e2", "#f3e3c8", "#f4d7d7", "#d7e6f5", "#e6d9f0"],
  dark: ["#37386b", "#1f4f47", "#57461f", "#5a2f33", "#24435e", "#46305c"],
};
const themed = (ink) => {
  const { textColor, nodeBorder, background } = INK[ink];
  const look = { ...INK[ink], darkMode: ink === "dark", edgeLabelBackground: background,
    primaryBorderColor: nodeBorder, pieStrokeColor: background, pieOuterStrokeColor: nodeBorder,
    pieOpacity: 1 };
  for (const name of TEXTS) look[name] = textColor;
  for (let at = 0; at < 12; at += 1) {
    look[`cScale${at}`] = look[`pie${at + 1}`] = SCALE[ink][at % SCALE[ink].length];
    look[`cScaleLabel${at}`] = look[`gitBranchLabel${at}`] = textColor;
  }
  return look;
};
const LOOK = {
  theme: "base", startOnLoad: false, securityLevel: "strict", suppressErrorRendering: true, htmlLabels: false,
  flowchart: { htmlLabels: false }, gantt: { useWidth: 680 }, fontFamily: "system-ui, sans-serif",
  themeCSS: ".edgeLabel rect, .labelBkg { opacity: 1 }",
  secure: ["secure", "securityLevel", "startOnLoad", "maxTextSize", "maxEdges", "htmlLabels", "flowchart",
    "fontFamily", "themeCSS", "themeVariables", "theme", "suppressErrorRendering"],
};
let pictures = 0;
const picture = async (source, ink) => {
  const { mermaid } = await persist(() => import("@streamdown/mermaid"));
  const look = { ...LOOK, themeVariables: themed(ink) };
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
  }, { rootMargin: "800px" });
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
    const show = (one) => wanted && setDrawn(one);
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
