"""What a program says over a WebSocket. It is told the events of a stream, each with its run and seq."""

from typing import Annotated, Final, Literal

from pydantic import Field, TypeAdapter, ValidationError

from chatapp.api.schemas.base import Body, Said

_OBJECT: Final = TypeAdapter(dict[str, object])


class Say(Said):
    """Says something."""

    type: Literal["message"] = "message"
    message: str = ""


class Cancel(Body):
    """Stops the reply of this run, or all that this socket reads."""

    type: Literal["cancel"]
    run_id: str | None = None


class Resume(Body):
    """Reads a run, after the seq of the last event that came."""

    type: Literal["resume"]
    run_id: str
    after: Annotated[int, Field(ge=0, lt=10**18)] = 0


def frame_of(text: str) -> Say | Cancel | Resume:
    """What a program said; without a type it says something. Raises `ValueError`, of which pydantic's are."""
    try:
        value = _OBJECT.validate_json(text)
    except ValidationError:
        raise ValueError("This wants a JSON object.") from None
    kind = value.get("type", "message")
    kinds: dict[object, type[Say | Cancel | Resume]] = {"message": Say, "cancel": Cancel, "resume": Resume}
    if not isinstance(kind, str) or kind not in kinds:
        raise ValueError("The type of a frame is message, cancel or resume.")
    return kinds[kind].model_validate(value)
