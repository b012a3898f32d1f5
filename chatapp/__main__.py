"""The command line: `python -m chatapp migrate | doctor`."""

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

from chatapp.domain.errors import ChatError
from chatapp.settings import Settings, load_or_exit
from chatapp.storage.database import Database
from chatapp.storage.migrate import differences, migrate

#: What the contract promises and a later issue builds.
NOT_BUILT_YET = ("worker", "user", "export", "import")
#: What Reflex 0.10.1 needs to build the page.
OLDEST_NODE = (22, 22)


def main() -> None:
    """Runs one command; its exit status is 0, 1 when it failed, 2 when it was called wrongly."""
    settings = load_or_exit()
    parser = argparse.ArgumentParser(prog="python -m chatapp")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("migrate", help="bring the database up to date (the app does it at each start)")
    commands.add_parser("doctor", help="check what the app needs, and say what is missing")
    for name in NOT_BUILT_YET:
        commands.add_parser(name, help="not built yet")
    command = parser.parse_args().command
    if command in NOT_BUILT_YET:
        parser.error(f"{command} is not built yet")
    try:
        sys.exit(asyncio.run(_migrate(settings) if command == "migrate" else _doctor(settings)))
    except ChatError as error:
        sys.exit(f"chatapp: {error.message}")


async def _migrate(settings: Settings) -> int:
    database = Database(settings.database_url)
    try:
        await migrate(database)
    finally:
        await database.close()
    print("The database is up to date.")
    return 0


async def _doctor(settings: Settings) -> int:
    problems = [*_folder(settings), *await _schema(settings), *_node()]
    for problem in problems:
        print(f"✗ {problem}")
    if not problems:
        print("✓ settings, data folder, database and Node are as they should be")
    return 1 if problems else 0


def _folder(settings: Settings) -> Iterator[str]:
    if not os.access(settings.data_dir, os.W_OK):
        yield f"the data folder {settings.data_dir} cannot be written"
    elif shutil.disk_usage(settings.data_dir).free < 500_000_000:
        yield "less than 500 MB are free where the data folder is"


async def _schema(settings: Settings) -> list[str]:
    if not settings.database_path.exists():
        return []
    database = Database(settings.database_url)
    try:
        wrong = await differences(database)
    except ChatError as error:
        return [f"the database cannot be opened: {error.message}"]
    finally:
        await database.close()
    return ["the database is not up to date: run python -m chatapp migrate"] if wrong else []


def _node() -> Iterator[str]:
    path = os.pathsep.join((os.path.dirname(sys.executable), os.environ.get("PATH", "")))  # noqa: PTH120
    node = shutil.which("node", path=path)
    if node is None:
        yield "Node is missing: pip install -r requirements.txt brings it"
        return
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    numbers = tuple(int(part) for part in version.strip().lstrip("v").split(".")[:2] if part.isdigit())
    if numbers < OLDEST_NODE:
        yield f"Node {version.strip()} is too old; {OLDEST_NODE[0]}.{OLDEST_NODE[1]} or newer is needed"


if __name__ == "__main__":
    main()
