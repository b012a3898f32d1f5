"""What a reply is to be like, as the last user message says it.

`[n:400 r:30 t:200 fault:rst at:57]`, any of them, in any order; the model name `mock-N-R-T` says the first
three when no message does.

    n       tokens of the whole reply (100)
    r       tokens a second (1000)
    t       milliseconds until the first token (0)
    id      a name to find the request by
    say     the name of a reply of the test's own (`Upstream.replies`), instead of numbered tokens
    fault   what goes wrong, see below
    at      after how many tokens it goes wrong (half of them)
    after   seconds in `Retry-After` of a refusal with a status
    tries   how often it goes wrong before the same message is answered well (always)
    chunk   how bytes are cut: byte, split, crlf, cr, many, comments, nospace, multiline
    cont    what happens to an unfinished assistant message: prefill, restart
    reason  tokens of reasoning before the text
    think   the name of such a reply that is thought aloud instead of them
    key     the reasoning's field: reasoning_content (default) or reasoning
    tool    the name of a tool to call at the end
    finish  the finish reason
    usage   0 leaves the usage out
    refuse  a request field that is refused with 400

Faults: a status (429, 500, 400 ...) · refuse (reset before an answer) · hang-headers · hang-first · hang ·
clean (ends without a finish reason) · done (the same, with [DONE]) · cut (closed within the body) · rst ·
garbage · noise (a few bad lines, then on) · torn (a broken object) · html · json · utf8 · nul · surrogate ·
longline (10 MB) · error · blocked (Gemini's prompt feedback).
"""

import re
from dataclasses import dataclass, fields
from typing import Any

GROUP = re.compile(r"\[(\w+:[^\s\]]+(?: \w+:[^\s\]]+)*)\]")
MODEL = re.compile(r"^mock-(\d+)-([\d.]+)(?:-(\d+))?$")


@dataclass(frozen=True, kw_only=True, slots=True)
class Knobs:
    """See the module's docstring; `at` and `tries` are -1 where nothing was said."""

    n: int = 100
    r: float = 1000.0
    t: float = 0.0
    id: str = ""
    say: str = ""
    fault: str = ""
    at: int = -1
    after: str = ""
    tries: int = -1
    chunk: str = ""
    cont: str = ""
    reason: int = 0
    think: str = ""
    key: str = "reasoning_content"
    tool: str = ""
    finish: str = "stop"
    usage: int = 1
    refuse: str = ""

    @property
    def fault_at(self) -> int:
        """The number of tokens before the fault."""
        return self.n // 2 if self.at < 0 else self.at


TYPES: dict[str, type[int] | type[float] | type[str]] = {
    field.name: type(field.default) for field in fields(Knobs)
}


def knobs_of(model: str, message: str) -> Knobs:
    """The knobs of a request; unknown names are passed over."""
    said: dict[str, Any] = {}
    if named := MODEL.match(model):
        said = {"n": int(named[1]), "r": float(named[2]), "t": float(named[3] or 0)}
    for group in GROUP.findall(message):
        pairs = (pair.split(":", 1) for pair in group.split(" "))
        said |= {name: TYPES[name](value) for name, value in pairs if name in TYPES}
    return Knobs(**said)
