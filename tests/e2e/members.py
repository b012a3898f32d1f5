"""Visitors who are members, as the server has them in its database."""

from dataclasses import dataclass
from typing import Final

from chatapp.domain.accounts import Role
from chatapp.services.operating import Operating
from chatapp.services.passwords import Passwords
from chatapp.storage.database import Database
from tests.app_server import AppServer
from tests.e2e.visitor import Visitor

PASSWORD: Final = "correct horse battery"


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """An account with email and password."""

    id: str
    email: str


async def created(server: AppServer, email: str, *, role: Role = Role.USER, name: str = "") -> Member:
    """A new member."""
    database, passwords = Database(f"sqlite:///{server.data_dir / 'chatapp.db'}"), Passwords()
    try:
        operating = Operating(database=database, passwords=passwords)
        account = await operating.create(email=email, password=PASSWORD, name=name, role=role)
    finally:
        passwords.close()
        await database.close()
    return Member(id=account.id, email=account.email)


async def change_role(server: AppServer, member: Member, role: Role) -> None:
    """As somebody does it at the command line while the server runs."""
    database, passwords = Database(f"sqlite:///{server.data_dir / 'chatapp.db'}"), Passwords()
    try:
        await Operating(database=database, passwords=passwords).set_role(member.email, role)
    finally:
        passwords.close()
        await database.close()


async def log_in(visitor: Visitor, member: Member, *, password: str = PASSWORD) -> int:
    """Give the visitor's browser the member's login; the answer's status."""
    answer = await visitor.context.request.post(
        "/api/login",
        data={"email": member.email, "password": password},
        headers={"Origin": visitor.url},
    )
    return answer.status
