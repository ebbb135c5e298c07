"""The items of a chunk, as operators take them: row by row, or as columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import repeat
from typing import Any, TypeAlias

from rivusio_streams.engine.marks import Marks, Span

__all__ = ["Row", "RowBatch", "RowFailed", "Rows"]

Row: TypeAlias = tuple[int, int, Any, Any]
"""An item: its event time, the watermark just before it, its key (None where there are none), the item itself."""
Rows: TypeAlias = Iterator[tuple[int, Row]]
"""The items of a chunk, numbered."""


class RowFailed(Exception):
    """Tells which item of the chunk raised. Not an error of its own: `__cause__` is."""

    def __init__(self, index: int, error: Exception) -> None:
        super().__init__(index)
        self.index, self.error = index, error


class RowBatch:
    """The items of a chunk and what travels beside them.

    Args:
        times: their event times.
        marks: the watermark just before each; it never goes back.
        keys: theirs; None: they have none.
        values: the items.
        side: for joins: the index of the input that they all came by.

    Attributes:
        done: how many rows an operator that takes columns has dealt with.
    """

    def __init__(
        self,
        times: Sequence[int],
        marks: Sequence[int],
        keys: Sequence[Any] | None,
        values: Sequence[Any],
        side: int = 0,
    ) -> None:
        self.times, self.marks, self.values, self.side = times, marks, values, side
        self._keys = keys
        self.done = 0

    def span(self, start: int, stop: int) -> Span:
        """The smallest and the largest time of some rows."""
        if stop - start == len(self.times):
            return self.marks.span if isinstance(self.marks, Marks) else (min(self.times), max(self.times))
        times = self.times[start:stop]
        return min(times), max(times)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def keys(self) -> Sequence[Any]:
        """The keys; None for each where there are none."""
        return [None] * len(self.values) if self._keys is None else self._keys

    @cached_property
    def rows(self) -> Rows:
        """The same rows each time: it goes on where it was left."""
        keys: Iterable[Any] = repeat(None) if self._keys is None else self._keys
        return enumerate(zip(self.times, self.marks, keys, self.values))  # noqa: B905  # `repeat` has no end
