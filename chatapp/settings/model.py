"""The settings themselves: name, default, and the reason for it."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from chatapp.settings.values import (
    PROJECT_ROOT,
    AnyCase,
    BaseUrl,
    CommaList,
    Count,
    DatabaseUrl,
    Delay,
    Lease,
    Lifetime,
    ModelReference,
    ModelReferences,
    Origin,
    Origins,
    Pause,
    ProjectPath,
    RedisUrl,
)


def _default_auth_mode(earlier: dict[str, Any]) -> str:
    return "password" if earlier.get("app_env") == "production" else "guest"


def _default_database_url(earlier: dict[str, Any]) -> str:
    return f"sqlite:///{earlier.get('data_dir', PROJECT_ROOT / 'data') / 'chatapp.db'}"


class Settings(BaseModel):
    """One frozen value, made by `load` and handed down; nothing below `bootstrap` reads the environment.

    A setting's name in the environment is its attribute in upper case. The text under each is its reason, and
    is what `.env.example` says.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True
    )

    app_env: Annotated[Literal["development", "production"], AnyCase] = "development"
    """production refuses values that are only safe on your own machine, and says which."""

    data_dir: Annotated[ProjectPath, Field(alias="chatapp_data_dir")] = PROJECT_ROOT / "data"
    """Everything the app keeps (database, keys, weights) is in one folder, so that a backup is a copy."""

    database_url: Annotated[DatabaseUrl, Field(repr=False, default_factory=_default_database_url)]
    """A SQLite file under the data folder: nothing to install. Relative paths start at the project. For many
    processes, postgresql://user:password@host/name."""

    redis_url: RedisUrl | None = None
    """URL or host:port. Unset, everything runs in one process and there is no server to look after."""

    redis_user: str | None = None
    """Only for a Redis with access lists."""

    redis_password: SecretStr | None = None
    """Apart from REDIS_URL, so that the URL can be written down without it."""

    worker: Annotated[Literal["auto", "embedded", "external"], AnyCase] = "auto"
    """auto makes replies in the web process unless a worker of its own (python -m chatapp worker) is alive;
    external never does, and needs Redis."""

    lease_ttl: Lease = timedelta(seconds=10)
    """Seconds until a silent worker's run is taken over: longer than a hiccup, shorter than patience. Without
    Redis a process that has ended is known at once."""

    public_url: Origin | None = None
    """Where people reach the app, like https://chat.example.org. Unset, it is taken from the request."""

    openai_api_key: SecretStr | None = None
    """For OpenAI, or any server that speaks its API. Unset, the local model answers."""

    openai_base_url: BaseUrl | None = None
    """An OpenAI-compatible server, like http://localhost:11434/v1. Unset, it is OpenAI's own."""

    openai_models: CommaList = ()
    """Comma list of the models to offer. Empty, the server is asked which it has."""

    gemini_api_key: SecretStr | None = None
    """For Google's models; GOOGLE_API_KEY, the vendor's own name for it, does as well."""

    gemini_base_url: BaseUrl | None = None
    """A proxy in front of the vendor's server. Unset, it is the vendor's own."""

    gemini_api_version: str | None = None
    """Like v1beta. Unset, it is what the vendor's library chooses."""

    gemini_models: CommaList = ()
    """Comma list of the models to offer. Empty, the server is asked which it has."""

    default_model: ModelReference | None = None
    """provider:model, like openai:gpt-5-mini or scripted:support. Unset, it is the first that can be used."""

    local_model: Annotated[Literal["auto", "off"], AnyCase] = "auto"
    """auto fetches a small model's weights (98 MB, checksum checked) when no provider key is set, so that the
    first start gives a real answer; off never does."""

    fallback_models: ModelReferences = ()
    """Comma list of provider:model, tried in order when a model fails, also in mid-reply: what was shown
    stays, and the next one goes on from there."""

    scripted_delay: Delay = timedelta(seconds=0.05)
    """Seconds per word of the scripted model: slow enough that one sees it stream."""

    auth_mode: Annotated[
        Literal["guest", "password", "oidc"], AnyCase, Field(default_factory=_default_auth_mode)
    ]
    """guest asks for nothing: the default in development. password is the default in production, so that
    nobody opens a server to the world without meaning to."""

    allow_sign_up: bool = True
    """false: nobody can make an account on the page but the very first, who becomes admin. Others are made
    with python -m chatapp user create."""

    oidc_issuer: BaseUrl | None = None
    """The login server, for AUTH_MODE=oidc."""

    oidc_client_id: str | None = None
    """For AUTH_MODE=oidc."""

    oidc_client_secret: SecretStr | None = None
    """For AUTH_MODE=oidc."""

    secret_key: SecretStr = SecretStr("")
    """Signs what leaves the server. Development makes one and keeps it in the data folder; production wants
    its own, of 32 characters or more, so that a copied folder is not enough to forge a login."""

    login_ttl: Lifetime = timedelta(seconds=2592000)
    """Seconds that a login lasts: 30 days, since nobody wants to log in to a chat every morning."""

    token_ttl: Lifetime = timedelta(seconds=3600)
    """Seconds that an API token lasts: short, since tokens leak from scripts and logs."""

    cors_allowed_origins: Origins = ()
    """Comma list of other web sites that may act with a person's login. The app's own origin is always in it;
    '*' is refused."""

    throttle_limit: Count = 100
    """Requests per THROTTLE_TTL and person (address, before login): far above a human, far below a flood."""

    throttle_ttl: Lifetime = timedelta(seconds=60)
    """Seconds over which THROTTLE_LIMIT is counted."""

    max_concurrent_streams: Count = 100
    """Replies that one process makes at once. More wait in a fair queue, and see their place."""

    max_streams_per_user: Count = 5
    """Replies made at once for one person, so that nobody takes the whole machine."""

    max_connections_per_ip: Count = 50
    """Open sockets from one address: an office fits, a flood does not. Load tests raise it.
    Of streams and other calls it may have five times as many open."""

    sse_keepalive_interval: Pause = timedelta(seconds=30)
    """Seconds between comments on a quiet stream: half of the 60 after which proxies cut it."""

    stream_idle_timeout: Pause = timedelta(seconds=60)
    """Seconds without a token before a provider counts as hung: big models think before they speak."""

    max_message_chars: Count = 32000
    """Longest message: about 8,000 tokens, which common models can still take in."""

    max_reply_tokens: Count = 32000
    """A reply is ended here, since a model that repeats itself would never stop."""

    max_upload_mb: Count = 25
    """Largest attachment: a scanned document fits."""

    context_messages: Count | None = None
    """Send at most so many messages to the model. Unset, as many as fit its window."""

    streaming_enabled: bool = True
    """false shows replies only when they are whole."""

    enable_metrics: bool = True
    """/metrics, which answers this machine and admins only."""

    log_format: Annotated[Literal["console", "json"], AnyCase] = "console"
    """json is for machines that collect logs."""

    log_level: Annotated[Literal["debug", "info", "warning", "error"], AnyCase] = "info"
    """The text of messages is never logged at info or above."""

    smtp_url: SecretStr | None = None
    """Unset, mail is written to a folder, and said so."""

    mail_from: str | None = None
    """The sender of that mail."""

    trusted_proxy_hops: Annotated[int, Field(ge=0, le=10)] = 0
    """1 behind one proxy, else every visitor has the proxy's address. Too many: visitors choose theirs."""

    @property
    def production(self) -> bool:
        """Whether insecure values are refused."""
        return self.app_env == "production"

    @property
    def database_path(self) -> Path:
        """The SQLite file; there is none with PostgreSQL."""
        return Path(self.database_url.removeprefix("sqlite:///"))

    @property
    def database_name(self) -> str:
        """What all processes of this installation call its database, on whichever host they are."""
        return urlsplit(self.database_url).path.lstrip("/")

    @property
    def redis(self) -> str:
        """How to reach Redis, with whom one is there: for whoever opens it. Empty without one."""
        given = self.redis_url.get_secret_value() if self.redis_url else ""
        if not (given and (self.redis_user or self.redis_password)):
            return given
        url = urlsplit(given)
        user = quote(self.redis_user or "", safe="") or url.username or ""
        password = self.redis_password.get_secret_value() if self.redis_password else ""
        secret = quote(password, safe="") or url.password or ""
        place = url.netloc.rpartition("@")[2]
        return url._replace(netloc=f"{user}:{secret}@{place}").geturl()

    def allowed_origins(self, *, page_port: int, backend_port: int) -> tuple[str, ...]:
        """Say exactly which origins' pages may act with a login: our own first, then what was configured.

        Never empty, since engine.io takes an empty list as "checks off". Until PUBLIC_URL says where the app
        is, its own origin is this machine, under both of its names.
        """
        return tuple(
            dict.fromkeys((*self._own_origins((page_port, backend_port)), *self.cors_allowed_origins))
        )

    def _own_origins(self, ports: Iterable[int]) -> tuple[str, ...]:
        if self.production and self.public_url:
            return (self.public_url,)
        here = tuple(f"http://{host}:{port}" for port in ports for host in ("localhost", "127.0.0.1"))
        return (self.public_url, *here) if self.public_url else here
