"""What a picker says that a model can do: the server's word first, then its name's."""

import json

import pytest

from chatapp.providers.base import Capability
from chatapp.providers.capabilities import guess_capabilities
from chatapp.providers.listing import listed_models

REASONING, TOOLS, VISION = Capability.REASONING, Capability.TOOLS, Capability.VISION


@pytest.mark.parametrize(
    ("name", "can"),
    [
        ("gpt-5-mini", {REASONING, TOOLS, VISION}),
        ("openai/gpt-4o", {TOOLS, VISION}),
        ("gpt-4", set()),
        ("gpt-3.5-turbo", {TOOLS}),
        ("o3", {REASONING, TOOLS, VISION}),
        ("gemini-2.5-flash", {REASONING, TOOLS, VISION}),
        ("gemini-2.0-flash", {TOOLS, VISION}),
        ("llama3.1:8b", {TOOLS}),
        ("qwen2.5-vl-7b", {TOOLS, VISION}),
        ("deepseek-r1:7b", {REASONING}),
        ("smollm2-135m", set()),
        ("mock", set()),
    ],
)
def test_by_name(name: str, can: set[Capability]) -> None:
    """A name that says nothing promises nothing."""
    assert guess_capabilities(name) == can


@pytest.mark.parametrize(
    ("entry", "can"),
    [
        ({"supported_parameters": ["tools", "max_tokens", "reasoning"]}, {TOOLS, REASONING}),
        ({"architecture": {"input_modalities": ["text", "image"]}}, {VISION}),
        ({"capabilities": {"function_calling": True, "vision": False}}, {TOOLS}),
        ({"capabilities": ["completion", "multimodal"]}, {VISION}),
        ({"capabilities": []}, set()),
        ({"capabilities": "many", "architecture": 7}, {TOOLS, VISION}),
        ({}, {TOOLS, VISION}),
    ],
)
def test_by_list(entry: dict[str, object], can: set[Capability]) -> None:
    """Where a server says it, in whichever way, its word counts, also when it says nothing good."""
    answer = json.dumps({"data": [{"id": "gpt-4o", **entry}]}).encode()
    (model,) = listed_models(answer, provider="openai", official=False)
    assert model.capabilities == can
