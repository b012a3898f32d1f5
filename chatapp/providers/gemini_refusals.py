"""What Gemini's API says when it refuses: how long to wait, and words for the person who waits."""

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, cast

from chatapp.domain.errors import ProviderError
from chatapp.providers.refusals import Refusal

_SECONDS: Final = re.compile(r"([\d.]+)s")


@dataclass(frozen=True, kw_only=True, slots=True)
class GeminiRefusal:
    """A refusal: HTTP status, the API's name for it and its words, the error's body, and `Retry-After`."""

    status: int
    name: str
    message: str
    body: object = None
    retry_after: str = ""

    def error(self, *, model: str, api_key: str) -> ProviderError:
        """The error to raise. The key is never in it: the API repeats a key that it does not know."""
        # Google answers 400 to a key that is none.
        is_key = "API key" in self.message or "API_KEY" in str(self.body)
        return Refusal(
            status=401 if is_key else self.status,
            code=self.name,
            message=self.message.replace(api_key, "***") if api_key else self.message,
            server="Gemini",
            model=model,
            key_setting="GEMINI_API_KEY",
            address_hint="GEMINI_BASE_URL and GEMINI_API_VERSION",
        ).error()

    @property
    def wait(self) -> timedelta | None:
        """How long the server asks for, by `Retry-After` or the API's `RetryInfo`; None if it does not."""
        with suppress(ValueError, OverflowError):
            return timedelta(seconds=max(float(self.retry_after), 0.0))
        for detail in self._details():
            if found := _SECONDS.fullmatch(str(detail.get("retryDelay", ""))):
                return timedelta(seconds=float(found[1]))
        return None

    def _details(self) -> list[dict[str, object]]:
        error = cast("dict[str, object]", self.body).get("error") if isinstance(self.body, dict) else None
        details = cast("dict[str, object]", error).get("details") if isinstance(error, dict) else None
        items = cast("list[object]", details) if isinstance(details, list) else []
        return [cast("dict[str, object]", item) for item in items if isinstance(item, dict)]


def sent_on(status: int) -> ProviderError:
    """The error for an answer that names another address."""
    return GeminiRefusal(status=status, name="", message="").error(model="", api_key="")
