"""Members to test with."""

from typing import Final

from chatapp.services.sign_in import Visit
from tests.chat import Chat

PASSWORD: Final = "correct horse battery"
HERE: Final = Visit(address="192.0.2.1", agent="Tests")


async def registered(chat: Chat, email: str, *, name: str = "") -> Chat:
    """The same services, used by a new member; the first one is an admin."""
    services = chat.services
    admission = await services.sign_in.register(None, email=email, password=PASSWORD, name=name, visit=HERE)
    return await entered(chat, admission.cookie)


async def logged_in(chat: Chat, email: str, *, password: str = PASSWORD) -> Chat:
    """The same services, used by a member in another browser."""
    admission = await chat.services.sign_in.log_in(email=email, password=password, visit=HERE)
    return await entered(chat, admission.cookie)


async def entered(chat: Chat, cookie: str) -> Chat:
    """The same services, used by whoever has this cookie."""
    who = await chat.services.accounts.resolve(cookie)
    assert who is not None
    return Chat(chat.services, chat.upstream, who=who)
