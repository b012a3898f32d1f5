"""What a browser calls itself, in two words that its owner knows it by."""

from typing import Final

#: The first one that is named counts: most browsers also name those that they descend from.
_BROWSERS: Final = (
    ("Edg", "Edge"), ("OPR", "Opera"), ("SamsungBrowser", "Samsung Internet"), ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"), ("CriOS", "Chrome"), ("Chrome", "Chrome"), ("Safari", "Safari"),
)  # fmt: skip
_SYSTEMS: Final = (
    ("Windows", "Windows"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"),
    ("Mac OS X", "Mac"), ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)  # fmt: skip


def agent_name(agent: str) -> str:
    """Like "Firefox on Linux". A program is named by its first word."""
    browser = next((name for mark, name in _BROWSERS if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    if not browser:
        return agent.split("/", maxsplit=1)[0].split(" ", maxsplit=1)[0][:40] or "Unknown"
    return f"{browser} on {system}" if system else browser
