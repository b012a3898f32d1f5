"""Saying something as a program does, whatever the wire."""

from typing import Protocol

from chatapp.api.schemas.base import Said
from chatapp.domain.accounts import Principal
from chatapp.domain.runs import Turn
from chatapp.services.agents import Agents
from chatapp.services.runs import Runs
from chatapp.services.turns import Turns


class Answering(Protocol):
    """What makes replies, and tells of them."""

    @property
    def turns(self) -> Turns:
        """Takes what is said."""
        ...

    @property
    def runs(self) -> Runs:
        """Reads what is answered, and stops it."""
        ...

    @property
    def agents(self) -> Agents:
        """Who may be named."""
        ...


async def say(services: Answering, asker: Principal, said: Said, *, session_id: str | None) -> Turn:
    """The turn that this begins, or has begun by the same `client_key`. Raises what `Turns.send` raises, and
    `UnknownAgent`."""
    services.agents.chosen(said.agent)
    return await services.turns.send(
        asker,
        conversation_id=session_id,
        text=said.message,
        client_key=said.key,
        model=said.model,
    )
