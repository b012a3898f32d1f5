"""What the guard lets in: every limit in one place, with its reason."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from chatapp.settings import Settings
from chatapp.streams.counting import Buckets
from chatapp.streams.limits import Rate

#: An address may open all its connections twice at once, and once more in each such time.
OPENINGS_PERIOD: Final = timedelta(seconds=60)
#: Reflex's own doors that we do not use. `/_upload` serves everybody's files to anyone and takes any size,
#: `/_all_routes` lists pages, `/auth-codespace` is for somebody else's product, `/_health` says what stands
#: behind us, and less than `/api/health`.
CLOSED_PATHS: Final = ("/_upload", "/_all_routes", "/auth-codespace", "/_health")


@dataclass(frozen=True, kw_only=True, slots=True)
class GuardPolicy:
    """The guard's rules. The defaults are far above what a person does, and far below what hurts."""

    #: Exact origins whose pages may use a login, as browsers send them.
    origins: frozenset[str]
    #: Development: pages of this machine may come from any port, since the page's and ours differ.
    local_origins: bool = False
    #: Production behind https: the cookie is `__Host-…; Secure` even when the proxy speaks http to us.
    https: bool = False
    trusted_proxy_hops: int = 0

    connections_per_address: int = 50
    #: Tabs of one browser. Each costs some 200 KB here.
    connections_per_login: int = 20
    #: Of all browsers of one person: at home, at work, on the phone.
    connections_per_account: int = 60
    #: Of all programs of one person: many may read one reply. Each costs little here.
    program_connections_per_account: int = 250
    #: A page sends its first packet within milliseconds of opening its socket.
    connect_timeout: timedelta = timedelta(seconds=30)

    #: What engine.io would take; a longer frame is refused before anybody parses it.
    max_frame_chars: int = 1_000_000
    #: A fast typist presses 15 keys a second, and each can be an event. A burst is a page that comes back and
    #: sends what was written meanwhile.
    frames_per_second: float = 30
    frame_burst: float = 120
    chars_per_second: float = 250_000
    char_burst: float = 4_000_000

    #: How far a socket may be behind before it is dropped: what is queued behind the frame being sent.
    max_backlog_bytes: int = 1_000_000
    max_backlog_age: timedelta = timedelta(seconds=30)

    #: Calls of the API, per person; per address for whoever has no login.
    requests_per_period: int = 100
    request_period: timedelta = timedelta(seconds=60)

    #: Bodies of HTTP requests. Uploads will come through a route of their own.
    max_body_bytes: int = 1_000_000
    closed_paths: tuple[str, ...] = CLOSED_PATHS
    #: Whether there is `/metrics`, for this machine and for admins.
    metrics: bool = True

    @property
    def rate(self) -> Rate:
        """How often somebody may call the API."""
        return Rate(limit=self.requests_per_period, period=self.request_period)

    @property
    def calls_per_address(self) -> int:
        """Streams, and all other calls, that an address has open at once: each costs a fifth of what a page's
        socket does, and 200 programs behind one address may read one reply."""
        return 5 * self.connections_per_address

    def openings(self) -> Buckets:
        """How often an address may come anew: a page loads, and a program wants its first token, as often as
        they may open their sockets."""
        per_address = self.connections_per_address
        return Buckets(burst=2 * per_address, per_second=per_address / OPENINGS_PERIOD.total_seconds())


def guard_policy(settings: Settings, *, origins: Iterable[str]) -> GuardPolicy:
    """The policy that the settings ask for; `origins` are those that Reflex was told as well."""
    public = settings.public_url or ""
    return GuardPolicy(
        origins=frozenset(origins),
        local_origins=not settings.production,
        https=settings.production and public.startswith("https://"),
        trusted_proxy_hops=settings.trusted_proxy_hops,
        connections_per_address=settings.max_connections_per_ip,
        requests_per_period=settings.throttle_limit,
        request_period=settings.throttle_ttl,
        metrics=settings.enable_metrics,
    )
