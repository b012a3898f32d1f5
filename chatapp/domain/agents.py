"""An agent: saved instructions, a model and tools under a name."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True, slots=True)
class Agent:
    """What a conversation can be had with."""

    id: str
    name: str
    description: str


#: Answers when no agent was named: the model as it is.
DEFAULT_AGENT: Final = Agent(
    id="default", name="Assistant", description="The chosen model, without instructions of its own."
)
