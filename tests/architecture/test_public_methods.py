"""Every public method of a Reflex state can be called by any client, so none is there by accident."""

import ast
from pathlib import Path

from tests.architecture.source import Source, dotted, functions, parsed, sources

DECLARED = {"rx.event", "rx.var", "reflex.event", "reflex.var", "event", "var"}


def state_classes(files: tuple[Source, ...]) -> list[tuple[Source, ast.ClassDef]]:
    """Classes that descend from a Reflex state, directly or through another of ours."""
    classes = [
        (source, node) for source in files for node in ast.walk(source.tree) if isinstance(node, ast.ClassDef)
    ]
    states = {"State", "ComponentState", "SharedState", "BaseState"}
    while True:
        found = [
            (source, node)
            for source, node in classes
            if any(dotted(base).rpartition(".")[2] in states for base in node.bases)
        ]
        names = {node.name for _, node in found}
        if names <= states:
            return found
        states |= names


def undeclared(files: tuple[Source, ...]) -> list[str]:
    return [
        f"{source.at(method.lineno)} {node.name}.{method.name}"
        for source, node in state_classes(files)
        for method in functions(node)
        if method in node.body and not method.name.startswith("_")
        if not any(dotted(decorator) in DECLARED for decorator in method.decorator_list)
    ]


def test_every_public_method_of_a_state_is_declared():
    """`@rx.event` and `@rx.var` say that it is meant to be reached from outside; the rest begin with `_`."""
    files = (*sources("chatapp/ui"), *sources("chatapp/api"))
    assert not (found := undeclared(files)), "\n".join(found)


def test_an_undeclared_method_is_found(tmp_path: Path):
    """On a descendant in another file too: a guard that sees nothing looks the same as clean code."""
    (tmp_path / "page.py").write_text("import reflex as rx\nclass Page(rx.State): ...\n")
    (tmp_path / "chat.py").write_text(
        "class Chat(Page):\n"
        "    @rx.event(background=True)\n    async def follow(self): ...\n"
        "    @rx.var\n    def title(self): ...\n"
        "    def _own(self): ...\n"
        "    @staticmethod\n    def delete(): ...\n"
    )
    found = undeclared(tuple(parsed(path) for path in tmp_path.iterdir()))
    assert [place.partition(" ")[2] for place in found] == ["Chat.delete"]
