"""Which windows times are in: the same arithmetic for an int and for a column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import polars as pl

from rivusio_streams.windows import Hopping, Tumbling

__all__ = ["ColumnGrid"]

N = TypeVar("N", int, pl.Series)


@dataclass(frozen=True)
class ColumnGrid:
    """Windows `[offset + n * every, offset + n * every + length)`, in microseconds.

    Attributes:
        apart: no time is in two of them.
        gaps: some times are in none.
    """

    length: int
    every: int
    offset: int

    @staticmethod
    def of(windows: Tumbling | Hopping) -> ColumnGrid:
        """That of windows."""
        every = windows.every if isinstance(windows, Hopping) else windows.length
        return ColumnGrid(windows.length, every, windows.offset)

    @property
    def apart(self) -> bool:
        return self.every >= self.length

    @property
    def gaps(self) -> bool:
        return self.every > self.length

    def first_end(self, time: N) -> N:
        """The end of the first window that ends after a time: of the first that holds it, if one does."""
        return time - self._since(time, (self.offset + self.length) % self.every) + self.every

    def last_end(self, time: N) -> N:
        """The end of the last window that begins by a time: of the last that holds it, if one does."""
        return time - self._since(time, self.offset) + self.length

    def number(self, time: pl.Series) -> pl.Series:
        """The number of the last window that begins by a time, which takes less than its end to work out."""
        return (time - self.offset if self.offset else time) // self.every

    def end(self, number: pl.Expr) -> pl.Expr:
        """The end of the window of a number."""
        return number * self.every + (self.offset + self.length)

    def _since(self, time: N, offset: int) -> N:
        return (time - offset if offset else time) % self.every  # a column of differences less
