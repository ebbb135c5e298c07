"""What a window is, and what comes out of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import repeat
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from rivusio_streams.bulk import Bulk
from rivusio_streams.moment import FIRST, LAST, as_datetime

__all__ = ["Pane", "Timing", "Window", "Windowed", "window_of", "windowed"]

K = TypeVar("K", covariant=True)
V = TypeVar("V", covariant=True)

Timing: TypeAlias = Literal["early", "on_time", "late"]
"""Given before its window closed, when it closed, or after."""


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """An interval of event time, half-open: `start <= time < end`. Both are aware datetimes in UTC."""

    start: datetime
    end: datetime

    def __str__(self) -> str:
        return f"[{self.start.isoformat()}, {self.end.isoformat()})"


_FIRST, _LAST = as_datetime(FIRST), as_datetime(LAST)


def window_of(start: int, end: int) -> Window:
    """The window between two times in microseconds; cut off at the years 1 and 9999, beyond which no datetime goes."""
    return Window(
        as_datetime(start) if start >= FIRST else _FIRST,
        as_datetime(end) if end <= LAST else _LAST,
    )


@dataclass(frozen=True, slots=True)
class Pane:
    """One giving of a window's result.

    Attributes:
        index: 0 for the first of this window and key, then 1, 2, ...
        timing: `early`, `on_time` or `late`.
    """

    index: int = 0
    timing: Timing = "on_time"


@dataclass(frozen=True, slots=True)
class Windowed(Generic[K, V]):
    """A result of a window. Its event time is the last microsecond of the window, `end - 1 us`.

    Attributes:
        key: what the items have in common; None for a stream without keys.
        window: when they happened.
        value: what was computed of them.
        pane: which giving of the result it is.
    """

    key: K
    window: Window
    value: V
    pane: Pane = Pane()


_bulk = Bulk[Windowed[Any, Any]](Windowed)


def windowed(keys: Iterable[Any], window: Window, values: Iterable[Any], pane: Pane) -> list[Windowed[Any, Any]]:
    """`Windowed(key, window, value, pane)` of each key and value: windows close with many at once."""
    keys = list(keys)
    return _bulk.make(len(keys), keys, repeat(window), values, repeat(pane))
