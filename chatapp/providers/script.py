"""Exact replies for tests and load, as a message orders them.

`[script tokens=400 rate=30 ttft=0.2 seed=7 fail_at=100 pause_at=50 pause=3 finish=stop]`, all of it optional:

    tokens    tokens of the reply (100), each with its number
    rate      tokens a second (30)
    ttft      seconds until the first token (0)
    seed      other words around the same numbers (0)
    fail_at   the connection "breaks" after so many tokens
    pause_at  after so many tokens nothing comes for `pause` seconds
    finish    stop, length, tool_calls, content_filter, or none: ends without a finish reason

`[script rate=100] text=` followed by anything plays just that, to the last blank.
A reply that is gone on with does not break again at the place where it broke.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Final

from chatapp.domain.messages import FinishReason

ORDER: Final = re.compile(r"\[script([^\]]*)\](?:\s*text=(.*))?", re.DOTALL)
PAIR: Final = re.compile(r"(\w+)=([\w.]+)")
WORD: Final = re.compile(r"\s*\S+\s*|\s+")
WORDS: Final = ("alpha", "beta", "so", "rho", "🙂", "zeta", "naïve", "mu", "tau", "psi", "eta")
#: More than any reply that the settings allow; made in one go, so it must not take long.
MAX_TOKENS: Final = 100_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Script:
    """A reply, word for word, and when each comes. Places are -1 where nothing was ordered.

    Without a `finish` it ends as a stream does that was cut off.
    """

    words: tuple[str, ...]
    interval: timedelta
    first_after: timedelta = timedelta(0)
    fail_at: int = -1
    pause_at: int = -1
    pause: timedelta = timedelta(0)
    finish: FinishReason | None = FinishReason.STOP


def words_of(text: str) -> tuple[str, ...]:
    """The text cut into words; joined they are the text, its blanks included."""
    return tuple(WORD.findall(text))


def token(number: int, seed: int) -> str:
    """A word with its number, about 6 characters; each fortieth ends a paragraph."""
    word = WORDS[(number * 7 + seed) % len(WORDS)]
    return f"{word}{number}" + ("\n\n" if number % 40 == 39 else " ")


@lru_cache(maxsize=8)
def _tokens(count: int, seed: int) -> tuple[str, ...]:
    return tuple(token(number, seed) for number in range(count))


def ordered_script(message: str) -> Script:
    """The script that a message orders.

    Raises:
        ValueError: a number or a finish reason is none.
        OverflowError: a time is too long.
    """
    found = ORDER.search(message)
    order: dict[str, str] = dict(PAIR.findall(found[1])) if found else {}
    finish = order.get("finish", "stop")
    rate = float(order.get("rate", "30"))
    seed = int(order.get("seed", "0"))
    count = min(int(order.get("tokens", "100")), MAX_TOKENS)
    text = found[2] if found else None
    return Script(
        words=_tokens(count, seed) if text is None else words_of(text),
        interval=timedelta(seconds=1 / rate) if rate > 0 else timedelta(0),
        first_after=timedelta(seconds=float(order.get("ttft", "0"))),
        fail_at=int(order.get("fail_at", "-1")),
        pause_at=int(order.get("pause_at", "-1")),
        pause=timedelta(seconds=float(order.get("pause", "0"))),
        finish=None if finish == "none" else FinishReason(finish),
    )


def remaining(words: tuple[str, ...], given: str) -> tuple[str, ...]:
    """The words after `given`, the first perhaps the end of one; all when they do not begin with it."""
    at = 0
    for index, word in enumerate(words):
        if at + len(word) > len(given):
            if not (word.startswith(given[at:]) and "".join(words[:index]) == given[:at]):
                return words
            return (word[len(given) - at :], *words[index + 1 :])
        at += len(word)
    return () if "".join(words) == given else words
