"""What there is, what was found, and what was used."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Final

from pydantic import ConfigDict, Field

from chatapp.api.schemas.base import Answer
from chatapp.domain.messages import Role
from chatapp.domain.search import Hit
from chatapp.providers.base import Capability, Model
from chatapp.services.usage import UsedOnDay

#: Around the words that were found, in a snippet that is one text. No text is written with them, and HTML
#: knows nothing of them: escape the snippet first, then put your own marks in their place.
MARKS: Final = ("⟦", "⟧")


class Piece(Answer):
    """A part of a snippet; `hit`: it is one of the words that were asked for."""

    text: str
    hit: bool


class Found(Answer):
    """A message, or the title of a conversation (then `message_id` and `role` are null)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "session_id": "support-7",
                    "message_id": "0f8fad5bd9cb469fa165708672895b4e",
                    "title": "What are your opening hours?",
                    "role": "assistant",
                    "timestamp": "2026-11-21T20:15:00.123456Z",
                    "snippet": "We are ⟦open⟧ Monday to Friday",
                    "pieces": [
                        {"text": "We are ", "hit": False},
                        {"text": "open", "hit": True},
                        {"text": " Monday to Friday", "hit": False},
                    ],
                }
            ]
        }
    )

    session_id: str
    message_id: str | None
    title: str
    role: Role | None
    timestamp: datetime
    snippet: Annotated[str, Field(description="Plain text, not HTML; ⟦ and ⟧ stand around what was found.")]
    pieces: Annotated[list[Piece], Field(description="The same, exactly.")]

    @classmethod
    def of(cls, hit: Hit) -> "Found":
        """The same."""
        before, behind = MARKS
        return cls(
            session_id=hit.conversation_id,
            message_id=hit.message_id or None,
            title=hit.title,
            role=hit.role,
            timestamp=hit.at,
            snippet="".join(f"{before}{text}{behind}" if is_hit else text for text, is_hit in hit.snippet),
            pieces=[Piece(text=text, hit=is_hit) for text, is_hit in hit.snippet],
        )


class Hits(Answer):
    """Titles first, then messages of all branches; what fits best, and is newer, comes first."""

    hits: list[Found]


class ModelInfo(Answer):
    """A model that can be asked."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "scripted:support",
                    "provider": "scripted",
                    "name": "support",
                    "label": "Support bot (scripted demo)",
                    "default": True,
                    "context_tokens": 32768,
                    "capabilities": [],
                    "notice": "Scripted demo: fixed answers by rules, no AI.",
                }
            ]
        }
    )

    id: Annotated[str, Field(description="What `model` takes elsewhere.")]
    provider: str
    name: str
    label: str
    default: Annotated[bool, Field(description="It answers when none is named.")]
    context_tokens: int
    capabilities: list[Capability]
    notice: str

    @classmethod
    def of(cls, model: Model, *, default: bool) -> "ModelInfo":
        """The same."""
        return cls(
            id=model.id,
            provider=model.provider,
            name=model.name,
            label=model.label,
            default=default,
            context_tokens=model.context_tokens,
            capabilities=[one for one in Capability if one in model.capabilities],
            notice=model.notice,
        )


class Models(Answer):
    """All models that can be asked now."""

    models: list[ModelInfo]


class AgentInfo(Answer):
    """What `agent` takes elsewhere."""

    id: Annotated[str, Field(examples=["default"])]
    name: Annotated[str, Field(examples=["Assistant"])]
    description: str
    default: bool


class AgentList(Answer):
    """All agents."""

    agents: list[AgentInfo]


class DayOfModel(Answer):
    """The replies of one model that ended on one day (UTC)."""

    date: date
    model: str
    runs: int
    input_tokens: int
    output_tokens: int


class Used(Answer):
    """What one's replies took, of so many days up to today, replies that were deleted since among them."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "days": 30,
                    "runs": 1,
                    "input_tokens": 9,
                    "output_tokens": 12,
                    "tokens_used": 21,
                    "by_day": [
                        {
                            "date": "2026-11-21",
                            "model": "scripted:support",
                            "runs": 1,
                            "input_tokens": 9,
                            "output_tokens": 12,
                        }
                    ],
                }
            ]
        }
    )

    days: int
    runs: int
    input_tokens: int
    output_tokens: int
    tokens_used: int
    by_day: list[DayOfModel]

    @classmethod
    def of(cls, days: int, used: Iterable[UsedOnDay]) -> "Used":
        """The same, added up."""
        by_day = [
            DayOfModel(
                date=one.day,
                model=one.model,
                runs=one.runs,
                input_tokens=one.input_tokens,
                output_tokens=one.output_tokens,
            )
            for one in used
        ]
        read, written = sum(one.input_tokens for one in by_day), sum(one.output_tokens for one in by_day)
        return cls(
            days=days,
            runs=sum(one.runs for one in by_day),
            input_tokens=read,
            output_tokens=written,
            tokens_used=read + written,
            by_day=by_day,
        )
