"""What OpenAI's clients send. Fields that change nothing in the answer's meaning are ignored, as are those
that nobody knows; what would change it and cannot be had here is refused."""

import json
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from chatapp.api.schemas.base import Answer
from chatapp.domain.messages import Role
from chatapp.domain.runs import RunOptions
from chatapp.providers.base import ChatMessage

#: What the engine looks at of a conversation, less the reply.
MAX_MESSAGES: Final = 399
MAX_STOPS: Final = 4
_INSTRUCTIONS: Final = frozenset({"system", "developer"})


class _Sent(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True, use_attribute_docstrings=True)


class ContentPart(_Sent):
    """A piece of a message."""

    type: str
    text: str = ""

    @field_validator("type")
    @classmethod
    def _is_text(cls, value: str) -> str:
        if value != "text":
            raise ValueError("Only parts of the type 'text' can be used: no images, audio or files.")
        return value


class ListedMessage(_Sent):
    """A message of the list."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[ContentPart] | None = None
    tool_calls: list[Any] | None = None
    function_call: Any = None

    @model_validator(mode="after")
    def _can_be_carried(self) -> "ListedMessage":
        if self.role in {"tool", "function"} or self.tool_calls or self.function_call:
            raise ValueError("Tools cannot be used here.")
        if self.content is None and self.role != "assistant":
            raise ValueError("A message needs its content.")
        return self

    @property
    def text(self) -> str:
        """The content as one text."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content)
        return self.content or ""


class StreamOptions(_Sent):
    """How a streamed answer is sent."""

    include_usage: bool | None = None
    """Whether a last chunk tells the usage."""


def _usable_format(value: dict[str, Any] | None) -> dict[str, Any] | None:
    kind = (value or {}).get("type", "text")
    if kind not in {"text", "json_object", "json_schema"}:
        raise ValueError("The type is 'text', 'json_object' or 'json_schema'.")
    if value and kind == "json_schema" and not isinstance(value.get("json_schema"), dict):
        raise ValueError("A 'json_schema' is needed.")
    return value


def _nothing(value: Any) -> Any:
    """Of what is not built: only what asks for nothing."""
    if value not in (None, False, [], {}, "none", "auto", ["text"]):
        raise ValueError("This cannot be used here.")
    return value


Refused = Annotated[Any, AfterValidator(_nothing)]
StopText = Annotated[str, Field(min_length=1, max_length=1000)]


class CompletionRequest(_Sent):
    """OpenAI's request for a chat completion."""

    model: Annotated[str, Field(max_length=200, examples=["default"])]
    """An id of GET /v1/models: `provider:model`, or an agent, `default`."""
    messages: Annotated[
        list[ListedMessage],
        Field(
            min_length=1,
            max_length=MAX_MESSAGES,
            examples=[[{"role": "user", "content": "What is an append-only log?"}]],
        ),
    ]
    """The whole conversation, or, where one is named, the message to send to it."""
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: Annotated[float | None, Field(ge=0, le=2)] = None
    top_p: Annotated[float | None, Field(ge=0, le=1)] = None
    max_tokens: Annotated[int | None, Field(ge=1, le=2**31)] = None
    max_completion_tokens: Annotated[int | None, Field(ge=1, le=2**31)] = None
    """The same as `max_tokens`, and counts where both are given."""
    stop: StopText | Annotated[list[StopText], Field(max_length=MAX_STOPS)] | None = None
    presence_penalty: Annotated[float | None, Field(ge=-2, le=2)] = None
    frequency_penalty: Annotated[float | None, Field(ge=-2, le=2)] = None
    seed: Annotated[int | None, Field(ge=-(2**63), lt=2**63)] = None
    response_format: Annotated[dict[str, Any] | None, AfterValidator(_usable_format)] = None
    """`json_object` and `json_schema` are passed on to models of OpenAI-compatible servers and of Gemini."""
    metadata: dict[str, Any] | None = None
    """`session_id` names a conversation, as the header `X-Session-Id` does; the rest is ignored."""
    n: Annotated[int | None, Field(ge=1, le=1)] = None
    """One answer is made."""
    tools: Refused = None
    tool_choice: Refused = None
    functions: Refused = None
    function_call: Refused = None
    logprobs: Refused = None
    logit_bias: Refused = None
    modalities: Refused = None
    audio: Refused = None
    web_search_options: Refused = None

    @field_validator("messages")
    @classmethod
    def _says_something(cls, value: list[ListedMessage]) -> list[ListedMessage]:
        if not any(message.role == "user" for message in value):
            raise ValueError("There is no message of the user.")
        return value

    @field_validator("metadata")
    @classmethod
    def _names_a_session(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        if not isinstance((value or {}).get("session_id"), str | None):
            raise ValueError("The session_id is a text.")
        return value

    @property
    def session_id(self) -> str | None:
        """The conversation that the metadata names."""
        return (self.metadata or {}).get("session_id")

    @property
    def with_usage(self) -> bool:
        """Whether a stream is to tell the usage."""
        return bool(self.stream_options and self.stream_options.include_usage)

    @property
    def instructions(self) -> str:
        """All that is said as system or developer."""
        return "\n\n".join(one.text for one in self.messages if one.role in _INSTRUCTIONS)

    def conversation(self) -> list[ChatMessage]:
        """What user and assistant said, in turns: many models know no two messages of one role in a row."""
        turns: list[ChatMessage] = []
        for message in self.messages:
            if message.role in _INSTRUCTIONS or not message.text:
                continue
            role, text = Role(message.role), message.text
            if turns and turns[-1].role is role:
                text = f"{turns.pop().content}\n\n{text}"
            turns.append(ChatMessage(role=role, content=text))
        return turns

    def last_said(self) -> str:
        """The user's last message, by itself."""
        return next(one.text for one in reversed(self.messages) if one.role == "user")

    def options(self, *, system: str | None) -> RunOptions:
        """How the reply is to be made; `system` where nothing is said as system or developer."""
        wanted = self.response_format or {}
        is_text = wanted.get("type", "text") == "text"
        return RunOptions(
            system=self.instructions or system,
            max_tokens=self.max_completion_tokens or self.max_tokens,
            stop=tuple([self.stop] if isinstance(self.stop, str) else self.stop or ()),
            temperature=self.temperature,
            top_p=self.top_p,
            presence_penalty=self.presence_penalty,
            frequency_penalty=self.frequency_penalty,
            seed=self.seed,
            response_format="" if is_text else json.dumps(wanted, ensure_ascii=False),
        )


class ModelEntry(Answer):
    """A model, or an agent, that can be asked."""

    id: Annotated[str, Field(examples=["scripted:support"])]
    object: Literal["model"] = "model"
    created: int = 0
    """Not known."""
    owned_by: Annotated[str, Field(examples=["scripted"])]


class ModelEntries(Answer):
    """All of them."""

    object: Literal["list"] = "list"
    data: list[ModelEntry]


class OpenAIError(Answer):
    """What went wrong."""

    message: str
    type: str
    param: str | None
    code: str | None


class OpenAIProblem(Answer):
    """An error in OpenAI's shape."""

    error: OpenAIError
