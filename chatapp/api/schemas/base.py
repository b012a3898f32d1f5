"""What all shapes have in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from chatapp.domain.ids import KEY_PATTERN, new_id
from chatapp.domain.messages import Usage


class Body(BaseModel):
    """What a program sends: unknown fields are refused, and nothing of it is repeated in a refusal."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True)


class Answer(BaseModel):
    """What a program gets."""

    model_config = ConfigDict(use_attribute_docstrings=True)


#: An id that a client may make up: of a conversation, or of a request that it may have to repeat.
Key = Annotated[str, Field(pattern=f"^{KEY_PATTERN}$")]
#: `provider:name`, as GET /api/models has it.
ModelId = Annotated[str, Field(max_length=200)]


#: As GET /api/agents has it; "" is the default one.
AgentId = Annotated[str, Field(max_length=64)]


class Repeatable(Body):
    """What makes a reply, once, however often it is sent."""

    client_key: Annotated[Key | None, Field(examples=["5f0c4c1e"])] = None
    """Your own name for this request, 1 to 64 letters, digits, hyphens or underscores. The same again is the
    same turn and makes no second reply; for something else it is refused with 409."""

    @property
    def key(self) -> str:
        """The name of the request; where it has none, one that stands for nothing else."""
        return self.client_key or new_id()


class Said(Repeatable):
    """A message, and how it is to be answered."""

    message: Annotated[str, Field(examples=["What is an append-only log?"])]
    """What is said. At most MAX_MESSAGE_CHARS characters."""

    agent: AgentId = ""
    """Who answers; without it, `default`."""

    model: Annotated[ModelId, Field(examples=["scripted:support"])] = ""
    """`provider:model` of GET /api/models; without it, that of the conversation, or the server's default."""


class Tokens(Answer):
    """As the provider counted them; 0 where it did not say."""

    input_tokens: int
    output_tokens: int

    @classmethod
    def of(cls, usage: Usage) -> "Tokens":
        """The same."""
        return cls(input_tokens=usage.input_tokens, output_tokens=usage.output_tokens)
