"""Python is what the page is written in. What must be JavaScript is in few places, and short."""

import ast
import re
from collections.abc import Iterable

from tests.architecture.source import Source, sources

#: Decision 0011 says what each is for.
MODULES = {
    "browser.py",
    "diagrams.py",
    "doors.py",
    "markdown.py",
    "outbox.py",
    "place.py",
    "shortcuts.py",
}
#: An expression or a short handler that joins two things of the page; more has its place in one of those.
MAX_ELSEWHERE = 600
MAX_IN_ALL = 34_000
COMMENT = re.compile(r"^\s*//.*\n", re.MULTILINE)
CODE = re.compile(r"=>|\bfunction\b.*\{|\bdocument\.|\blocalStorage\b")


def javascript(source: Source) -> int:
    """How many characters of it a module has, comments apart."""
    docstrings = {id(node.value) for node in ast.walk(source.tree) if isinstance(node, ast.Expr)}
    formatted = [node for node in ast.walk(source.tree) if isinstance(node, ast.JoinedStr)]
    inside = {id(part) for node in formatted for part in node.values}
    plain = [
        node
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Constant) and id(node) not in docstrings | inside
    ]
    texts = [_text([node]) for node in plain] + [_text(node.values) for node in formatted]
    return sum(len(COMMENT.sub("", text)) for text in texts if CODE.search(text))


def _text(parts: Iterable[ast.expr]) -> str:
    """What is written out of a string, formatted or not."""
    values = (part.value for part in parts if isinstance(part, ast.Constant))
    return "".join(value for value in values if isinstance(value, str))


def test_javascript_is_in_few_places():
    sizes = {source.path: javascript(source) for source in sources("chatapp")}
    elsewhere = {str(path): size for path, size in sizes.items() if path.name not in MODULES and size}
    assert {path: size for path, size in elsewhere.items() if size > MAX_ELSEWHERE} == {}
    assert {path.name for path in sizes} >= MODULES


def test_it_is_short():
    assert sum(javascript(source) for source in sources("chatapp")) < MAX_IN_ALL
