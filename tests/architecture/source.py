"""The project's own Python files, parsed."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parent.parent.parent


class Source(NamedTuple):
    path: Path
    text: str
    tree: ast.Module

    def at(self, line: int) -> str:
        """A place, as editors and terminals make it clickable."""
        return f"{self.path}:{line}"


@cache
def sources(*folders: str) -> tuple[Source, ...]:
    """Every Python file under the given folders of the project."""
    return tuple(parsed(path) for folder in folders for path in sorted((ROOT / folder).rglob("*.py")))


def parsed(path: Path) -> Source:
    text = path.read_text(encoding="utf-8")
    return Source(path, text, ast.parse(text, str(path)))


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def dotted(node: ast.AST) -> str:
    """`rx.event` for the expression rx.event and for a call of it; empty for anything else."""
    match node:
        case ast.Call(func=called):
            return dotted(called)
        case ast.Subscript(value=value):
            return dotted(value)
        case ast.Attribute(value=value, attr=name):
            return f"{dotted(value)}.{name}"
        case ast.Name(id=name):
            return name
        case _:
            return ""


def imported(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every imported module, with its line; imports inside functions and under TYPE_CHECKING too."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from ((alias.name, node.lineno) for alias in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module, node.lineno
            case _:
                pass
