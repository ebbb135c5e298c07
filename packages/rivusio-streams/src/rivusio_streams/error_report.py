"""What failed in a run, by kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

__all__ = ["ErrorGroup", "ErrorReport"]

_SHOWN = 5
"""Groups in a summary."""


@dataclass(frozen=True)
class ErrorGroup:
    """Failures of one kind: of one step, of one type, at one place of the code, with like messages.

    Attributes:
        id: the fingerprint, as in dead letters.
        step: which failed.
        error: type of the first cause.
        place: file, line and function of the user's code that raised it; empty where that is not known.
        count: how many items failed so.
        example: the reason of the first of them, which quotes no item.
        position: of the first, where known.
        first, last: when the first and the last failed.
    """

    id: str
    step: str
    error: str
    place: str
    count: int
    example: str
    position: int | None
    first: datetime
    last: datetime

    def to_json(self) -> Mapping[str, object]:
        """As values that JSON can hold."""
        return {
            "fingerprint": self.id,
            "step": self.step,
            "error": self.error,
            "place": self.place,
            "count": self.count,
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "position": self.position,
            "example": self.example,
        }

    def __str__(self) -> str:
        at = f" at {self.place}" if self.place else ""
        # A foreign error has no reason of its own but its type and place.
        why = "" if self.example == f"{self.error}{at}" else f": {self.example}"
        return f"{self.count:,} x {self.step}: {self.error}{at}{why} [{self.id}]"


@dataclass(frozen=True)
class ErrorReport:
    """The failures of a run that did not end it.

    Attributes:
        groups: by kind, the most frequent first.
        others: failures of kinds for which there was no room.
    """

    groups: tuple[ErrorGroup, ...] = ()
    others: int = 0

    @property
    def count(self) -> int:
        """All failures."""
        return sum(each.count for each in self.groups) + self.others

    def lines(self, most: int = _SHOWN) -> list[str]:
        """A few lines for people; none if nothing failed.

        Args:
            most: groups to show.
        """
        if not self.count:
            return []
        shown, rest = self.groups[:most], self.groups[most:]
        lines = [f"{self.count:,} failed:", *(f"  {each}" for each in shown)]
        left = sum(each.count for each in rest) + self.others
        return [*lines, f"  {left:,} x others"] if left else lines

    def to_json(self) -> Mapping[str, object]:
        """As values that JSON can hold."""
        return {"count": self.count, "groups": [each.to_json() for each in self.groups], "others": self.others}
