"""What the support bot says: rules, no model. It lets a newcomer see the app at work without any key."""

import re
from collections.abc import Sequence
from typing import Final

HOURS: Final = (
    "We're open **Monday to Friday, 9AM-6PM EST**. Outside these hours you can still write to me: "
    "this chat is available 24/7."
)
PRICES: Final = (
    "Here is what it costs:\n\n"
    "| Plan | Price |\n|---|---|\n"
    "| Basic | $19/month |\n| Premium | $39/month |\n| Enterprise | Custom |\n\n"
    "Which of them would you like to know more about?"
)
HELP: Final = (
    "I'm here to help! I can tell you about:\n\n"
    "- our **opening hours**\n- our **prices**\n\n"
    "For anything else I can connect you with a specialist."
)
HELLO: Final = "Hello! Thanks for writing to us. How can I help you today?"
SPECIALIST: Final = (
    "Thank you for your message. I'd like to connect you with a specialist who can answer this better than I "
    "can. Is there anything about our opening hours or prices that I can tell you meanwhile?"
)
HUMAN: Final = (
    "I'm sorry that this is still not solved. I'm handing you over to a human agent, who will see everything "
    "that you have written so far."
)
MAX_REMEMBERED_CHARS: Final = 80

#: The first rule that matches answers; a question counts more than the greeting before it.
RULES: Final = (
    (re.compile(r"\b(hours?|open|opening)\b", re.IGNORECASE), HOURS),
    (re.compile(r"\b(prices?|pricing|costs?)\b", re.IGNORECASE), PRICES),
    (re.compile(r"\bhelp\b", re.IGNORECASE), HELP),
)
GREETING: Final = re.compile(r"\b(hello|hi)\b", re.IGNORECASE)
STILL: Final = re.compile(r"\bstill\b", re.IGNORECASE)


def support_reply(message: str, earlier: Sequence[str]) -> str:
    """The answer to a message, given what the same person wrote earlier."""
    if earlier and STILL.search(message):
        return HUMAN
    for words, answer in RULES:
        if words.search(message):
            return answer
    if GREETING.search(message):
        return _welcome_back(earlier[-1]) if earlier else HELLO
    return SPECIALIST


def _welcome_back(last: str) -> str:
    line = " ".join(last.split())
    cut = line if len(line) <= MAX_REMEMBERED_CHARS else line[: MAX_REMEMBERED_CHARS - 1].rstrip() + "…"
    return f"Welcome back! I remember that you wrote “{cut}”. How can I help you today?"
