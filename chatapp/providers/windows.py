"""Context windows and token counts where a server does not say: careful guesses."""

from typing import Final

DEFAULT_WINDOW: Final = 8192
#: Tokens by the beginning of the model's name, the longest match counts. From the vendors' model pages,
#: November
#: 2026; a smaller number than the truth only means that old messages are left out sooner.
WINDOWS: Final = {
    "gpt-5": 272_000,
    "gpt-4.1": 1_000_000,
    "gpt-4o": 128_000,
    "gpt-4-turbo": 128_000,
    "gpt-4-32k": 32_768,
    "gpt-4": 8_192,
    "gpt-3.5-turbo": 16_385,
    "gpt-oss": 128_000,
    "o1": 128_000,
    "o3": 200_000,
    "o4": 200_000,
    "claude": 200_000,
    "gemini": 1_000_000,
    "deepseek": 64_000,
    "llama-3.1": 128_000,
    "llama-3.2": 128_000,
    "llama-3.3": 128_000,
    "llama3.1": 128_000,
    "llama3.2": 128_000,
    "mistral": 32_000,
    "mixtral": 32_000,
    "qwen": 32_000,
    "phi": 16_000,
}

#: A message's frame in the prompt (role and separators), as in OpenAI's cookbook "How to count tokens".
TOKENS_PER_MESSAGE: Final = 4


def guess_window(name: str) -> int:
    """Tokens that the model can read; `name` may carry an owner (`openai/gpt-4o`)."""
    bare = name.rsplit("/", 1)[-1].lower()
    known = [prefix for prefix in WINDOWS if bare.startswith(prefix)]
    return WINDOWS[max(known, key=len)] if known else DEFAULT_WINDOW


def estimate_tokens(text: str) -> int:
    """Tokens of a message, erring upwards.

    OpenAI's rule of thumb is 4 characters of English a token; code and other European languages come to
    about 3.
    Bytes beyond one a character (UTF-8) count half: 1.3 tokens for a Chinese character, where tokenizers of
    recent years take 0.7 to 1.3, and 0.8 for a Cyrillic one (0.3 to 0.6).
    """
    extra_bytes = 0 if text.isascii() else len(text.encode("utf-8", "replace")) - len(text)
    return TOKENS_PER_MESSAGE + (len(text) + 2) // 3 + extra_bytes // 2
