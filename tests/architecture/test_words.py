"""One word for one thing, and no drawers for what has no name."""

import ast
from collections.abc import Iterator

from tests.architecture.source import ROOT, sources

WIRE = ROOT / "chatapp/api"
DRAWERS = {"utils", "util", "helpers", "helper", "manager", "common", "misc"}


def defined_names(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every name that the file itself gives to something; names that libraries gave are theirs."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name, node.lineno
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()):
                yield name, node.lineno
            case ast.Attribute(attr=name, ctx=ast.Store()):
                yield name, node.lineno
            case _:
                pass


def test_session_alone_is_no_name():
    """It means three things here (SQL, login, Reflex): say transaction, login or client instead. On the wire
    it is a conversation: its clients call it so."""
    found = [
        f"{source.at(line)} {name}"
        for source in sources("chatapp", "tests", "bench")
        if not source.path.is_relative_to(WIRE)
        for name, line in defined_names(source.tree)
        if name.lower().strip("_") in {"session", "sessions"}
    ]
    assert not found, "\n".join(found)


def test_files_are_named_for_what_is_in_them():
    found = [
        str(source.path)
        for source in sources("chatapp", "tests", "bench")
        if DRAWERS & set(source.path.stem.lower().split("_"))
    ]
    assert not found, "\n".join(found)
