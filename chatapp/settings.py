"""Every setting, read once from the environment and the project's `.env`, checked, and frozen.

The name of a setting is its attribute in upper case; its default is here, its reason is the field's description
(and so in `.env.example`). A wrong value raises `SettingsError`, whose text is one line: the name, the value
(secrets hidden) and what is allowed. What is not built yet is refused by name, never silently ignored.
"""

import math
import os
import re
import secrets
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import unquote, urlsplit

from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
)
from pydantic.fields import FieldInfo

PROJECT_ROOT: Final = Path(__file__).resolve().parent.parent

# What is in the contract but not built yet: the name, and what it would be for. A value equal to the default
# asks for nothing and passes. The issue that builds one deletes its line.
NOT_BUILT_YET: Final[Mapping[str, str]] = {
    "REDIS_URL": "scaling out over Redis",
    "REDIS_USER": "scaling out over Redis",
    "REDIS_PASSWORD": "scaling out over Redis",
    "GEMINI_API_KEY": "the Gemini provider",
    "GOOGLE_API_KEY": "the Gemini provider",
    "GEMINI_BASE_URL": "the Gemini provider",
    "GEMINI_API_VERSION": "the Gemini provider",
    "GEMINI_MODELS": "the Gemini provider",
    "FALLBACK_MODELS": "falling back to another model",
    "OIDC_ISSUER": "single sign-on",
    "OIDC_CLIENT_ID": "single sign-on",
    "OIDC_CLIENT_SECRET": "single sign-on",
    "TOKEN_TTL": "API tokens",
    "SSE_KEEPALIVE_INTERVAL": "streaming over HTTP",
    "MAX_UPLOAD_MB": "uploads",
    "STREAMING_ENABLED": "showing replies only when they are whole",
    "SMTP_URL": "sending mail",
    "MAIL_FROM": "sending mail",
}

# The same for single values: the name, how the value begins, what to use instead.
VALUES_NOT_BUILT_YET: Final[tuple[tuple[str, str, str], ...]] = (
    ("AUTH_MODE", "password", "guest"),
    ("AUTH_MODE", "oidc", "guest"),
    ("WORKER", "external", "auto or embedded"),
    ("DATABASE_URL", "postgres", "sqlite:///path/to/file.db"),
    ("DEFAULT_MODEL", "gemini:", "openai:…, local:… or scripted:…"),
)

# Their values are never printed. URLs are here because they can carry a password.
SECRET_NAMES: Final = re.compile(r"SECRET|PASSWORD|API_KEY|DATABASE_URL|REDIS_URL|SMTP_URL|OPENAI_BASE_URL|GEMINI_BASE")

SECRET_KEY_MIN_CHARS: Final = 32  # 32 characters of base64 are 192 bits: guessing is out of the question


class SettingsError(Exception):
    """A setting has a value that is not allowed; its text is one line for the person who starts the app."""

    def __init__(self, name: str, value: str | None, allowed: str) -> None:
        shown = "" if value is None else f"={_shown(name, value)}"
        super().__init__(f"{name}{shown}: {allowed}")
        self.name = name
        self.allowed = allowed


def _shown(name: str, value: str) -> str:
    if SECRET_NAMES.search(name):
        return "(hidden)"
    return repr(value if len(value) <= 80 else value[:80] + "…")


