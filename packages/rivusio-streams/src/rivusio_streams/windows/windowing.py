"""The contracts of windows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, TypeAlias

__all__ = ["AlignedWindows", "Span", "Windows"]

Span: TypeAlias = tuple[int, int]
"""An interval of event time, `[start, end)`, in microseconds since the epoch; negative before 1970."""


class Windows(ABC):  # noqa: B024  # what the kinds have in common is that a stream can be cut into them
    """How a stream is cut into windows: what `window` takes. A value."""

    timed: ClassVar[bool] = True
    """Items need event times."""


class AlignedWindows(Windows):
    """Windows whose place depends on the time of an item alone: the same for all keys.

    Derive from it for windows of your own; `__eq__` and `__repr__` should be those of a value (a frozen dataclass).

    Example, windows of the first minute of each hour:

        >>> class FirstMinute(AlignedWindows):
        ...     def assign(self, time: int) -> Sequence[Span]:
        ...         start = time - time % 3_600_000_000
        ...         return [(start, start + 60_000_000)] if time < start + 60_000_000 else []
        >>> FirstMinute().assign(59_999_999), FirstMinute().assign(60_000_000)
        ([(0, 60000000)], [])
    """

    @abstractmethod
    def assign(self, time: int) -> Sequence[Span]:
        """All windows that hold this time, in the order of (end, start); none where it falls between two.

        Must give the same windows for the same time, always, and only windows with `start <= time < end`.
        """
