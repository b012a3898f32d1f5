"""Which agents there are."""

from chatapp.domain.agents import DEFAULT_AGENT, Agent
from chatapp.domain.errors import UnknownAgent

__all__ = ["Agent", "Agents"]


class Agents:
    """The agents that a conversation can be had with, for everybody the same."""

    def offered(self) -> tuple[Agent, ...]:
        """All of them; the first answers when none was named."""
        return (DEFAULT_AGENT,)

    def chosen(self, agent_id: str) -> Agent:
        """The agent with this id; "" is the default. Raises `UnknownAgent`."""
        offered = self.offered()
        found = next((agent for agent in offered if agent.id == agent_id), None)
        if found is not None:
            return found
        if agent_id:
            known = ", ".join(agent.id for agent in offered)
            raise UnknownAgent(f"There is no such agent. There is: {known}.")
        return offered[0]
