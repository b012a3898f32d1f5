"""Every number that the app tells of itself: all Prometheus instruments are here, and nowhere else.

What a label can be is bounded, whatever clients send: templates of routes, known methods and providers, our
own codes. Nothing here is called for each token: only for requests, steps of the log, writes and runs.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, GCCollector, Histogram, ProcessCollector
from prometheus_client.exposition import choose_encoder

#: From what the app itself takes (a millisecond) to what a reader gives up at.
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
#: Waiting for a slot or for a model that thinks takes longer.
_LONG_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
_EVENTS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 5_000)
_TOKENS_PER_SECOND: Final = (1, 2, 5, 10, 20, 30, 50, 75, 100, 150, 200, 500)

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_PROVIDERS: Final = frozenset({"openai", "gemini", "local", "scripted"})
_PROTOCOLS: Final = ("sse", "openai", "websocket")
OTHER: Final = "other"


class Metrics:
    """The instruments of opened services, in a registry of their own."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        GCCollector(registry=registry)
        self._of_requests(registry)
        self._of_runs(registry)
        self._of_the_machine(registry)
        self._of_notices(registry)

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """All numbers as they are now, in the format that an `Accept` header asks for, and its type."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type

    def _of_requests(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "chatapp_requests",
            "HTTP requests that were answered",
            ("method", "route", "status"),
            registry=registry,
        )
        self._request_seconds = Histogram(
            "chatapp_request_seconds",
            "From an HTTP request to the end of its answer",
            ("route",),
            buckets=_SECONDS,
            registry=registry,
        )
        self._streams_open = Gauge(
            "chatapp_streams_open",
            "Streams that programs read now",
            ("protocol",),
            registry=registry,
        )
        for protocol in _PROTOCOLS:
            self._streams_open.labels(protocol)
        self._sockets_open = Gauge("chatapp_sockets_open", "Pages that are connected now", registry=registry)

    def _of_runs(self, registry: CollectorRegistry) -> None:
        self._queue_length = Gauge("chatapp_queue_length", "Runs that wait for a slot", registry=registry)
        self._runs_active = Gauge("chatapp_runs_active", "Runs that have a slot", registry=registry)
        self._queue_wait = Histogram(
            "chatapp_queue_wait_seconds",
            "From a send to the beginning of its run",
            buckets=_LONG_SECONDS,
            registry=registry,
        )
        self._first_token = Histogram(
            "chatapp_first_token_seconds",
            "From the beginning of an attempt to its first text that readers were shown",
            ("provider",),
            buckets=_LONG_SECONDS,
            registry=registry,
        )
        self._tokens = Counter(
            "chatapp_tokens",
            "Tokens of runs that ended, as their providers counted them",
            ("provider", "direction"),
            registry=registry,
        )
        self._token_rate = Histogram(
            "chatapp_tokens_per_second",
            "Tokens of a reply by the time that it streamed",
            ("provider",),
            buckets=_TOKENS_PER_SECOND,
            registry=registry,
        )
        self._runs = Counter(
            "chatapp_runs", "Runs that ended, and how", ("status", "code"), registry=registry
        )
        self._provider_errors = Counter(
            "chatapp_provider_errors",
            "Requests that a provider did not answer, after its retries",
            ("provider", "kind"),
            registry=registry,
        )

    def _of_the_machine(self, registry: CollectorRegistry) -> None:
        self._loop_lag = Histogram(
            "chatapp_event_loop_lag_seconds",
            "How much later than it should the event loop came to a task",
            buckets=_SECONDS,
            registry=registry,
        )
        self._flush_seconds = Histogram(
            "chatapp_log_flush_seconds",
            "One commit of the event log, for all runs of the process",
            buckets=_SECONDS,
            registry=registry,
        )
        self._flush_events = Histogram(
            "chatapp_log_flush_events", "Events in one commit of the log", buckets=_EVENTS, registry=registry
        )
        self._write_wait = Histogram(
            "chatapp_database_write_wait_seconds",
            "From a write that is asked for to its transaction: other writes, and other processes' lock",
            buckets=_SECONDS,
            registry=registry,
        )

    def _of_notices(self, registry: CollectorRegistry) -> None:
        self._notices = Counter(
            "chatapp_notices",
            "Notices that went to other processes, and those from them that somebody listened to",
            ("direction",),
            registry=registry,
        )
        self._bundles = Counter(
            "chatapp_notice_bundles", "Commands to Redis that carried notices", registry=registry
        )
        self._missed = Counter(
            "chatapp_notices_missed",
            "How often listeners were told to read the database, since notices may not have come",
            registry=registry,
        )
        self._round_trip = Histogram(
            "chatapp_redis_round_trip_seconds",
            "From a bundle of notices that is sent until this process hears it itself",
            buckets=_SECONDS,
            registry=registry,
        )

    def watch_redis(self, is_there: Callable[[], bool]) -> None:
        """There is a Redis, and this says whether it answers. Without one there is no such number."""
        up = Gauge("chatapp_redis_up", "1 while Redis carries notices", registry=self._registry)
        up.set_function(lambda: float(is_there()))

    def bundle_sent(self, notices: int) -> None:
        """One command took so many notices to Redis."""
        self._bundles.inc()
        self._notices.labels("sent").inc(notices)

    def notices_received(self, notices: int) -> None:
        """So many came from other processes and were listened to."""
        self._notices.labels("received").inc(notices)

    def notices_missed(self) -> None:
        """All listeners were told to read the database."""
        self._missed.inc()

    def redis_answered(self, seconds: float) -> None:
        """What was said came back after so long."""
        self._round_trip.observe(seconds)

    def request_answered(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """An HTTP request has its whole answer."""
        known = method if method in _METHODS else OTHER
        self._requests.labels(known, route, f"{status // 100}xx").inc()
        self._request_seconds.labels(route).observe(seconds)

    def stream_open(self, protocol: str) -> AbstractContextManager[None]:
        """A stream that programs read, as long as the block runs."""
        return self._streams_open.labels(protocol).track_inprogress()

    def socket_open(self) -> AbstractContextManager[None]:
        """A page's socket, as long as the block runs."""
        return self._sockets_open.track_inprogress()

    def watch_queue(self, *, waiting: Callable[[], int], active: Callable[[], int]) -> None:
        """Where the queue's numbers are looked up, whenever they are asked for."""
        self._queue_length.set_function(waiting)
        self._runs_active.set_function(active)

    def run_began(self, *, waited: float) -> None:
        """A run got its slot for the first time, so many seconds after it was sent."""
        self._queue_wait.observe(max(0.0, waited))

    def first_token(self, provider: str, seconds: float) -> None:
        """An attempt's first text was shown."""
        self._first_token.labels(_provider(provider)).observe(max(0.0, seconds))

    def run_ended(self, *, status: str, code: str) -> None:
        """A run ended; `code` is that of its failure, or ""."""
        self._runs.labels(status, code or "none").inc()

    def tokens_used(
        self, provider: str, *, input_tokens: int, output_tokens: int, seconds: float | None
    ) -> None:
        """What a run used; `seconds` is how long its text streamed, None where that says nothing."""
        known = _provider(provider)
        self._tokens.labels(known, "input").inc(input_tokens)
        self._tokens.labels(known, "output").inc(output_tokens)
        if output_tokens and seconds:
            self._token_rate.labels(known).observe(output_tokens / seconds)

    def provider_failed(self, provider: str, kind: str) -> None:
        """A provider did not answer a request; `kind` is the code of its error."""
        self._provider_errors.labels(_provider(provider), kind).inc()

    def loop_lagged(self, seconds: float) -> None:
        """The event loop was so late."""
        self._loop_lag.observe(max(0.0, seconds))

    def log_flushed(self, *, seconds: float, events: int) -> None:
        """A step of the log is committed."""
        self._flush_seconds.observe(seconds)
        self._flush_events.observe(events)

    def write_waited(self, seconds: float) -> None:
        """A write transaction began so long after it was asked for; called from any thread."""
        self._write_wait.observe(seconds)


def _provider(name: str) -> str:
    return name if name in _PROVIDERS else OTHER
