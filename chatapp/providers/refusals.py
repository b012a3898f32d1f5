"""What a model's server says when it refuses, in words for the person who waits for the answer."""

import re
from dataclasses import dataclass
from typing import Final, cast

import msgspec

from chatapp.domain.errors import (
    ContextTooLong,
    ProviderBusy,
    ProviderError,
    ProviderGarbage,
    ProviderRefused,
    ProviderSetup,
)
from chatapp.domain.texts import clean

#: What servers write when the conversation does not fit the model's window: OpenAI, llama.cpp, vLLM, Gemini.
TOO_LONG: Final = re.compile(
    r"context.?length|context.?size|context.?window|maximum context|too many tokens|prompt is too long"
    r"|token count.*exceeds",
    re.IGNORECASE,
)
SECRET: Final = re.compile(r"\b(?:(?:sk|key|gsk|xai)-[\w*-]{6,}|AIza[\w-]{10,})")
BUSY_WORDS: Final = re.compile(
    r"rate.?limit|overload|unavailable|capacity|server_error|timeout", re.IGNORECASE
)
MAX_QUOTED_CHARS: Final = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """An answer that is an error: HTTP status, the vendor's code and words, the model that was asked for.

    `server` names the host without secrets; `key_setting` is the setting that holds the API key,
    `address_hint` says what to look at when the server knows nothing at the address.
    """

    status: int
    code: str
    message: str
    server: str
    model: str = ""
    key_setting: str = "OPENAI_API_KEY"
    address_hint: str = "OPENAI_BASE_URL: it mostly ends in /v1"

    def error(self) -> ProviderError:
        """The error to raise, with what can be done about it."""
        if special := self._special():
            return ProviderSetup(special, advice="")
        if self.status < 500 and (TOO_LONG.search(self.code) or TOO_LONG.search(self.message)):
            return ContextTooLong()
        if self.status in {408, 409, 429}:
            return ProviderBusy(f"{self.server} is too busy ({self.status}).")
        if self.status >= 500:
            return ProviderBusy(f"{self.server} has a problem ({self.status}).")
        return ProviderRefused(f"{self.server} refused the request ({self.status}): {quoted(self.message)}.")

    def _special(self) -> str:
        if 300 <= self.status < 400:
            return (
                f"{self.server} sends requests on to another address ({self.status}), which is not followed. "
                f"Please check {self.address_hint}."
            )
        if self.status == 401:
            return f"The API key was refused by {self.server}. Please check {self.key_setting}."
        if self.status == 402 or "insufficient_quota" in self.code:
            return f"The account at {self.server} has no credit left. Please add some, or change the model."
        if self.status == 403:
            return (
                f"{self.server} does not allow this key to use the model {self.model!r} (403). "
                "Please choose another one."
            )
        if self.code == "model_not_found":
            return f"{self.server} does not have the model {self.model!r}. Please choose another model."
        if self.status == 404:
            return (
                f"{self.server} knows nothing at this address, or not the model {self.model!r} (404). "
                f"Please choose another model, or check {self.address_hint}."
            )
        return ""


def quoted(message: str) -> str:
    """A server's own words: short, on one line, without anything that looks like a key."""
    line = SECRET.sub("***", " ".join(clean(message).split()))
    line = "".join(char for char in line if char.isprintable())
    return line[:MAX_QUOTED_CHARS].rstrip(" .") or "no reason was given"


def details(error: object) -> tuple[str, str]:
    """Code and message of an error object, whichever way a server writes it."""
    if not isinstance(error, dict):
        return "", str(error)
    found = cast("dict[str, object]", error)
    code = found.get("code") or found.get("type") or ""
    return str(code), str(found.get("message") or found.get("detail") or "")


def stream_error(error: object) -> ProviderError:
    """The error that a stream reported in its midst."""
    code, message = details(error)
    kind = str(cast("dict[str, object]", error).get("type")) if isinstance(error, dict) else ""
    status = int(code) if code.isdecimal() and len(code) == 3 else 0
    if status >= 500 or status == 429 or BUSY_WORDS.search(f"{code} {kind}"):
        return ProviderBusy(f"The model's server failed while it answered: {quoted(message)}.")
    server = "The model's server"
    return Refusal(status=status or 400, code=code, message=message, server=server).error()


def not_a_stream(line: bytes) -> ProviderError:
    """The error of an answer that is no stream, by its first line: an error object, or a web page."""
    try:
        error = msgspec.json.decode(line, type=dict[str, object]).get("error")
    except ValueError:
        error = None
    return (
        stream_error(error) if error else ProviderGarbage("The model's server did not answer with a stream.")
    )
