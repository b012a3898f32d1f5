"""A server's answer to `GET /models`, read."""

import re
from typing import Any, Final, cast

import msgspec

from chatapp.domain.errors import ProviderGarbage
from chatapp.providers.base import Capability, Model
from chatapp.providers.capabilities import guess_capabilities, listed_capabilities
from chatapp.providers.windows import guess_window

#: What OpenAI lists beside its chat models. Chosen by mistake, each answers with an error.
NOT_CHAT: Final = re.compile(
    r"embed|whisper|tts|dall-e|moderation|audio|realtime|image|transcribe|translate|davinci|babbage|instruct|sora"
    r"|search|computer-use|deep-research|codex|rerank|\bbge\b|guard"
)
#: The order on OpenAI's own server, which lists in none: good and cheap first. Other servers' order is kept.
PREFERRED: Final = ("gpt-5-mini", "gpt-5", "gpt-4.1-mini", "gpt-4.1", "gpt-4o-mini", "gpt-4o")
#: Where servers say how much a model reads: OpenRouter and Together, vLLM, LM Studio, llama.cpp (under
#: `meta`).
WINDOW_FIELDS: Final = (
    "context_length",
    "max_model_len",
    "max_context_length",
    "context_window",
    "n_ctx",
    "n_ctx_train",
)


class _Listing(msgspec.Struct):
    data: list[dict[str, Any]]


def listed_models(answer: bytes, *, provider: str, official: bool) -> list[Model]:
    """The chat models of an answer, the best default first.

    Raises:
        ProviderGarbage: the answer is not a list of models.
    """
    try:
        entries = msgspec.json.decode(answer, type=_Listing).data
    except ValueError as error:
        raise ProviderGarbage("The model's server did not answer with a list of models.") from error
    named = [(str(entry["id"]), entry) for entry in entries if entry.get("id")]
    if official:
        named = sorted(((name, entry) for name, entry in named if not NOT_CHAT.search(name)), key=_rank)
    return [
        Model(
            provider=provider,
            name=name,
            label=name,
            context_tokens=_window(entry) or guess_window(name),
            capabilities=_capabilities(name, entry),
        )
        for name, entry in named
    ]


def _capabilities(name: str, entry: dict[str, Any]) -> frozenset[Capability]:
    said = listed_capabilities(entry)
    return guess_capabilities(name) if said is None else said


def _rank(named: tuple[str, dict[str, Any]]) -> tuple[int, str]:
    name = named[0]
    return (PREFERRED.index(name) if name in PREFERRED else len(PREFERRED), name)


def _window(entry: dict[str, Any]) -> int | None:
    meta = entry.get("meta")
    places = (entry, cast("dict[str, Any]", meta)) if isinstance(meta, dict) else (entry,)
    values = [place.get(field) for place in places for field in WINDOW_FIELDS]
    return next((value for value in values if isinstance(value, int) and value > 0), None)
