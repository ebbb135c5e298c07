"""Hopping windows: a new one begins at every hop, whether or not the one before is over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rivusio_core.duration import Duration, duration_text
from rivusio_streams.windows.lengths import checked_lengths
from rivusio_streams.windows.windowing import AlignedWindows, Span

__all__ = ["Hopping"]


@dataclass(frozen=True, init=False, repr=False)
class Hopping(AlignedWindows):
    """Windows of one size, `[offset + n * every, offset + n * every + size)` for every integer n.

    They overlap where `every` is shorter than `size`: an item is then in several. Where it is longer there are gaps:
    an item between two windows is in none, and is not late.

    Args:
        size: how long a window is.
        every: the time from the start of one window to that of the next.
        offset: where windows begin, counted from the epoch, 1970-01-01T00:00:00 UTC; may be negative.

    Attributes:
        length: `size` in microseconds.
        every: in microseconds.
        offset: in microseconds, from 0 to below `every`.

    Raises:
        ConfigError: `size` or `every` is not longer than 0, or one of the three is no duration.

    Example:
        >>> Hopping("10s", "5s").assign(7_000_000), Hopping("2s", "5s").assign(4_000_000)
        (((0, 10000000), (5000000, 15000000)), ())
    """

    length: int = field()
    every: int = field()
    offset: int = field()

    def __init__(self, size: Duration, every: Duration, *, offset: Duration = 0) -> None:
        length, hop, shift = checked_lengths("Hopping", {"size": size, "every": every}, {"offset": offset})
        object.__setattr__(self, "length", length)
        object.__setattr__(self, "every", hop)
        object.__setattr__(self, "offset", shift % hop)

    def assign(self, time: int) -> Sequence[Span]:
        length, every = self.length, self.every
        behind = (time - self.offset) % every  # since the last start
        # The oldest window that holds the time began less than a length ago; none if even the last one is over.
        oldest = behind + (length - 1 - behind) // every * every
        return tuple((start, start + length) for start in range(time - oldest, time - behind + 1, every))

    def __repr__(self) -> str:
        offset = f", offset={duration_text(self.offset)!r}" if self.offset else ""
        return f"Hopping({duration_text(self.length)!r}, {duration_text(self.every)!r}{offset})"
