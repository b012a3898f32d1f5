"""The command line: `python -m chatapp worker | migrate | doctor | user`."""

import argparse
import asyncio
import getpass
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager

from chatapp.domain.accounts import Account, Role
from chatapp.domain.errors import ChatError
from chatapp.services.operating import Operating
from chatapp.services.passwords import Passwords, made_up_password
from chatapp.settings import Settings, load_or_exit
from chatapp.settings.reading import REDIS_NEEDED
from chatapp.storage.database import Database
from chatapp.storage.migrate import differences, migrate

#: What the contract promises and a later issue builds.
NOT_BUILT_YET = ("export", "import")
#: What Reflex 0.10.1 needs to build the page.
OLDEST_NODE = (22, 22)


def main() -> None:
    """Runs one command; its exit status is 0, 1 when it failed, 2 when it was called wrongly."""
    settings = load_or_exit()
    parser = argparse.ArgumentParser(prog="python -m chatapp")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("migrate", help="bring the database up to date (the app does it at each start)")
    commands.add_parser("doctor", help="check what the app needs, and say what is missing")
    _worker_options(commands.add_parser("worker", help="make replies, beside web processes (needs Redis)"))
    _user_commands(commands.add_parser("user", help="make and change accounts"))
    for name in NOT_BUILT_YET:
        commands.add_parser(name, help="not built yet")
    arguments = parser.parse_args()
    if arguments.command in NOT_BUILT_YET:
        parser.error(f"{arguments.command} is not built yet")
    try:
        if arguments.command == "worker":
            sys.exit(_work(settings, arguments))
        sys.exit(asyncio.run(_run(settings, arguments)))
    except ChatError as error:
        sys.exit(f"chatapp: {error.message}")


def _worker_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--concurrency", type=int, help="replies at once (MAX_CONCURRENT_STREAMS)")
    parser.add_argument("--name", default="", help="what it is called in logs and health (the host's name)")
    parser.add_argument(
        "--port", type=int, default=0, help="/live, /ready and /metrics, on this machine alone"
    )


def _work(settings: Settings, arguments: argparse.Namespace) -> int:
    if settings.redis_url is None:
        sys.stderr.write(f"chatapp: REDIS_URL: {REDIS_NEEDED}\n")
        return 2
    # Here and not above: the other commands need none of it.
    from chatapp.working import work

    work(settings, concurrency=arguments.concurrency, name=arguments.name, port=arguments.port)
    return 0


def _user_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="action", required=True)
    email = argparse.ArgumentParser(add_help=False)
    email.add_argument("email")
    asked = "the password is asked for, or read from standard input; without one it is made and printed"
    create = commands.add_parser("create", parents=[email], help=f"a new account: {asked}")
    create.add_argument("--name", default="")
    create.add_argument("--role", choices=[role.value for role in Role], help="admin for the first one")
    commands.add_parser("list", help="everybody who has an account")
    commands.add_parser("disable", parents=[email], help="lock out: all logins end, replies stop")
    commands.add_parser("enable", parents=[email], help="let in again")
    role = commands.add_parser("role", parents=[email], help="give another role")
    role.add_argument("role", choices=[role.value for role in Role])
    commands.add_parser("reset", parents=[email], help=f"another password: {asked}")


async def _run(settings: Settings, arguments: argparse.Namespace) -> int:
    match arguments.command:
        case "migrate":
            return await _migrate(settings)
        case "user":
            return await _user(settings, arguments)
        case _:
            return await _doctor(settings)


@asynccontextmanager
async def _migrated(settings: Settings) -> AsyncGenerator[Database]:
    database = Database(settings.database_url)
    try:
        await migrate(database)
        yield database
    finally:
        await database.close()


async def _migrate(settings: Settings) -> int:
    async with _migrated(settings):
        print("The database is up to date.")
    return 0


async def _user(settings: Settings, arguments: argparse.Namespace) -> int:
    async with _migrated(settings) as database:
        operating = Operating(database=database, passwords=Passwords())
        match arguments.action:
            case "list":
                for account in await operating.members():
                    print(_line(account))
            case "create":
                role = Role(arguments.role) if arguments.role else None
                password, made = _password()
                account = await operating.create(
                    email=arguments.email, password=password, name=arguments.name, role=role
                )
                _tell(account, made)
            case "reset":
                password, made = _password()
                _tell(await operating.reset(arguments.email, password), made)
            case "role":
                print(_line(await operating.set_role(arguments.email, Role(arguments.role))))
            case action:
                print(_line(await operating.set_disabled(arguments.email, action == "disable")))
    return 0


def _password() -> tuple[str, str]:
    """The password that somebody gave and ""; or one that is made, twice."""
    if sys.stdin.isatty():
        given = getpass.getpass("Password (Enter makes one): ")
    else:
        given = sys.stdin.readline().rstrip("\r\n")
    if given:
        return given, ""
    made = made_up_password()
    return made, made


def _tell(account: Account, made: str) -> None:
    print(_line(account))
    if made:
        print(f"Password, shown only now: {made}")


def _line(account: Account) -> str:
    state = "disabled" if account.disabled else "enabled"
    return "  ".join((account.email, account.role.value, state, account.name)).rstrip()


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
    if settings.database_url.startswith("sqlite:") and not settings.database_path.exists():
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
    if os.environ.get("__REFLEX_SKIP_COMPILE"):  # in an image, whose page is built
        return
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
