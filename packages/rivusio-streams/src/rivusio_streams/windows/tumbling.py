"""Tumbling windows: one behind the other, without gap or overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rivusio_core.duration import Duration, duration_text
from rivusio_streams.windows.lengths import checked_lengths
from rivusio_streams.windows.windowing import AlignedWindows, Span

__all__ = ["Tumbling"]


@dataclass(frozen=True, init=False, repr=False)
class Tumbling(AlignedWindows):
    """Windows of one size, `[offset + n * size, offset + (n + 1) * size)` for every integer n.

    Args:
        size: how long a window is.
        offset: where windows begin, counted from the epoch, 1970-01-01T00:00:00 UTC; may be negative.

    Raises:
        ConfigError: `size` is not longer than 0, or one of them is no duration.

    Example:
        >>> Tumbling("1m").assign(-1), Tumbling("1m", offset="15s").assign(20_000_000)
        (((-60000000, 0),), ((15000000, 75000000),))
    """

    length: int = field()
    offset: int = field()

    def __init__(self, size: Duration, *, offset: Duration = 0) -> None:
        length, shift = checked_lengths("Tumbling", {"size": size}, {"offset": offset})
        object.__setattr__(self, "length", length)
        object.__setattr__(self, "offset", shift % length)

    def assign(self, time: int) -> Sequence[Span]:
        start = time - (time - self.offset) % self.length
        return ((start, start + self.length),)

    def __repr__(self) -> str:
        offset = f", offset={duration_text(self.offset)!r}" if self.offset else ""
        return f"Tumbling({duration_text(self.length)!r}{offset})"
