"""`python -m chatapp user|migrate|doctor`, as somebody types it on the machine that the app runs on."""

import io
import os
import re
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from chatapp.__main__ import main
from chatapp.settings import PROJECT_ROOT, load_or_exit
from tests.app_server import free_port
from tests.databases import bytes_kept, on_both_kinds, rows

__all__ = ["on_both_kinds"]

Run = Callable[..., str]


@pytest.fixture
def run(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Generator[Run]:
    """Runs a command of `user` with the settings of a fresh machine, and gives what it prints."""
    monkeypatch.setenv("CHATAPP_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", database_url)

    def command(*arguments: str, typed: str = "", fails: bool = False) -> str:
        monkeypatch.setattr(sys, "argv", ["chatapp", "user", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        with pytest.raises(SystemExit) as ended:
            main()
        assert (ended.value.code != 0) is fails
        return f"{ended.value.code}\n" if fails else capsys.readouterr().out

    load_or_exit.cache_clear()
    yield command
    load_or_exit.cache_clear()


def test_accounts_from_the_first_to_a_disabled_one(run: Run, database_url: str):
    """On a fresh machine: the first is admin, a password that nobody gave is told once, and is right."""
    given = run("create", "Ann@example.org", "--name", "Ann Lee", typed="correct horse\n")
    assert given == "ann@example.org  admin  enabled  Ann Lee\n"
    made = run("create", "bo@example.org")
    assert re.search(r"^bo@example.org  user  enabled\nPassword, shown only now: \S{16}$", made.strip())
    assert "only admin" in run("disable", "ann@example.org", fails=True)
    assert run("role", "bo@example.org", "admin") == "bo@example.org  admin  enabled\n"
    assert run("disable", "ann@example.org") == "ann@example.org  admin  disabled  Ann Lee\n"
    listed = run("list")
    assert listed == "ann@example.org  admin  disabled  Ann Lee\nbo@example.org  admin  enabled\n"
    assert "enabled" in run("enable", "ann@example.org")
    reset = run("reset", "ann@example.org").splitlines()[1].rpartition(" ")[2]
    assert reset.encode() not in bytes_kept(database_url)
    ((stored,),) = rows(database_url, "SELECT password_hash FROM accounts WHERE name = 'Ann Lee'")
    assert stored.startswith("$argon2id$")


def test_what_cannot_be_done_is_said_in_a_line(run: Run):
    run("create", "ann@example.org", typed="correct horse\n")
    for arguments, typed, said in (
        (("create", "ANN@example.org"), "correct horse\n", "an account with this email already"),
        (("create", "bo@example.org"), "short\n", "at least 8 characters"),
        (("create", "bo"), "", "not an email"),
        (("reset", "nobody@example.org"), "", "no account with this email"),
    ):
        told = run(*arguments, typed=typed, fails=True)
        assert said in told
        assert told.count("\n") == 1


def test_the_command_is_there(tmp_path: Path):
    """As a process of its own, which nothing of the page is loaded for."""
    done = subprocess.run(
        [sys.executable, "-m", "chatapp", "user", "create", "ann@example.org"],
        input="correct horse\n",
        env={**os.environ, "CHATAPP_DATA_DIR": str(tmp_path)},
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("ann@example.org  admin  enabled\n", "", 0)


def command(url: str, folder: Path, name: str) -> subprocess.CompletedProcess[str]:
    """`python -m chatapp migrate` or `doctor` with this database."""
    return subprocess.run(
        [sys.executable, "-m", "chatapp", name],
        env={**os.environ, "CHATAPP_DATA_DIR": str(folder), "DATABASE_URL": url},
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_server_s_database_is_looked_at_and_brought_up_to_date(postgres_database: str, tmp_path: Path):
    assert "run python -m chatapp migrate" in command(postgres_database, tmp_path, "doctor").stdout
    assert command(postgres_database, tmp_path, "migrate").stdout == "The database is up to date.\n"
    assert "up to date" not in command(postgres_database, tmp_path, "doctor").stdout


def test_a_server_that_is_not_there_is_said_in_a_line_without_its_password(tmp_path: Path):
    url = f"postgresql://chatapp:hunter22@127.0.0.1:{free_port()}/chatapp"
    done = command(url, tmp_path, "doctor")
    assert (done.returncode, done.stderr) == (1, "")
    assert "the database cannot be opened" in done.stdout
    migrated = command(url, tmp_path, "migrate")
    assert migrated.returncode == 1
    assert migrated.stderr.startswith("chatapp: ")
    assert migrated.stderr.count("\n") == 1
    assert "hunter22" not in done.stdout + migrated.stdout + migrated.stderr