def _comma_list(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(dict.fromkeys(item.strip() for item in value.split(",") if item.strip()))


def _seconds(minimum: float, maximum: float) -> BeforeValidator:
    """Accept a number of seconds in the given range, as a timedelta."""

    def read(value: object) -> timedelta:
        if isinstance(value, timedelta):
            return value
        with suppress(ValueError):
            seconds = float(str(value))
            if math.isfinite(seconds) and minimum <= seconds <= maximum:
                return timedelta(seconds=seconds)
        raise ValueError(f"must be a number of seconds from {minimum:g} to {maximum:g}")

    return BeforeValidator(read)


def _origin(value: str) -> str:
    """Check and normalise scheme://host[:port], the form in which browsers send an origin."""
    parts = urlsplit(value)
    if "*" in value:
        raise ValueError("'*' would let any web site act for whoever is logged in: list the origins")
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ValueError("must be like https://chat.example.org (no path)")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _base_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an http:// or https:// URL")
    return value.rstrip("/")


def _sqlite_url(value: str) -> str:
    """Make any SQLite URL an absolute one for the async driver; relative paths start at the project."""
    scheme, separator, path = value.partition("://")
    if scheme not in {"sqlite", "sqlite+aiosqlite"} or not separator or "?" in path:
        raise ValueError("must be like sqlite:///data/chatapp.db")
    path = unquote(path.removeprefix("/"))
    if not path or path == ":memory:":
        raise ValueError("must name a file: a database in memory would lose every reply at the first restart")
    return f"sqlite+aiosqlite:///{(PROJECT_ROOT / path).resolve()}"


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _default_auth_mode(earlier: dict[str, Any]) -> str:
    return "password" if earlier.get("app_env") == "production" else "guest"


def _default_database_url(earlier: dict[str, Any]) -> str:
    return f"sqlite+aiosqlite:///{earlier.get('data_dir', PROJECT_ROOT / 'data') / 'chatapp.db'}"


CommaList = Annotated[tuple[str, ...], BeforeValidator(_comma_list)]
Origins = Annotated[tuple[Annotated[str, AfterValidator(_origin)], ...], BeforeValidator(_comma_list)]
Origin = Annotated[str, AfterValidator(_origin)]
BaseUrl = Annotated[str, AfterValidator(_base_url)]
ModelRef = Annotated[str, Field(pattern=r"^(openai|gemini|local|scripted):\S+$")]


class Settings(BaseModel):
    """One frozen value, made by `load` and handed down; nothing below `bootstrap` reads the environment."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    app_env: Annotated[Literal["development", "production"], BeforeValidator(_lower)] = Field(
        default="development",
        description="production refuses values that are only safe on your own machine, and says which.",
    )
    data_dir: Path = Field(
        default=PROJECT_ROOT / "data",
        description="Everything the app keeps: database, keys, model weights. One folder, so that a backup is a copy.",
    )
    database_url: Annotated[str, AfterValidator(_sqlite_url)] = Field(
        default_factory=_default_database_url,
        repr=False,
        description="A SQLite file under the data folder: nothing to install. Relative paths start at the project.",
    )
    redis_url: SecretStr | None = Field(
        default=None,
        description="URL or host:port. Unset: everything runs in one process, with no server to look after.",
    )
    redis_user: str | None = Field(default=None, description="Only for a Redis with access lists.")
    redis_password: SecretStr | None = Field(
        default=None, description="Kept out of REDIS_URL, so that the URL can be logged."
    )
    worker: Annotated[Literal["auto", "embedded", "external"], BeforeValidator(_lower)] = Field(
        default="auto",
        description="auto makes replies in the web process unless a worker's heartbeat is there.",
    )
    lease_ttl: Annotated[timedelta, _seconds(1, 300)] = Field(
        default=timedelta(seconds=10),
        description="Seconds until a silent worker's run is taken over: longer than a pause of the machine, "
        "shorter than a person's patience.",
    )
    public_url: Origin | None = Field(
        default=None,
        description="Where people reach the app, like https://chat.example.org. Unset: taken from the request.",
    )
    openai_api_key: SecretStr | None = Field(
        default=None, description="For OpenAI or any server that speaks its API. Unset: the local model answers."
    )
    openai_base_url: BaseUrl | None = Field(
        default=None, description="An OpenAI-compatible server, like http://localhost:11434/v1. Unset: OpenAI's own."
    )
    openai_models: CommaList = Field(
        default=(), description="Comma list of the models to offer. Empty: ask the server which it has."
    )
    gemini_api_key: SecretStr | None = Field(default=None, description="For Google's models (or GOOGLE_API_KEY).")
    gemini_base_url: BaseUrl | None = Field(default=None, description="A proxy in front of the Gemini API.")
    gemini_api_version: str | None = Field(default=None, description="Unset: the vendor library's own choice.")
    gemini_models: CommaList = Field(default=(), description="Comma list. Empty: ask the server which it has.")
    default_model: ModelRef | None = Field(
        default=None,
        description="provider:model, like openai:gpt-5-mini, local:… or scripted:support. Unset: the first that works.",
    )
    local_model: Annotated[Literal["auto", "off"], BeforeValidator(_lower)] = Field(
        default="auto",
        description="auto fetches the small model's weights (98 MB, checksum checked) when no provider key is set, "
        "so that the first start gives a real answer. off: never.",
    )
    fallback_models: CommaList = Field(
        default=(), description="Comma list, tried in order when a provider fails, also in mid-reply."
    )
    scripted_delay: Annotated[timedelta, _seconds(0, 60)] = Field(
        default=timedelta(seconds=0.05),
        description="Seconds per word of the scripted model: slow enough to be seen streaming.",
    )
    auth_mode: Annotated[Literal["guest", "password", "oidc"], BeforeValidator(_lower)] = Field(
        default_factory=_default_auth_mode,
        description="guest asks for nothing and is the default in development; password is the default in "
        "production, so that nobody opens a server to the world by accident.",
    )
    oidc_issuer: BaseUrl | None = Field(default=None, description="For AUTH_MODE=oidc.")
    oidc_client_id: str | None = Field(default=None, description="For AUTH_MODE=oidc.")
    oidc_client_secret: SecretStr | None = Field(default=None, description="For AUTH_MODE=oidc.")
    secret_key: SecretStr = Field(
        default=SecretStr(""),
        description="Signs what leaves the server. Development makes one and keeps it under the data folder; "
        f"production wants its own, of {SECRET_KEY_MIN_CHARS} characters or more.",
    )
    login_ttl: Annotated[timedelta, _seconds(60, 10 * 365 * 86400)] = Field(
        default=timedelta(seconds=2592000), description="Seconds a login lasts: 30 days, as people expect of a chat."
    )
    token_ttl: Annotated[timedelta, _seconds(60, 10 * 365 * 86400)] = Field(
        default=timedelta(seconds=3600), description="Seconds an API token lasts: short, since it can leak from scripts."
    )
    cors_allowed_origins: Origins = Field(
        default=(),
        description="Comma list of other web sites that may call the app with a person's login. "
        "The app's own origin is always in it; '*' is refused.",
    )
    throttle_limit: int = Field(
        default=100, ge=1, description="Requests per THROTTLE_TTL and person (address, before login): far above a human."
    )
    throttle_ttl: Annotated[timedelta, _seconds(1, 86400)] = Field(
        default=timedelta(seconds=60), description="Seconds over which THROTTLE_LIMIT is counted."
    )
    max_concurrent_streams: int = Field(
        default=100, ge=1, description="Replies made at once by a process; more wait in a fair queue and see their place."
    )
    max_streams_per_user: int = Field(
        default=5, ge=1, description="Replies made at once for one person, so that nobody takes the whole machine."
    )
    max_connections_per_ip: int = Field(
        default=50, ge=1, description="Open sockets from one address: an office fits, a flood does not. Load tests raise it."
    )
    sse_keepalive_interval: Annotated[timedelta, _seconds(1, 3600)] = Field(
        default=timedelta(seconds=30), description="Seconds between comments on a quiet stream; proxies cut at 60."
    )
    stream_idle_timeout: Annotated[timedelta, _seconds(0.1, 3600)] = Field(
        default=timedelta(seconds=60), description="Seconds without a token before a provider counts as hung."
    )
    max_message_chars: int = Field(
        default=32000, ge=1, description="Longest message; about 8,000 tokens, what common models can still take in."
    )
    max_reply_tokens: int = Field(
        default=32000, ge=1, description="A reply is ended here: a model that repeats itself would never stop."
    )
    max_upload_mb: int = Field(default=25, ge=1, description="Largest attachment.")
    context_messages: int | None = Field(
        default=None, ge=1, description="At most so many messages are sent to the model. Unset: as many as fit its window."
    )
    streaming_enabled: bool = Field(default=True, description="false: the page shows replies only when they are whole.")
    enable_metrics: bool = Field(default=True, description="/metrics, for this machine and admins only.")
    log_format: Annotated[Literal["console", "json"], BeforeValidator(_lower)] = Field(
        default="console", description="json for machines."
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = Field(
        default="info", description="Message texts are never logged at info or above."
    )
    smtp_url: SecretStr | None = Field(default=None, description="Unset: mail is written to a folder, and said so.")
    mail_from: str | None = Field(default=None, description="The sender of that mail.")
    trusted_proxy_hops: int = Field(
        default=0, ge=0, le=10, description="1 behind Caddy: else every visitor has the proxy's address."
    )

    @property
    def production(self) -> bool:
        return self.app_env == "production"

    @property
    def database_path(self) -> Path:
        """The SQLite file."""
        return Path(self.database_url.removeprefix("sqlite+aiosqlite:///"))

    def allowed_origins(self, *, page_port: int, backend_port: int) -> tuple[str, ...]:
        """The exact origins whose pages may act with a login: our own first, then what was configured.

        Never empty, since engine.io takes an empty list as "checks off". Until PUBLIC_URL says where the app
        is, its own origin is this machine under both of its names.
        """
        return tuple(dict.fromkeys((*self._own_origins((page_port, backend_port)), *self.cors_allowed_origins)))

    def _own_origins(self, ports: Iterable[int]) -> tuple[str, ...]:
        public = (self.public_url,) if self.public_url else ()
        if self.production and public:
            return public
        return (*public, *(f"http://{host}:{port}" for port in ports for host in ("localhost", "127.0.0.1")))


def load(env: Mapping[str, str] | None = None) -> Settings:
    """Read and check the settings, from `env` alone if it is given, else from the environment over `.env`.

    Makes the data folder, and in development a SECRET_KEY in it. Raises SettingsError.
    """
    given = _read(_environment() if env is None else env)
    _refuse_unbuilt(given)
    settings = _checked(given)
    if settings.production:
        _refuse_insecure(settings)
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    if settings.secret_key.get_secret_value():
        return settings
    return settings.model_copy(update={"secret_key": SecretStr(_kept_secret(settings.data_dir / "secret_key"))})


@cache
def load_or_exit() -> Settings:
    """`load` for the programs: a wrong setting is one line on stderr and exit status 2, without a traceback."""
    try:
        return load()
    except SettingsError as error:
        sys.stderr.write(f"chatapp: {error}\n")
        raise SystemExit(2) from None


def variable(field: str) -> str:
    """The environment's name of a Settings field."""
    return "CHATAPP_DATA_DIR" if field == "data_dir" else field.upper()


def default_text(field: FieldInfo) -> str:
    """A field's default as one would write it into `.env`; empty when it is unset or depends on others."""
    match field.default:
        case bool() as value:
            return str(value).lower()
        case timedelta() as value:
            return f"{value.total_seconds():g}" if value < timedelta(seconds=1) else str(int(value.total_seconds()))
        case int() | str() as value:
            return str(value)
        case _:
            return ""


def _environment() -> dict[str, str]:
    from_file = {name: value or "" for name, value in dotenv_values(PROJECT_ROOT / ".env").items()}
    return {**from_file, **os.environ}


def _read(env: Mapping[str, str]) -> dict[str, str]:
    """Keep the names that are ours; an empty value is the same as none."""
    names = {variable(field) for field in Settings.model_fields} | NOT_BUILT_YET.keys()
    return {name: value.strip() for name, value in env.items() if name in names and value.strip()}


def _refuse_unbuilt(given: Mapping[str, str]) -> None:
    for name, purpose in NOT_BUILT_YET.items():
        field = Settings.model_fields.get(name.lower())
        if name in given and (field is None or given[name].lower() != default_text(field)):
            raise SettingsError(name, given[name], f"{purpose} is not built yet; leave it unset")
    for name, beginning, instead in VALUES_NOT_BUILT_YET:
        if given.get(name, "").lower().startswith(beginning):
            raise SettingsError(name, given[name], f"not built yet; use {instead}")


def _checked(given: Mapping[str, str]) -> Settings:
    fields = {variable(field): field for field in Settings.model_fields}
    try:
        return Settings.model_validate({fields[name]: value for name, value in given.items()})
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        name = variable(str(first["loc"][0]))
        allowed = first["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
        raise SettingsError(name, given.get(name), allowed) from None


def _refuse_insecure(settings: Settings) -> None:
    if settings.auth_mode == "password":
        allowed = "the default in production is not built yet; set AUTH_MODE=guest if everybody may come in"
        raise SettingsError("AUTH_MODE", "password", allowed)
    if len(settings.secret_key.get_secret_value()) < SECRET_KEY_MIN_CHARS:
        raise SettingsError(
            "SECRET_KEY", None, f"production needs one of {SECRET_KEY_MIN_CHARS} characters or more"
        )


def _kept_secret(path: Path) -> str:
    """Read the secret, made at the first start. Linked into place, so that of two starts at once one wins whole."""
    if not path.exists():
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
        with suppress(FileExistsError):
            path.hardlink_to(draft)
        draft.unlink()
    return path.read_text().strip()
