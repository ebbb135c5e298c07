"""The contract of windows of event time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

__all__ = ["AlignedWindows"]


class AlignedWindows(ABC):
    """Windows whose place depends on the time of an item alone: the same for all keys. A value.

    All times are microseconds since the epoch, negative before 1970; windows are half-open.
    """

    @property
    @abstractmethod
    def size(self) -> int:
        """The length of a window in microseconds."""

    @abstractmethod
    def assign(self, time: int) -> Sequence[int]:
        """The starts of all windows that hold this time, ascending; none where it falls between two."""
