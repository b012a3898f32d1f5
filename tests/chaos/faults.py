"""Everything that can happen to the parts of the app, by name."""

from functools import partial
from typing import Final

from tests.chaos.bed import EMBEDDED, HOSTS, LAPTOP, SCALED, Plan
from tests.chaos.line_faults import (
    line_cut,
    line_half_open,
    line_silent,
    line_slow,
)
from tests.chaos.moment_faults import (
    maker_killed_uncalled,
    maker_killed_unended,
    redis_frozen_at_the_end,
    taker_killed,
    woken_late,
)
from tests.chaos.process_faults import (
    caddy_killed,
    clock_jumped,
    everything_killed,
    frozen,
    maker_and_web_killed,
    maker_ended,
    maker_killed,
    makers_killed_in_turn,
    restarted_in_turn,
    web_frozen,
    web_killed,
)
from tests.chaos.store_faults import (
    disk_filled,
    postgres_frozen,
    postgres_killed,
    postgres_locked,
    postgres_restarted,
    redis_down,
    redis_flushed,
    redis_frozen,
    redis_full,
    redis_killed,
    sqlite_locked,
)
from tests.chaos.trial import LENGTH_S, Fault

BOTH: Final = (EMBEDDED.name, SCALED.name)
ONE: Final = (EMBEDDED.name,)
HOST: Final = (HOSTS.name,)

FAULTS: Final = {
    fault.name: fault
    for fault in (
        Fault(name="maker-kill", strike=maker_killed, plans=BOTH),
        Fault(name="maker-kill-before", strike=maker_killed, plans=BOTH, after_s=(0, 0.5), knobs="t:1500"),
        Fault(name="maker-kill-end", strike=maker_killed, plans=BOTH, after_s=(LENGTH_S, LENGTH_S + 0.5)),
        Fault(name="maker-kill-uncalled", strike=maker_killed_uncalled, plans=BOTH, after_s=(0, 0)),
        Fault(name="maker-kill-unended", strike=maker_killed_unended, after_s=(0, LENGTH_S / 2)),
        Fault(name="taker-kill", strike=taker_killed, after_s=(0, LENGTH_S / 2), recovers_s=20),
        Fault(name="maker-and-web-kill", strike=maker_and_web_killed),
        Fault(name="maker-term", strike=maker_ended, plans=BOTH),
        Fault(name="maker-kill-twice", strike=makers_killed_in_turn, plans=BOTH, recovers_s=20),
        Fault(name="freeze", strike=frozen, plans=BOTH),
        Fault(name="zombie", strike=woken_late, plans=HOST, after_s=(0, 5), knobs="r:8"),
        Fault(name="sqlite-lock", strike=sqlite_locked, plans=ONE),
        Fault(name="web-kill", strike=web_killed, recovers_s=5),
        Fault(name="web-freeze", strike=web_frozen),
        Fault(name="rolling-restart", strike=restarted_in_turn, knobs="r:20"),
        Fault(name="all-kill", strike=everything_killed),
        Fault(name="redis-kill", strike=redis_killed),
        Fault(name="redis-down", strike=redis_down, recovers_s=5),
        Fault(name="redis-down-60", strike=partial(redis_down, seconds=60)),
        Fault(name="redis-freeze", strike=redis_frozen),
        Fault(name="redis-freeze-end", strike=redis_frozen_at_the_end, after_s=(0, 0)),
        Fault(name="redis-flush", strike=redis_flushed, recovers_s=5),
        Fault(name="redis-full", strike=redis_full),
        Fault(name="redis-and-maker-kill", strike=partial(redis_killed, with_maker=True)),
        Fault(name="postgres-restart", strike=postgres_restarted),
        Fault(name="postgres-kill", strike=postgres_killed),
        Fault(name="postgres-and-maker-kill", strike=partial(postgres_killed, with_maker=True)),
        Fault(name="postgres-freeze", strike=postgres_frozen),
        Fault(name="postgres-lock", strike=partial(postgres_locked, seconds=5)),
        Fault(name="postgres-lock-20", strike=partial(postgres_locked, seconds=20)),
        Fault(name="disk-full", strike=disk_filled, plans=HOST, knobs="r:20"),
        Fault(name="sqlite-disk-full", strike=disk_filled, plans=(LAPTOP.name,), knobs="r:20"),
        Fault(name="clock-maker", strike=partial(clock_jumped, name="worker"), plans=HOST, recovers_s=5),
        Fault(name="clock-web", strike=partial(clock_jumped, name="web"), plans=HOST, recovers_s=5),
        Fault(name="caddy-kill", strike=caddy_killed, recovers_s=5),
        Fault(name="line-cut", strike=line_cut),
        Fault(name="line-silence", strike=line_silent),
        Fault(name="line-half-open", strike=line_half_open, recovers_s=25),
        Fault(name="line-slow", strike=line_slow),
    )
}


def faults_of(plan: Plan) -> list[Fault]:
    """What can happen to this bed."""
    return [fault for fault in FAULTS.values() if plan.name in fault.plans]
