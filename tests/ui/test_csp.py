"""The policy lists the built page's own inline scripts, byte for byte, and opens nothing else."""

import base64
import hashlib
from pathlib import Path

from chatapp.ui.csp import content_security_policy


def source(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def directives(policy: str) -> dict[str, list[str]]:
    return {name: values for name, *values in (part.split() for part in policy.split("; "))}


def test_inline_scripts_are_listed_by_hash(tmp_path: Path) -> None:
    first, second = "\nif (a < b && c) {\n\tx('&amp; é')\n}\n", "import '/assets/a.js';"
    page = f"<html><script>{first}</script><script src='/a.js'></script><p>x</p>"
    (tmp_path / "index.html").write_text(page)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "404.html").write_text(
        f"<script type='module' async=''>{second}</script><div>1</div>"
    )
    listed = directives(content_security_policy(tmp_path))["script-src"]
    assert listed == ["'self'", *sorted([source(first), source(second)])]


def test_nothing_dangerous_is_open(tmp_path: Path) -> None:
    policy = content_security_policy(tmp_path)
    assert "unsafe-eval" not in policy
    open_to = directives(policy)
    assert "'unsafe-inline'" not in open_to["script-src"]
    assert open_to["default-src"] == ["'none'"]
    assert open_to["connect-src"] == ["'self'"]
    assert open_to["img-src"] == ["'self'", "data:", "blob:"]
    for name in ("frame-ancestors", "object-src", "base-uri", "frame-src"):
        assert open_to[name] == ["'none'"]
    assert not any(value in {"*", "https:", "http:"} for values in open_to.values() for value in values)
