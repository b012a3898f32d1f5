"""The kinds of value that a setting can have. Each check says, in one phrase, what is allowed."""

import math
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

PROJECT_ROOT: Final = Path(__file__).resolve().parent.parent.parent

YEARS: Final = 365 * 86400.0


def _comma_list(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(dict.fromkeys(item.strip() for item in value.split(",") if item.strip()))


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _seconds(minimum: float, maximum: float) -> Callable[[object], timedelta]:
    def read(value: object) -> timedelta:
        if isinstance(value, timedelta):
            return value
        with suppress(ValueError):
            seconds = float(str(value))
            if math.isfinite(seconds) and minimum <= seconds <= maximum:
                return timedelta(seconds=seconds)
        raise ValueError(f"must be a number of seconds from {minimum:g} to {maximum:g}")

    return read


def _base_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an http:// or https:// URL")
    return value.rstrip("/")


def _origin(value: str) -> str:
    """Normalise to scheme://host[:port], the form in which browsers send an origin."""
    if "*" in value:
        raise ValueError("'*' would let any web site act for whoever is logged in: name the origins")
    parts = urlsplit(value)
    beyond = parts.path.strip("/") or parts.query or parts.fragment or parts.username
    if parts.scheme not in {"http", "https"} or not parts.hostname or beyond:
        raise ValueError("must be like https://chat.example.org, without a path")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _model_reference(value: str) -> str:
    provider, _, model = value.partition(":")
    if provider not in {"openai", "gemini", "local", "scripted"} or not model.strip():
        raise ValueError("must be provider:model, with the provider openai, gemini, local or scripted")
    return value


def _sqlite_url(value: str) -> str:
    """Make any SQLite URL an absolute one for the async driver; relative paths start at the project."""
    scheme, separator, path = value.partition("://")
    if scheme != "sqlite" or not separator or "?" in path:
        raise ValueError("must be like sqlite:///data/chatapp.db")
    path = unquote(path.removeprefix("/"))
    if not path or path == ":memory:":
        raise ValueError("must name a file: a database in memory would lose every reply at the next start")
    return f"sqlite:///{(PROJECT_ROOT / path).resolve()}"


def _path(value: Path) -> Path:
    return (PROJECT_ROOT / value).resolve()


CommaList = Annotated[tuple[str, ...], BeforeValidator(_comma_list)]
BaseUrl = Annotated[str, AfterValidator(_base_url)]
Origin = Annotated[str, AfterValidator(_origin)]
Origins = Annotated[tuple[Origin, ...], BeforeValidator(_comma_list)]
ModelReference = Annotated[str, AfterValidator(_model_reference)]
ModelReferences = Annotated[tuple[ModelReference, ...], BeforeValidator(_comma_list)]
DatabaseUrl = Annotated[str, AfterValidator(_sqlite_url)]
ProjectPath = Annotated[Path, AfterValidator(_path)]
Count = Annotated[int, Field(ge=1)]
AnyCase = BeforeValidator(_lower)
Delay = Annotated[timedelta, BeforeValidator(_seconds(0, 60))]
Pause = Annotated[timedelta, BeforeValidator(_seconds(0.1, 3600))]
Lease = Annotated[timedelta, BeforeValidator(_seconds(1, 300))]
Lifetime = Annotated[timedelta, BeforeValidator(_seconds(1, 10 * YEARS))]
