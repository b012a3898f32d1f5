"""The whole of docs/scaling.md, small: a worker and a web process are restarted beneath people who stream.

`python -m tests.proxy.rolling` restarts all of it, beneath more of them.
"""

from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.app_build import Build
from tests.proxy.everything import Everything
from tests.proxy.rolling import rolled
from tests.upstream import Upstream


@pytest.mark.needs("caddy", "redis", "postgres")
async def test_a_restart_of_some_costs_nobody_anything(
    app_build: Build, browser: Browser, upstream: Upstream, tmp_path: Path
) -> None:
    """Each message is stored and answered once, byte for byte; no page reloads, and nobody is logged out."""
    async with Everything(tmp_path, app_build, upstream=upstream.base_url) as everything:
        await rolled(everything, browser, ["worker-1", "web-1"], people=4, pages=1, tell=print)
