"""What replies cost, added up."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, kw_only=True, slots=True)
class UsedOnDay:
    """All replies of one model that ended on one day (UTC), and the tokens that they took."""

    day: date
    model: str
    runs: int
    input_tokens: int
    output_tokens: int
