"""Fits a branch of a conversation to the model's window, by tokens, and says what was left out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from chatapp.domain.errors import ContextTooLong
from chatapp.domain.messages import Message, Role
from chatapp.domain.runs import NO_OPTIONS, RunOptions
from chatapp.providers.base import ChatMessage, Model, ModelRequest, Provider

#: Short, since small models lose their way in more.
SYSTEM_PROMPT = "You are a helpful assistant."
#: Tokens that a chat template adds around each message (role and separators): 4 in OpenAI's published
#: counting rules, up to 6 in the templates of Llama and Gemma.
TOKENS_PER_MESSAGE = 6
#: The share of the window that is kept free for the reply.
REPLY_SHARE = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Fitted:
    """A request that fits the window. `left_out` earlier messages did not."""

    request: ModelRequest
    left_out: int
    input_tokens: int


class ContextBuilder:
    """Makes requests of conversations.

    Args:
        max_reply_tokens: the longest reply that is asked for.
        max_messages: at most so many messages are sent; None for as many as fit.
    """

    def __init__(self, *, max_reply_tokens: int, max_messages: int | None = None) -> None:
        self._max_reply_tokens: int = max_reply_tokens
        self._max_messages: int | None = max_messages

    async def fit(
        self,
        provider: Provider,
        model: Model,
        history: Sequence[Message],
        kept: str,
        options: RunOptions = NO_OPTIONS,
    ) -> Fitted:
        """The newest messages that fit, from a user's on.

        Args:
            provider: who counts the tokens.
            model: whose window it is.
            history: the branch up to the message that is answered; the assistant's own is gone on with.
            kept: the reply's text so far, to be continued; empty to begin.
            options: what the program that asked wants.

        Raises:
            ContextTooLong: the last message alone is too long for the model.
        """
        candidates = [ChatMessage(role=m.role, content=m.text) for m in history if m.text]
        system_prompt = SYSTEM_PROMPT if options.system is None else options.system
        texts = [system_prompt, kept, *(m.content for m in candidates)]
        system, reply, *counts = await provider.count_tokens(model.name, texts)
        longest = self._longest(options, reply if kept else 0)
        reserve = min(longest, model.context_tokens // REPLY_SHARE)
        budget = model.context_tokens - reserve - system - 2 * TOKENS_PER_MESSAGE
        kept, reply = _tail(kept, reply, budget // 2)
        first = _first_that_fits(candidates, counts, budget - reply, self._max_messages)
        chosen = candidates[first:]
        input_tokens = system + reply + sum(counts[first:]) + TOKENS_PER_MESSAGE * (len(chosen) + 2)
        room = max(1, model.context_tokens - input_tokens)
        request = ModelRequest(
            model=model.name,
            messages=_with_frame(system_prompt, chosen, kept),
            max_output_tokens=min(longest, room),
            options=options,
        )
        return Fitted(request=request, left_out=first, input_tokens=input_tokens)

    def _longest(self, options: RunOptions, said: int) -> int:
        """How much is asked for, `said` tokens of the reply being there: attempts share what a program
        allowed."""
        if options.max_tokens is None:
            return self._max_reply_tokens
        return max(1, min(self._max_reply_tokens, options.max_tokens - said))


def _first_that_fits(
    messages: Sequence[ChatMessage], counts: Sequence[int], budget: int, most: int | None
) -> int:
    """The index of the first message that is sent; the last one always is."""
    last = len(messages) - 1
    if last < 0 or counts[last] + TOKENS_PER_MESSAGE > budget:
        raise ContextTooLong(
            "This message is too long for the model.", advice="Please shorten it, or choose another model."
        )
    first, spent = last, counts[last] + TOKENS_PER_MESSAGE
    lowest = max(0, len(messages) - most) if most else 0
    for index in range(last - 1, lowest - 1, -1):
        spent += counts[index] + TOKENS_PER_MESSAGE
        if spent > budget:
            break
        first = index
    # A history that begins with a reply to nothing confuses models and is refused by some.
    while first < last and messages[first].role is not Role.USER:
        first += 1
    return first


def _with_frame(system: str, chosen: Sequence[ChatMessage], kept: str) -> tuple[ChatMessage, ...]:
    """The instructions, if any, before the conversation, and what is there of the reply behind it."""
    before = (ChatMessage(role=Role.SYSTEM, content=system),) if system else ()
    if not kept:
        return (*before, *chosen)
    if chosen[-1].role is Role.ASSISTANT:  # one unfinished message, not two
        return (*before, *chosen[:-1], replace(chosen[-1], content=chosen[-1].content + kept))
    return (*before, *chosen, ChatMessage(role=Role.ASSISTANT, content=kept))


def _tail(kept: str, tokens: int, most: int) -> tuple[str, int]:
    """The end of a reply that is too long to be sent whole."""
    if tokens <= most:
        return kept, tokens
    return kept[-max(1, len(kept) * most // tokens) :], most
