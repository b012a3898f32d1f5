"""What a person thinks of a reply."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Rating(StrEnum):
    """One of two words: more of them would be chosen from without thought."""

    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True, kw_only=True, slots=True)
class Feedback:
    """A rating, and what its giver had to say about it."""

    value: Rating
    at: datetime
    comment: str = ""
