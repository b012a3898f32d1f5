"""Imports only go down, and each foreign library is known to the one room that may know it."""

import subprocess
import sys
from pathlib import Path

from tests.architecture.source import ROOT, imported, sources


def test_import_contracts_are_kept():
    """The contracts are in pyproject.toml; import-linter follows chains of imports as well."""
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache", "--no-logo"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_domain_is_pure():
    """Values and rules need nothing but Python itself, so they can be read, tested and reused anywhere."""
    foreign = [
        f"{source.at(line)} imports {module}"
        for source in sources("chatapp/domain")
        for module, line in imported(source.tree)
        if module.partition(".")[0] not in sys.stdlib_module_names and not module.startswith("chatapp.domain")
    ]
    assert not foreign, "\n".join(foreign)
