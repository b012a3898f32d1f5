"""One endless text whose every token carries its number, so that loss, doubling and order can be counted."""

import re
from bisect import bisect_right
from functools import cache
from itertools import accumulate

NUMBER = re.compile(r"w(\d+)")


def token(number: int) -> str:
    """Token `number`, about 5 characters; one in ten has an emoji, each fiftieth ends a paragraph."""
    face = "🙂" if number % 10 == 7 else ""
    return f"w{number}{face}" + ("\n\n" if number % 50 == 49 else " ")


def text(count: int) -> str:
    """The first `count` tokens, joined."""
    return "".join(token(number) for number in range(count))


def numbers(shown: str) -> list[int]:
    """The numbers of the tokens in a text, in the order they stand there."""
    return [int(found) for found in NUMBER.findall(shown)]


@cache
def _starts(count: int) -> list[int]:
    return list(accumulate((len(token(number)) for number in range(count)), initial=0))


def remaining(count: int, given: str) -> list[str]:
    """The tokens that are left when `given` is already there, the first one perhaps in part.

    A text that is not a beginning of ours is followed by all of ours.
    """
    if not text(count).startswith(given):
        return [token(number) for number in range(count)]
    starts = _starts(count)
    first = bisect_right(starts, len(given)) - 1
    tokens = [token(number) for number in range(first, count)]
    if tokens:
        tokens[0] = tokens[0][len(given) - starts[first] :]
    return tokens


def rest(words: tuple[str, ...], given: str) -> list[str]:
    """What is left of these tokens when `given` is already there; all when it is not their beginning."""
    whole = "".join(words)
    return [whole[len(given) :]] if given and whole.startswith(given) else list(words)
