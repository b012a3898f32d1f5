"""Every accent can be read, in light and in dark, wherever the page writes with it or on it."""

import re
from pathlib import Path
from typing import Final

import pytest

from chatapp.ui.theme import ACCENTS

STYLE: Final = (Path(__file__).parents[2] / "assets/page.css").read_text()
#: WCAG 2.2, 1.4.3: the least contrast of text.
ENOUGH: Final = 4.5


def tokens(selector: str) -> dict[str, str]:
    """The colours that a rule sets."""
    rule = re.search(rf"^{re.escape(selector)}[^{{}}]*\{{([^}}]*)\}}", STYLE, re.MULTILINE)
    assert rule, selector
    return dict(re.findall(r"--([\w-]+): (#\w{6})\b", rule.group(1)))


def luminance(color: str) -> float:
    def linear(channel: float) -> float:
        return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(int(color[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def mixed(color: str, share: float, ground: str) -> str:
    """CSS's `color-mix(in srgb, color share, ground)`."""
    channels = (
        round(int(color[at : at + 2], 16) * share + int(ground[at : at + 2], 16) * (1 - share))
        for at in (1, 3, 5)
    )
    return "#" + "".join(f"{channel:02x}" for channel in channels)


@pytest.mark.parametrize("accent", ACCENTS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_accent_can_be_read(scheme: str, accent: str) -> None:
    colors = tokens(":root")
    own = tokens(f'[data-accent="{accent}"]')
    bubble, mark = 0.10, 0.22
    if scheme == "dark":
        colors |= tokens(".dark")
        own = tokens(f'.dark[data-accent="{accent}"]')
        bubble, mark = 0.16, 0.30
    colors |= own
    primary, text = colors["primary"], colors["foreground"]
    for ground in ("background", "card", "popover", "sidebar", "accent"):
        assert contrast(primary, colors[ground]) >= ENOUGH, ground
    assert contrast(colors["primary-foreground"], primary) >= ENOUGH
    assert contrast(text, mixed(primary, bubble, colors["background"])) >= ENOUGH
    assert contrast(text, mixed(primary, mark, colors["background"])) >= ENOUGH
    assert contrast(colors["sidebar-foreground"], mixed(primary, mark, colors["background"])) >= ENOUGH


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_quiet_and_loud_words_can_be_read(scheme: str) -> None:
    colors = tokens(":root") | (tokens(".dark") if scheme == "dark" else {})
    for words in (
        "foreground",
        "muted-foreground",
        "sidebar-foreground",
        "destructive",
        "warning",
        "success",
    ):
        for ground in ("background", "muted", "card", "popover", "sidebar", "accent"):
            assert contrast(colors[words], colors[ground]) >= ENOUGH, (words, ground)


def test_the_default_is_the_first() -> None:
    assert tokens(":root")["primary"] == tokens(f'[data-accent="{ACCENTS[0]}"]')["primary"]
