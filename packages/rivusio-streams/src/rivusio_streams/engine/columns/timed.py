"""A batch of columns whose rows have times, and the watermark before each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import polars as pl

from rivusio_core.errors import BadRecord, PipeTypeError
from rivusio_streams.columns.batch import Columns
from rivusio_streams.columns.expression import Expression
from rivusio_streams.moment import FIRST, FOREVER, LAST, NEVER

__all__ = ["LEAST", "Marks", "TimedColumns", "Times"]

LEAST: Final = -(2**62)
"""Before all times; 64 bits leave room for adding and taking away durations, which are at most 10**18."""


@dataclass(frozen=True)
class Times:
    """When the rows of a batch happened, in microseconds.

    Attributes:
        column: a time for each row.
        least, most: the smallest and the largest; of no rows both are LAST and FIRST.
    """

    column: pl.Series
    least: int
    most: int

    @staticmethod
    def of(value: object, time: Expression) -> Times:
        """Those of a batch.

        Raises:
            PipeTypeError: it is no batch.
            BadRecord: a row has no time, or one outside of the years 1 to 9999.
        """
        if not isinstance(value, Columns):
            raise PipeTypeError(
                f"event times of columns are those of batches (Columns), not of a {type(value).__name__}"
            )
        column = time.of(value.frame)
        if column.null_count():
            raise BadRecord(f"row {column.is_null().arg_max()} of the batch: {time!r} is null, so it has no event time")
        if column.dtype != pl.Int64():
            column = column.to_physical()
        least, most = column.min(), column.max()
        if not isinstance(least, int) or not isinstance(most, int):
            return Times(column, LAST, FIRST)
        if least < FIRST or most > LAST:
            row = ((column < FIRST) | (column > LAST)).arg_max()
            raise BadRecord(
                f"row {row} of the batch: {time!r} lies outside of the years 1 to 9999; is it in microseconds since "
                "the epoch?"
            )
        return Times(column, least, most)


@dataclass
class Marks:
    """The watermark just before each row of a batch, worked out when it is needed.

    Attributes:
        count: of the rows.
        own: the watermark of the partition before the first row.
        floor: that of all partitions, before the first row.
        others: the smallest of the other partitions.
        bound: by how much the watermark of the partition is behind its latest row.
        moving: the times that move it; None: the rows do not.
        most: the largest of them; of none FIRST.
    """

    count: int
    own: int
    floor: int = NEVER
    others: int = FOREVER
    bound: int = 0
    moving: pl.Series | None = None
    most: int = FIRST

    @property
    def first(self) -> int:
        """The watermark before the first row."""
        return max(self.floor, min(self.others, self.own))

    @property
    def reached(self) -> int:
        """The watermark of the partition behind the last row."""
        return self.own if self.moving is None else max(self.own, self.most - self.bound)

    @property
    def last(self) -> int:
        """That of all partitions behind the last row: none is above it."""
        return max(self.floor, min(self.others, self.reached))

    @cached_property
    def column(self) -> pl.Series:
        """All of them; what is before all times is a little less so."""
        if self.moving is None:
            return pl.repeat(max(self.first, LEAST), self.count, dtype=pl.Int64(), eager=True)
        own = (self.moving.cum_max() - self.bound).shift(1, fill_value=LEAST)
        return own.clip(max(self.own, LEAST), None).clip(None, self.others).clip(max(self.floor, LEAST), None)


@dataclass
class TimedColumns:
    """A batch, and what is known of its rows.

    Attributes:
        batch: it.
        times: of the rows.
        marks: the watermark just before each.
        position, origin: of the batch; see `engine.origin`.
    """

    batch: Columns[Any]
    times: Times
    marks: Marks
    position: int
    origin: int

    def __len__(self) -> int:
        return len(self.batch)

    def is_before(self, end: int) -> bool:
        """No row before this time comes behind the row with which the watermark has reached it, as it does here."""
        moving, times = self.marks.moving, self.times.column
        if moving is None or self.marks.first >= end:
            return False
        reaching = int((moving >= end + self.marks.bound).arg_max() or 0)  # the first True
        least = times[reaching + 1 :].min()
        return not isinstance(least, int) or least >= end

    @cached_property
    def orderly(self) -> bool:
        """No row comes later than its partition allows: then none comes behind the end of a window that it is in."""
        marks, times = self.marks, self.times
        if times.least < marks.first:
            return False
        if marks.moving is None or times.most - times.least <= marks.bound or times.column.is_sorted():
            return True
        behind = (times.column.cum_max() - times.column).max()
        return isinstance(behind, int) and behind <= marks.bound
