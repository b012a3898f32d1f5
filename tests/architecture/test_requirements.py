"""The short list in pyproject.toml, the locked lists made from it, and what the code imports agree."""

import importlib.metadata
import json
import re
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.architecture.source import ROOT, imported, sources

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
RUNTIME = [Requirement(line) for line in PROJECT["project"]["dependencies"]]
DEVELOPMENT = [Requirement(line) for line in PROJECT["dependency-groups"]["dev"]]


def locked(name: str) -> dict[str, Version]:
    lines = (ROOT / name).read_text().splitlines()
    pins = [Requirement(line) for line in lines if line and not line.lstrip().startswith("#")]
    return {canonicalize_name(pin.name): Version(str(pin.specifier).removeprefix("==")) for pin in pins}


@pytest.mark.parametrize(
    ("name", "short_list"), [("requirements.txt", RUNTIME), ("requirements-dev.txt", RUNTIME + DEVELOPMENT)]
)
def test_locked_list_covers_the_short_list(name: str, short_list: list[Requirement]):
    """A dependency that was added or raised without a refresh would be missing on a fresh machine."""
    pins = locked(name)
    for wanted in short_list:
        pin = pins.get(canonicalize_name(wanted.name))
        assert pin is not None, f"{wanted.name} is not in {name}; its first lines say how to refresh it"
        assert pin in wanted.specifier, f"{name} has {wanted.name} {pin}, pyproject.toml wants {wanted}"


def test_developers_run_what_people_run():
    """The development list contains the whole runtime list, with the same versions."""
    assert locked("requirements.txt").items() <= locked("requirements-dev.txt").items()


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_locked_list_is_good_on_any_machine(name: str):
    """No index, file or address of the machine that made it."""
    text = (ROOT / name).read_text()
    assert not [word for word in ("://", "--index", "--find-links", " @ ", "file:") if word in text]


def test_every_import_is_declared():
    """What is only there because another package brought it can vanish with that package's next version."""
    declared = {canonicalize_name(wanted.name) for wanted in RUNTIME}
    providers = importlib.metadata.packages_distributions()
    missing = {
        f"{module.partition('.')[0]} ({source.at(line)})"
        for source in sources("chatapp")
        for module, line in imported(source.tree)
        if (top := module.partition(".")[0]) not in sys.stdlib_module_names and top != "chatapp"
        if not _is_declared(providers.get(top, [top]), declared)
    }
    assert not missing, "\n".join(sorted(missing))


def _is_declared(distributions: list[str], declared: set[str]) -> bool:
    """Reflex comes as a family of packages with one version, pinned together."""
    names = {canonicalize_name(name) for name in distributions}
    return bool(names & declared) or any(name.startswith("reflex-") for name in names)


def test_node_modules_are_locked():
    """With npm's lock alone Reflex takes npm, and builds the same page everywhere."""
    kept = {path.name for path in Path(ROOT / "reflex.lock").iterdir()}
    assert kept == {"package.json", "package-lock.json"}
    assert "resolved" not in (ROOT / "reflex.lock/package-lock.json").read_text()


def test_what_the_page_names_is_locked():
    """What is not there is fetched at each first start, after all else, and in whatever version is newest."""
    package = re.compile(r"""["']((?:@[\w-]+/)?[\w.-]+)@\d[\d.]*["']""")
    named = {name for source in sources("chatapp") for name in package.findall(source.path.read_text())}
    locked = json.loads((ROOT / "reflex.lock/package.json").read_text())["dependencies"]
    assert named
    assert not named - locked.keys()
