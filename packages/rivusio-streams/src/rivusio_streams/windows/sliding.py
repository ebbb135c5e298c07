"""Sliding windows: what happened up to each item."""

from __future__ import annotations

from dataclasses import dataclass, field

from rivusio_core.duration import Duration, duration_text
from rivusio_streams.windows.lengths import checked_lengths
from rivusio_streams.windows.windowing import Windows

__all__ = ["Sliding"]


@dataclass(frozen=True, init=False, repr=False)
class Sliding(Windows):
    """For each time t at which an item of a key happened, one window of what came before it: `(t - size, t]`.

    That is `[t + 1 us - size, t + 1 us)`, the SQL frame `RANGE BETWEEN size PRECEDING AND CURRENT ROW` without its
    first instant. Items of the same time share a window, so a moving average is given once for each time. For windows
    at fixed distances see `Hopping`.

    An item that was late for its own window is in those of later items all the same. Items are kept for `size`.

    Args:
        size: how long a window is.

    Attributes:
        length: `size` in microseconds.

    Raises:
        ConfigError: `size` is not longer than 0, or no duration.

    Example:
        >>> Sliding("5m")
        Sliding('5m')
    """

    length: int = field()

    def __init__(self, size: Duration) -> None:
        [length] = checked_lengths("Sliding", {"size": size})
        object.__setattr__(self, "length", length)

    def __repr__(self) -> str:
        return f"Sliding({duration_text(self.length)!r})"
