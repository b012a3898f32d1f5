"""`python -m tests.upstream --port 9000`: the server as a program, until it is interrupted."""

import argparse
import asyncio
import contextlib

from tests.upstream.server import Upstream


async def _serve(upstream: Upstream) -> None:
    async with upstream:
        print(f"OPENAI_BASE_URL={upstream.base_url}", flush=True)
        print(f"GEMINI_BASE_URL={upstream.gemini_url}", flush=True)
        await asyncio.Event().wait()


def main() -> None:
    """Reads the command line and serves."""
    parser = argparse.ArgumentParser(prog="python -m tests.upstream", description=__doc__)
    parser.add_argument("--port", type=int, default=9000, help="0 takes a free one")
    parser.add_argument("--key", default="", help="the API key that is asked for")
    parser.add_argument("--continuation", choices=("prefill", "restart"), default="prefill")
    args = parser.parse_args()
    upstream = Upstream(port=args.port, key=args.key, continuation=args.continuation)
    try:
        import uvloop

        run = uvloop.run
    except ImportError:
        run = asyncio.run
    with contextlib.suppress(KeyboardInterrupt):
        run(_serve(upstream))


if __name__ == "__main__":
    main()
