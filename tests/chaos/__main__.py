"""`python -m tests.chaos --fault maker-kill --times 20 --seed 7`: a fault, again and again, on one bed.

Prints a line for each fault: how often it was tried, how often something was not as it must be, the longest
time that anybody waited after it was over, by how much this process itself was late at worst, and why replies
have seams. The exit status is 1 when anything was not. SIGTERM and
Ctrl-C end it and all that it started.
"""

import argparse
import asyncio
import random
import re
import signal
import sys
import tempfile
import traceback
from collections import Counter, deque
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from playwright.async_api import Browser, async_playwright

from tests.app_build import Build, build_app
from tests.chaos.bed import HOSTS, PLANS, SCALED, Bed
from tests.chaos.faults import FAULTS, faults_of
from tests.chaos.trial import Fault, Outcome, tried
from tests.e2e.fixtures import CHROMIUM
from tests.needs import chromium_path

#: As shells have it of one that was told to end.
ENDED: Final = 128 + signal.SIGTERM
#: Lines of a log that somebody is to see.
GRAVE: Final = re.compile("warn|error|makes replies", re.IGNORECASE)


Tries = deque[tuple[Fault, int]]
#: None for what was not as it must be.
Outcomes = dict[str, list[Outcome | None]]


def main() -> None:
    """Reads the command line, and tries."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--plan", choices=PLANS, help="scaled without, and hosts for what wants that")
    parser.add_argument("--fault", choices=FAULTS, action="append", help="one or more; all without")
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--lease", type=int, default=0, help="LEASE_TTL, in seconds; the plan's without")
    parser.add_argument("--app", action="store_true", help="with the page in the web processes")
    parser.add_argument("--browser", type=int, default=0, metavar="PAGES", help="so many look on in Chromium")
    args = parser.parse_args()
    print(f"--seed {args.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="chatapp-chaos-", ignore_cleanup_errors=True) as folder:
        sys.exit(asyncio.run(_until_ended(args, Path(folder))))


async def _until_ended(args: argparse.Namespace, folder: Path) -> int:
    trying = asyncio.create_task(_all(args, folder))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, trying.cancel)
    try:
        return await trying
    except asyncio.CancelledError:
        return ENDED


async def _all(args: argparse.Namespace, folder: Path) -> int:
    faults = _chosen(args)
    tries = deque((fault, number) for fault in faults for number in range(args.times))
    outcomes: Outcomes = {fault.name: [] for fault in faults}
    try:
        await _through(args, folder, tries, outcomes)
    finally:
        # Of one that was ended, too.
        for name, found in outcomes.items():
            if 0 < len(found) < args.times:
                _report(name, found)
    return int(any(None in found for found in outcomes.values()))


async def _through(args: argparse.Namespace, folder: Path, tries: Tries, outcomes: Outcomes) -> None:
    async with AsyncExitStack() as stack:
        build = await asyncio.to_thread(build_app, folder / "build") if args.app or args.browser else None
        browser = await _browser(stack) if args.browser else None
        print(
            f"{'fault':24} {'tries':>5} {'failures':>8} {'longest recovery':>16} {'late':>7}  seams",
            flush=True,
        )
        while tries:
            # What was not as it must be stays so: after a failure all begins anew.
            async with _bed(args, tries[0][0], folder, build) as bed:
                is_whole = True
                while tries and is_whole and bed.plan.name in tries[0][0].plans:
                    fault, number = tries.popleft()
                    outcome = await _try(bed, fault, number, args, browser)
                    outcomes[fault.name].append(outcome)
                    is_whole = outcome is not None
                    if len(outcomes[fault.name]) == args.times:
                        _report(fault.name, outcomes[fault.name])


def _chosen(args: argparse.Namespace) -> list[Fault]:
    if args.fault:
        return [FAULTS[name] for name in args.fault]
    if args.plan:
        return faults_of(PLANS[args.plan])
    return [*faults_of(SCALED), *faults_of(HOSTS)]


def _bed(args: argparse.Namespace, fault: Fault, folder: Path, build: Build | None) -> Bed:
    plan = PLANS[args.plan] if args.plan else SCALED if SCALED.name in fault.plans else PLANS[fault.plans[0]]
    assert plan.name in fault.plans, f"{fault.name} cannot happen to {plan.name}"
    return Bed(Path(tempfile.mkdtemp(dir=folder)), plan, lease_s=args.lease, build=build)


async def _browser(stack: AsyncExitStack) -> Browser:
    playwright = await stack.enter_async_context(async_playwright())
    browser = await playwright.chromium.launch(executable_path=chromium_path(), args=list(CHROMIUM))
    stack.push_async_callback(browser.close)
    return browser


async def _try(
    bed: Bed, fault: Fault, number: int, args: argparse.Namespace, browser: Browser | None
) -> Outcome | None:
    """None when something was not as it must be."""
    try:
        # Each has a seed of its own, so that one can be had again without those before it.
        chance = random.Random(f"{args.seed}/{fault.name}/{number}")
        return await tried(bed, fault, chance, browser=browser, pages=args.browser)
    except Exception:
        print(f"-- {fault.name}, try {number}\n{traceback.format_exc()}{_logged(bed)}", flush=True)
        return None


def _logged(bed: Bed) -> str:
    """What the processes said last that is more than information."""
    lines = {name: process.log.splitlines() for name, process in bed.processes.items()}
    return "\n".join(
        f"{name}: {line[:300]}" for name in lines for line in lines[name][-400:] if GRAVE.search(line)
    )


def _report(name: str, outcomes: list[Outcome | None]) -> None:
    good = [outcome for outcome in outcomes if outcome is not None]
    longest = max((outcome.recovery_s for outcome in good), default=0.0)
    late = max((outcome.late_s for outcome in good), default=0.0)
    counts = f"{len(outcomes):5} {len(outcomes) - len(good):8}"
    seams = Counter(reason for outcome in good for reason in outcome.seams)
    told = ", ".join(f"{count} {reason}" for reason, count in seams.items()) or "none"
    print(f"{name:24} {counts} {longest:14.1f} s {late:5.1f} s  {told}", flush=True)


main()
