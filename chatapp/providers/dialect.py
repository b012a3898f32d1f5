"""What a server wants a request to look like. Learnt from its refusals, since there is no way to ask."""

import json
import re
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from chatapp.domain.messages import Role
from chatapp.domain.texts import clean
from chatapp.providers.base import ModelRequest

#: For servers that do not go on with an assistant message by themselves, as llama.cpp and many others do.
CONTINUE: Final = (
    "If the conversation ends with an unfinished assistant message, continue exactly where it stops; "
    "repeat nothing, add no preface."
)
#: Options that have the same name here as in `RunOptions`.
_SAMPLING: Final = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "seed")
_TOO_MANY: Final = re.compile(r"too large|at most|maximum|in the completion|less than|exceed", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Dialect:
    """How one model's server wants to be asked.

    `length_field` bounds the reply: OpenAI's newer models refuse the name that most other servers know.
    """

    length_field: str | None = "max_tokens"
    with_usage: bool = True
    asks_to_continue: bool = True
    with_stop: bool = True

    def learn(self, status: int, message: str) -> Self | None:
        """The dialect to try after a refusal; None when another one would not help."""
        if status not in {400, 422}:
            return None
        if self.with_usage and "stream_options" in message:
            return replace(self, with_usage=False)
        if self.with_stop and "'stop'" in message:
            # Models that reason refuse it; the engine sees to it that the reply ends there.
            return replace(self, with_stop=False)
        field = self.length_field
        if field is None or (field not in message and "in the completion" not in message):
            return None
        if _TOO_MANY.search(message):
            return replace(self, length_field=None)
        other = "max_completion_tokens" if field == "max_tokens" else "max_tokens"
        return replace(self, length_field=other if other in message else None)

    def body(self, request: ModelRequest) -> dict[str, Any]:
        """The arguments of the SDK's `create`."""
        body: dict[str, Any] = {"model": request.model, "messages": self._messages(request), "stream": True}
        if self.with_usage:
            body["stream_options"] = {"include_usage": True}
        if self.length_field:
            body[self.length_field] = request.max_output_tokens
        options = request.options
        body |= {name: value for name in _SAMPLING if (value := getattr(options, name)) is not None}
        if options.stop and self.with_stop:
            body["stop"] = list(options.stop)
        if options.response_format:
            body["response_format"] = json.loads(options.response_format)
        return body

    def _messages(self, request: ModelRequest) -> list[dict[str, str]]:
        """An unfinished reply stays last; what is said of it goes to the system message."""
        messages = [{"role": str(one.role), "content": clean(one.content)} for one in request.messages]
        if not (request.continues and self.asks_to_continue):
            return messages
        if messages[0]["role"] == Role.SYSTEM:
            messages[0]["content"] += "\n\n" + CONTINUE
            return messages
        return [{"role": str(Role.SYSTEM), "content": CONTINUE}, *messages]
