"""The kinds of value that a setting can have. Each check says, in one phrase, what is allowed."""

import math
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

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


def _database_url(value: str) -> str:
    """Make any SQLite URL an absolute one, relative paths start at the project, and leave the driver for
    PostgreSQL to the app, whichever the URL names."""
    scheme, separator, path = value.partition("://")
    if separator and re.fullmatch(r"postgres(ql)?(\+\w+)?", scheme):
        with suppress(ValueError):  # a port that is none
            parts = urlsplit(f"postgresql://{path}")
            if parts.port != 0:
                return parts.geturl()
    if scheme != "sqlite" or not separator or "?" in path:
        raise ValueError("must be like postgresql://user:password@host/name or sqlite:///data/chatapp.db")
    path = unquote(path.removeprefix("/"))
    if not path or path == ":memory:":
        raise ValueError("must name a file: a database in memory would lose every reply at the next start")
    return f"sqlite:///{(PROJECT_ROOT / path).resolve()}"


def _redis_url(value: object) -> object:
    """`host:port`, as some hosts are told it, is a URL without its beginning; no database is database 0."""
    if not isinstance(value, str):
        return value
    url = value.strip() if "://" in value else f"redis://{value.strip()}"
    with suppress(ValueError):
        parts = urlsplit(url)
        is_host = parts.scheme in {"redis", "rediss"} and parts.hostname and parts.port != 0
        if is_host and (not (database := parts.path.strip("/")) or database.isdecimal()):
            return parts._replace(path=f"/{database or 0}").geturl()
        if parts.scheme == "unix" and parts.path.strip("/"):
            return url
    raise ValueError("must be like redis://localhost:6379/0, rediss://… or localhost:6379")


def _path(value: Path) -> Path:
    return (PROJECT_ROOT / value).resolve()


CommaList = Annotated[tuple[str, ...], BeforeValidator(_comma_list)]
BaseUrl = Annotated[str, AfterValidator(_base_url)]
Origin = Annotated[str, AfterValidator(_origin)]
Origins = Annotated[tuple[Origin, ...], BeforeValidator(_comma_list)]
ModelReference = Annotated[str, AfterValidator(_model_reference)]
ModelReferences = Annotated[tuple[ModelReference, ...], BeforeValidator(_comma_list)]
DatabaseUrl = Annotated[str, AfterValidator(_database_url)]
RedisUrl = Annotated[SecretStr, BeforeValidator(_redis_url)]
ProjectPath = Annotated[Path, AfterValidator(_path)]
Count = Annotated[int, Field(ge=1)]
AnyCase = BeforeValidator(_lower)
Delay = Annotated[timedelta, BeforeValidator(_seconds(0, 60))]
Pause = Annotated[timedelta, BeforeValidator(_seconds(0.1, 3600))]
Lease = Annotated[timedelta, BeforeValidator(_seconds(1, 300))]
Lifetime = Annotated[timedelta, BeforeValidator(_seconds(1, 10 * YEARS))]
