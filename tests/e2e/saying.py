"""Replies of a test's own words."""

from collections.abc import Callable

from tests.upstream import Upstream

#: `say("some", "tokens", r=50)`: the message that makes the model say just this, token by token;
#: `say("some", "tokens", asked="Why?")`: so does the message "Why?".
Say = Callable[..., str]


def sayer(upstream: Upstream) -> Say:
    """The way to order words from this model."""

    def say(*tokens: str, asked: str = "", **knobs: object) -> str:
        name = f"words{len(upstream.replies)}"
        upstream.replies[name] = tokens
        more = "".join(f" {key}:{value}" for key, value in knobs.items())
        order = f"[say:{name}{more}]"
        if asked:
            upstream.orders[asked] = order
        return asked or order

    return say
