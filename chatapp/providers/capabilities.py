"""What models can do: by their server's word, or guessed by their names as carefully as windows are."""

import re
from typing import Any, Final, cast

from chatapp.providers.base import Capability, Model
from chatapp.providers.windows import guess_window

#: Beginnings of names, from the vendors' model pages, November 2026. A capability that is not known is not
#: promised: what a picker offers and the model refuses is worse than what it does not offer.
_TABLE: Final = {
    Capability.REASONING: (
        r"gpt-5|gpt-oss|o[134]\b|gemini-(2\.5|[3-9])|deepseek-(r|v3\.[1-9])|deepseek-reasoner|qwq|qwen-?3|magistral"
        r"|claude-(3-7|opus|sonnet|haiku)|grok-([4-9]|3-mini)|.*(thinking|reasoning)"
    ),
    Capability.TOOLS: (
        r"gpt-([5-9]|4o|4\.|4-turbo|3\.5-turbo|oss)|o[134]\b|gemini-([2-9]|1\.5)|claude|mistral|mixtral|ministral"
        r"|magistral|llama-?(3\.[1-9]|[4-9])|qwen-?(2\.5|[3-9])|deepseek-(chat|v3)|grok|command"
    ),
    Capability.VISION: (
        r"gpt-(5|4o|4\.[15]|4-turbo)|o[134]\b(?!-mini)|o4-mini|gemini|claude|gemma-?[3-9]|llama-?4|pixtral"
        r"|.*(llava|vision|\bvl\b|-vl)"
    ),
}
_NAMES: Final = {capability: re.compile(names) for capability, names in _TABLE.items()}
#: Words of servers' lists: OpenRouter's `supported_parameters` and `input_modalities`, LM Studio's and
#: llama.cpp's `capabilities`, Mistral's, which is an object of yes and no.
_WORDS: Final = {
    "reasoning": Capability.REASONING,
    "thinking": Capability.REASONING,
    "include_reasoning": Capability.REASONING,
    "tools": Capability.TOOLS,
    "tool_use": Capability.TOOLS,
    "function_calling": Capability.TOOLS,
    "image": Capability.VISION,
    "vision": Capability.VISION,
    "multimodal": Capability.VISION,
}


def named_model(provider: str, name: str) -> Model:
    """A model of which only the name is known."""
    return Model(
        provider=provider,
        name=name,
        label=name,
        context_tokens=guess_window(name),
        capabilities=guess_capabilities(name),
    )


def guess_capabilities(name: str) -> frozenset[Capability]:
    """What a model of this name can do; `name` may carry an owner (`openai/gpt-4o`)."""
    bare = name.rsplit("/", 1)[-1].lower()
    return frozenset(capability for capability, names in _NAMES.items() if names.match(bare))


def listed_capabilities(entry: dict[str, Any]) -> frozenset[Capability] | None:
    """What an entry of a server's list says that its model can do; None where it says nothing."""
    architecture = entry.get("architecture")
    modalities = cast("dict[str, Any]", architecture) if isinstance(architecture, dict) else {}
    said = (
        entry.get("supported_parameters"),
        entry.get("capabilities"),
        modalities.get("input_modalities"),
    )
    if not any(isinstance(words, list | dict) for words in said):
        return None
    return frozenset(_WORDS[word] for words in said for word in _yes(words) if word in _WORDS)


def _yes(words: object) -> list[str]:
    if isinstance(words, dict):
        return [str(word) for word, has in cast("dict[object, object]", words).items() if has is True]
    return [str(word) for word in cast("list[object]", words)] if isinstance(words, list) else []
