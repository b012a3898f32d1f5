"""What one of Gemini's models wants a request to look like; what is not known is learnt from its refusals."""

import json
import re
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from chatapp.domain.messages import Role
from chatapp.domain.texts import clean
from chatapp.providers.base import Capability, Model, ModelRequest
from chatapp.providers.dialect import CONTINUE

#: Models that go on with a last turn of their own. Since Gemini 3.6 Flash and 3.5 Flash-Lite, models refuse
#: it: "Prefilling model turns is no longer supported" (ai.google.dev/gemini-api/docs/latest-model, 2026-07).
PREFILLS: Final = re.compile(r"gemini-(1\.5|2\.|3-|3\.1-|3\.5-flash(?!-lite))")
#: What the others are told, as the person's turn, after the unfinished reply.
GO_ON: Final = "Your last message is unfinished. " + CONTINUE
#: Names of `generationConfig`, and ours.
_SAMPLING: Final = {
    "temperature": "temperature",
    "topP": "top_p",
    "presencePenalty": "presence_penalty",
    "frequencyPenalty": "frequency_penalty",
    "seed": "seed",
}
JSON_TYPE: Final = "application/json"
#: What a refusal says, and the field that should not have been there.
_TELLING: Final = (
    (re.compile(r"model turn", re.IGNORECASE), "prefills"),
    (re.compile(r"thinking|include_?thoughts", re.IGNORECASE), "shows_thoughts"),
    (re.compile(r"developer instruction|system_?instruction", re.IGNORECASE), "takes_system"),
    (re.compile(r"max_?output_?tokens", re.IGNORECASE), "bounds_length"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class GeminiDialect:
    """What a model takes: an unfinished turn of its own at the end, `thinkingConfig`, `systemInstruction`
    (Gemma does not), and `maxOutputTokens` as large as ours.
    """

    prefills: bool
    shows_thoughts: bool
    takes_system: bool = True
    bounds_length: bool = True

    @classmethod
    def of(cls, name: str, model: Model | None) -> Self:
        """The dialect to begin with."""
        thinks = model is not None and Capability.REASONING in model.capabilities
        return cls(prefills=PREFILLS.match(name) is not None, shows_thoughts=thinks)

    def learn(self, status: int, message: str) -> Self | None:
        """The dialect to try after a refusal; None when another one would not help."""
        if status != 400:
            return None
        for words, field in _TELLING:
            if getattr(self, field) and words.search(message):
                return replace(self, **{field: False})
        return None

    def body(self, request: ModelRequest) -> dict[str, Any]:
        """The request in the API's own words."""
        system = [message.content for message in request.messages if message.role is Role.SYSTEM]
        contents = [
            _turn("model" if message.role is Role.ASSISTANT else "user", message.content)
            for message in request.messages
            if message.role is not Role.SYSTEM
        ]
        if request.continues:
            if self.prefills:
                system.append(CONTINUE)
            else:
                contents.append(_turn("user", GO_ON))
        body: dict[str, Any] = {"contents": contents, "generationConfig": self._config(request)}
        if system and self.takes_system:
            body["systemInstruction"] = {"parts": [{"text": clean("\n\n".join(system))}]}
        elif system:
            contents[0]["parts"].insert(0, {"text": clean("\n\n".join(system)) + "\n\n"})
        return body

    def _config(self, request: ModelRequest) -> dict[str, Any]:
        config: dict[str, Any] = {}
        if self.bounds_length:
            config["maxOutputTokens"] = request.max_output_tokens
        if self.shows_thoughts:
            config["thinkingConfig"] = {"includeThoughts": True}
        options = request.options
        for field, name in _SAMPLING.items():
            if (value := getattr(options, name)) is not None:
                config[field] = value
        if options.stop:
            config["stopSequences"] = list(options.stop)
        return config | _format(options.response_format)


def _format(response_format: str) -> dict[str, Any]:
    """OpenAI's `response_format` in Gemini's words."""
    wanted = json.loads(response_format or "{}")
    match wanted.get("type"):
        case "json_object":
            return {"responseMimeType": JSON_TYPE}
        case "json_schema":
            schema = wanted["json_schema"].get("schema", {})
            return {"responseMimeType": JSON_TYPE, "responseJsonSchema": schema}
        case _:
            return {}


def _turn(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"text": clean(text)}]}
