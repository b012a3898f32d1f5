"""Engines that may be killed, on one data folder, and the models that they ask."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.chaos.engine.process import EngineProcess, Start
from tests.upstream import Upstream


@pytest.fixture
async def upstream() -> AsyncGenerator[Upstream]:
    async with Upstream() as server:
        yield server


@pytest.fixture
def variables(tmp_path: Path, upstream: Upstream) -> dict[str, str]:
    return {
        "CHATAPP_DATA_DIR": str(tmp_path / "data"),
        "OPENAI_BASE_URL": upstream.base_url,
        "GEMINI_BASE_URL": upstream.gemini_url,
        "FALLBACK_MODELS": "gemini:gemini-2.5-mock",
        "LOCAL_MODEL": "off",
        "MAX_STREAMS_PER_USER": "20",
    }


@pytest.fixture
async def start(variables: dict[str, str]) -> AsyncGenerator[Start]:
    """Starts processes on one data folder; those that are left are killed at the end."""
    processes: list[EngineProcess] = []

    async def begin() -> EngineProcess:
        processes.append(EngineProcess(variables))
        return await processes[-1].started()

    yield begin
    for process in processes:
        if process.process.is_alive():
            await process.kill()
