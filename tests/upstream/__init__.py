"""The tests' own model server: OpenAI's wire format and Gemini's, numbered tokens, faults, odd chunkings.

In a test: `async with Upstream() as upstream: ... upstream.base_url ... upstream.requests`.
As a program: `python -m tests.upstream --port 9000`. What a reply is like is said in square brackets in
the last user message, see `knobs.py`: `[n:400 r:30 t:200 fault:rst at:57 chunk:split]`.
"""

from tests.upstream.server import Record, Upstream
from tests.upstream.tokens import numbers, text, token

__all__ = ["Record", "Upstream", "numbers", "text", "token"]
