"""`python -m bench`: K users, one message each, through the browser's own protocol, against the real app.

The app runs in production mode in one process on SQLite, or with `--web 2 --workers 2` in several over a
Redis and a PostgreSQL of their own; upstream is the tests' vendor-format server in
another; the users are raw websockets in this one. Everything is on loopback and bounded. Quote medians of
several runs, and compare only what was measured in one sitting.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

from bench.run import Load, measure
from bench.stage import staged
from tests.app_build import Build, build_app


def main() -> None:
    """Reads the command line, runs each load on a fresh server, prints a table."""
    arguments = _arguments()
    with contextlib.suppress(OSError):  # the ruler must not be late itself; only root may
        os.setpriority(os.PRIO_PROCESS, 0, -5)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as place:
        build = build_app(Path(place) / "app")
        for users in arguments.users:
            for tokens in arguments.tokens:
                for history in arguments.history:
                    load = Load(
                        users=users,
                        tokens=tokens,
                        rate=arguments.rate,
                        history=history,
                        ramp=arguments.ramp,
                        web=arguments.web,
                        workers=arguments.workers,
                    )
                    row = measured(load, build, Path(tempfile.mkdtemp(dir=place)))
                    rows.append(row)
                    print(_line(row), flush=True)
    if arguments.out:
        arguments.out.write_text(json.dumps(rows, indent=1))


def measured(load: Load, build: Build, folder: Path) -> dict[str, Any]:
    """The figures of this load on a server of its own, see `bench.run.measure`."""
    import uvloop

    with _upstream() as url, staged(build, folder, url, web=load.web, workers=load.workers) as stage:
        return uvloop.run(measure(load, stage=stage, upstream_url=url))


def _arguments() -> argparse.Namespace:
    def numbers(text: str) -> list[int]:
        return [int(part) for part in text.split(",")]

    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--users", "-k", type=numbers, default=[1, 100, 250], help="comma list")
    parser.add_argument("--tokens", "-n", type=numbers, default=[400], help="tokens of a reply, comma list")
    parser.add_argument("--rate", "-r", type=float, default=30, help="tokens a second of each reply")
    parser.add_argument("--history", type=numbers, default=[0], help="messages already there, comma list")
    parser.add_argument("--ramp", type=float, default=3, help="seconds over which the users send")
    parser.add_argument("--web", type=int, default=1, help="web processes")
    parser.add_argument("--workers", type=int, default=0, help="workers; 0: the web processes do their work")
    parser.add_argument("--out", type=Path, help="also write the figures as JSON")
    return parser.parse_args()


@contextlib.contextmanager
def _upstream() -> Generator[str]:
    command = [sys.executable, "-m", "tests.upstream", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip().partition("=")[2]
        finally:
            process.terminate()


def _line(row: dict[str, Any]) -> str:
    return (
        f"users {row['users']:4d} tokens {row['tokens']:5d} history {row['history']:4d} | "
        f"ok {row['ok']:4d} | "
        f"delay p50 {row['delay_p50_ms']:6.0f} p95 {row['delay_p95_ms']:6.0f} ms | "
        f"submit p50 {row['submit_p50_ms']:5.0f} p95 {row['submit_p95_ms']:5.0f} ms | "
        f"first+ p50 {row['first_p50_ms']:5.0f} p95 {row['first_p95_ms']:5.0f} ms | "
        f"CPU {row['cpu_s_per_1k_tokens']:.3f} s/1k ({row['cpu_cores']:.2f} cores), "
        f"engines {row['engines_s_per_1k_tokens']:.3f} | "
        f"{row['bytes_per_byte']:5.1f} B/B, {row['updates']:4.0f} updates | "
        f"{row['kb_per_user']:5.0f} KB/user {row['errors'] or ''}"
    )


if __name__ == "__main__":
    main()
