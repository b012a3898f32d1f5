"""Gemini's list of models: which of them chat, and which to begin with."""

import re
from collections.abc import Iterable
from typing import Final, Protocol

from chatapp.providers.base import Capability, Model
from chatapp.providers.capabilities import named_model

#: Models that answer `generateContent` and are no chat models all the same.
NOT_CHAT: Final = re.compile(
    r"embed|tts|image|live|audio|aqa|robotics|computer-use|imagen|veo|lyria|learnlm|nano-banana|deep-research"
)
_NAME: Final = re.compile(r"gemini-(?P<version>\d+(?:\.\d+)?)-(?P<kind>[a-z]+)(?P<rest>.*)")
_KINDS: Final = ("flash", "pro")


class ListedModel(Protocol):
    """What is read of the SDK's model; `name` is `models/…`."""

    name: str | None
    display_name: str | None
    input_token_limit: int | None
    supported_actions: list[str] | None
    thinking: bool | None


def chat_models(listed: Iterable[ListedModel], *, provider: str) -> list[Model]:
    """The chat models of a list, the best default first: the newest Flash that is no preview."""
    found = [_model(entry, provider) for entry in listed if _chats(entry)]
    return sorted(found, key=lambda model: _rank(model.name))


def _chats(entry: ListedModel) -> bool:
    actions = entry.supported_actions
    return (
        bool(entry.name) and (not actions or "generateContent" in actions) and not NOT_CHAT.search(entry.name)
    )


def _model(entry: ListedModel, provider: str) -> Model:
    guess = named_model(provider, (entry.name or "").removeprefix("models/"))
    capabilities = guess.capabilities
    if entry.thinking is not None:
        others = capabilities - {Capability.REASONING}
        capabilities = others | {Capability.REASONING} if entry.thinking else others
    return Model(
        provider=provider,
        name=guess.name,
        label=entry.display_name or guess.label,
        context_tokens=entry.input_token_limit or guess.context_tokens,
        capabilities=capabilities,
    )


def _rank(name: str) -> tuple[int, int, float, str]:
    """Plain names before previews and variants, Flash before Pro, newer before older."""
    found = _NAME.fullmatch(name)
    if found is None or found["kind"] not in _KINDS:
        return (2, 0, 0.0, name)
    return (1 if found["rest"] else 0, _KINDS.index(found["kind"]), -float(found["version"]), name)
