"""How the parts of the app are."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """For each part True, or in a few words what is wrong with it; nothing secret. `details` say more of what
    works, with names that are nobody else's business."""

    checks: Mapping[str, bool | str]
    details: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def good(self) -> bool:
        """Whether everything that is needed works."""
        return all(check is True for check in self.checks.values())
