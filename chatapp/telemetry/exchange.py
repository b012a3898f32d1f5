"""What is known of the request, and of the run, that the code is busy with: for log lines, from anywhere.

It goes along with the task, and with the tasks that this one starts.
"""

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(kw_only=True, slots=True)
class Exchange:
    """One HTTP request with its answer, or one WebSocket from beginning to end; filled in on the way.

    `route` is the template (`/api/runs/{run_id}/cancel`), never what was really asked for. A page's socket is
    about no run: it asks for one after the other.
    """

    request_id: str
    about_a_run: bool = True
    route: str = ""
    account_id: str = ""
    run_id: str = ""


_exchange: ContextVar[Exchange | None] = ContextVar("exchange", default=None)
_run_id: ContextVar[str] = ContextVar("run_id", default="")


def begin(request_id: str, *, about_a_run: bool = True) -> Exchange:
    """What this task does from now on belongs to the request."""
    exchange = Exchange(request_id=request_id, about_a_run=about_a_run)
    _exchange.set(exchange)
    return exchange


def begin_run(run_id: str) -> None:
    """What this task does from now on belongs to the run."""
    _run_id.set(run_id)


def note(*, route: str = "", account_id: str = "", run_id: str = "") -> None:
    """Tells more of the request that is being served; nothing where there is none."""
    exchange = _exchange.get()
    if exchange is not None:
        exchange.route = route or exchange.route
        exchange.account_id = account_id or exchange.account_id
        if exchange.about_a_run:
            exchange.run_id = run_id or exchange.run_id


def request_id() -> str:
    """Of the request that is being served; "" where there is none."""
    exchange = _exchange.get()
    return exchange.request_id if exchange is not None else ""


def known() -> dict[str, str]:
    """What a log line says of it, by the names of its fields; without those that are not known."""
    exchange, run_id = _exchange.get(), _run_id.get()
    if exchange is None:
        return {"run_id": run_id} if run_id else {}
    found = {
        "account_id": exchange.account_id,
        "request_id": exchange.request_id,
        "run_id": run_id or exchange.run_id,
    }
    return {name: value for name, value in found.items() if value}
