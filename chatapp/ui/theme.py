"""The look in one place: what Tailwind is told, and the two things that the page loads before it draws.

Colours are CSS variables (`assets/page.css`), so that light, dark and a set accent are one switch each. Their
names are those that Streamdown's components use.
"""

from typing import Any, Final

_COLORS: Final = (
    "background", "foreground", "muted", "muted-foreground", "border", "input", "ring", "card",
    "card-foreground", "popover", "popover-foreground", "primary", "primary-foreground", "secondary",
    "secondary-foreground", "accent", "accent-foreground", "destructive", "sidebar", "sidebar-foreground",
    "warning", "success",
)  # fmt: skip

#: Accents that can be chosen, the default first; their colours are in `assets/page.css`.
ACCENTS: Final = ("indigo", "blue", "teal", "green", "amber", "rose", "graphite")

#: The type scale: size and line height.
_TEXT: Final = {
    "xs": ["0.75rem", "1rem"],
    "sm": ["0.875rem", "1.25rem"],
    "base": ["1rem", "1.625rem"],
    "lg": ["1.125rem", "1.75rem"],
    "xl": ["1.375rem", "1.875rem"],
    "2xl": ["1.75rem", "2.25rem"],
}

#: For `rx.plugins.TailwindV4Plugin(config=...)` in rxconfig.py.
TAILWIND: Final[dict[str, Any]] = {
    "darkMode": "class",
    # Streamdown's own class names must survive Tailwind's search for what is used.
    "content": [
        "./app/**/*.{js,jsx}",
        "./components/**/*.{js,jsx}",
        "./utils/**/*.{js,jsx}",
        "./node_modules/streamdown/dist/*.js",
        "./node_modules/@streamdown/*/dist/*.js",
    ],
    "theme": {
        "extend": {
            "colors": {name: f"var(--{name})" for name in _COLORS},
            "fontFamily": {"sans": ["var(--font-sans)"], "mono": ["var(--font-mono)"]},
            "fontSize": _TEXT,
            "maxWidth": {"column": "46rem"},
        }
    },
}

STYLESHEETS: Final = ["/page.css", "/reply.css", "/log.css"]
