"""Windows over batches of columns: what tumbling and hopping windows do, on all rows of a batch at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import polars as pl

from rivusio_core.engine.stage import GONE
from rivusio_core.errors import BadRecord
from rivusio_streams.columns.formulas import END, FIRST_SEEN, INDEX, ROW, START, TIME, TIMING, Formulas
from rivusio_streams.engine.columns.closed import LATE, ClosedWindows
from rivusio_streams.engine.columns.grid import ColumnGrid
from rivusio_streams.engine.columns.partials import HI, LO, Partials
from rivusio_streams.engine.columns.timed import TimedColumns
from rivusio_streams.engine.operator import Operator
from rivusio_streams.engine.rows import RowBatch, RowFailed
from rivusio_streams.graph import ColumnWindowNode
from rivusio_streams.moment import FOREVER, NEVER, as_datetime

__all__ = ["ColumnWindowOperator", "Refused"]

_LOT: Final = 65_536
"""Rows: that many in small batches are dealt with at once."""
_FEW: Final = 8
"""Ends of windows: looking at each costs less than looking at all marks."""


@dataclass(frozen=True)
class Refused:
    """Rows that came too late.

    Attributes:
        batch: where they were.
        rows: their numbers in it.
    """

    batch: TimedColumns
    rows: pl.Series


class ColumnWindowOperator(Operator):
    """One windowed aggregation over batches.

    Which windows a row is in is said by the ends of the first and of the last of those that were open when it came.
    Parts by these two and the key are kept, and put together when a window closes.

    Args:
        name: of the step.
        node: what to do.
    """

    def __init__(self, name: str, node: ColumnWindowNode) -> None:
        super().__init__(name)
        self._grid = ColumnGrid.of(node.windows)
        self._by = [HI] if self._grid.apart else [LO, HI]
        self._formulas = Formulas(node.takes, node.gives, node.keys, node.aggregates)
        self._allowed = node.allowed_lateness
        self._partials = Partials(self._formulas, self._by)
        self._closed = ClosedWindows(self._formulas, node.accumulate)
        self._arrived = 0
        """Rows so far."""
        self._passed = NEVER
        """The watermark up to which windows were closed."""
        self._waiting: dict[int, int] = {}
        """By end of a window: how many batches wait for it, and for none after it."""
        self.refused: list[Refused] = []
        """Since the stage last took them."""

    # --------------------------------------------------------------------------------------------------- batches

    def add_batch(self, batch: RowBatch, late: bytearray) -> None:
        """Take several batches: small ones at once, where none of their rows is late."""
        values, marks = batch.values, batch.marks
        while batch.done < len(values):
            start = batch.done
            try:
                if marks[start] >= self.next:
                    self.advance(marks[start])
                lot = self._lot(values, start)
                if lot and self._add_all(lot):
                    batch.done += len(lot)
                    continue
                for value in lot or (values[start],):
                    late[start] = not self.add(value.times.most, marks[start], None, value)
                    start += 1
                batch.done = start
            except Exception as error:
                batch.done = start + 1
                raise RowFailed(start, error) from error

    def _lot(self, values: Sequence[TimedColumns], start: int) -> Sequence[TimedColumns]:
        """Batches that can be dealt with at once, since none of their rows is late; none, if the first has such."""
        stop, rows = start, 0
        for value in islice(values, start, None):
            rows += len(value)
            if not len(value) or (stop > start and rows > _LOT) or not self._in_time(value):
                break
            stop += 1
        return values[start:stop]

    def _in_time(self, value: TimedColumns) -> bool:
        """No row of a batch comes behind the end of a window that it is in; False if that is not easily seen."""
        ends = range(self._grid.first_end(value.times.least), value.marks.last + 1, self._grid.every)
        return all(map(value.is_before, ends)) if len(ends) <= _FEW else value.orderly

    def _add_all(self, values: Sequence[TimedColumns]) -> bool:
        """Take batches of which no row is late; False: it cannot be told which of them failed."""
        try:
            for value in values:
                self._formulas.check(value.batch.frame)
            self._add_in_time(values)
        except (BadRecord, pl.exceptions.PolarsError):
            return False
        return True

    def add(self, time: int, mark: int, key: Any, value: TimedColumns) -> bool:
        """Take a batch; False: all its rows are late."""
        self._formulas.check(value.batch.frame)
        if not len(value):
            return True
        if not self._in_time(value):
            return self._add_row_by_row(value)
        self._add_in_time([value])
        return True

    def _add_in_time(self, values: Sequence[TimedColumns]) -> None:
        """Take the rows of batches of which none is late."""
        grid, least, most = self._grid, min(v.times.least for v in values), max(v.times.most for v in values)
        lo, hi = grid.first_end(least), grid.last_end(least)
        same = hi == grid.last_end(most) and (lo == grid.first_end(most) or grid.apart)
        if same and most < hi:  # all in the same windows: fewer columns to group by
            ends = [pl.lit(hi if name == HI else lo, pl.Int64).alias(name) for name in self._by]
            parts = self._formulas.parts(self._rows(values), ()).select(*ends, pl.all())
            self._keep(parts, values, lo, hi)
            return
        rows = self._rows(values)
        time = rows.get_column(TIME)
        if grid.apart and not grid.gaps:
            numbered = rows.hstack([grid.number(time).alias(HI)])
            parts = self._formulas.parts(numbered, self._by, grid.end(pl.col(HI)))
            self._keep(parts, values, lo, grid.last_end(most))
            return
        rows = rows.hstack([grid.first_end(time).alias(LO), grid.last_end(time).alias(HI)])
        parts = self._formulas.parts(rows.filter(pl.col(HI) > pl.col(TIME)) if grid.gaps else rows, self._by)
        self._keep_some(parts, values)

    def _rows(self, values: Sequence[TimedColumns]) -> pl.DataFrame:
        """Batches as one, with the times and the numbers of their rows."""
        frames, times = [value.batch.frame for value in values], [value.times.column for value in values]
        frame = pl.concat(frames) if len(frames) > 1 else frames[0]
        time = pl.concat(times, rechunk=True) if len(times) > 1 else times[0]
        number = pl.int_range(self._arrived, self._arrived + len(time), dtype=pl.Int64(), eager=True)
        return frame.hstack([time.alias(TIME), number.alias(ROW)])

    def _keep(self, parts: pl.DataFrame, values: Sequence[TimedColumns], first: int, last: int) -> None:
        """Keep the parts of batches; they wait for the last window that any of their rows is in."""
        self._arrived += sum(map(len, values))
        self._partials.add(parts, first, last)
        self._waiting[last] = self._waiting.get(last, 0) + len(values)
        self.held += len(values)
        self.next = min(self.next, first)

    def _keep_some(self, parts: pl.DataFrame, values: Sequence[TimedColumns]) -> None:
        """As `_keep`, where some rows, or all, are in no window."""
        first, last = parts.get_column(self._by[0]).min(), parts.get_column(HI).max()
        if isinstance(first, int) and isinstance(last, int):
            self._keep(parts, values, first, last)
        else:
            self._arrived += sum(map(len, values))

    def _add_row_by_row(self, value: TimedColumns) -> bool:
        """Judge each row by the watermark before it; False: all are late."""
        grid, times, marks = self._grid, value.times.column, value.marks.column
        first, last = grid.first_end(times), grid.last_end(times)
        waits = grid.first_end(marks)  # the first window that is open
        inside, is_open = last > times, last > marks
        ends = [last.alias(HI)] if grid.apart else [_larger(first, waits).alias(LO), last.alias(HI)]
        rows = self._rows([value]).hstack(ends)
        parts = self._formulas.parts(rows.filter(inside & is_open), self._by)
        arrived = self._arrived
        if self._allowed:
            least, most = _larger(first, grid.first_end(marks - self._allowed)), _smaller(last, waits - grid.every)
            again = rows.with_columns(least.alias(LO), most.alias(HI)).filter(inside & (least <= most))
            self._keep_some(parts, [value])
            if again.height:
                self._give_late(again, marks, arrived)
        else:
            self._keep_some(parts, [value])
        late = inside & (last <= marks - self._allowed)
        if late.any():
            self.refused.append(Refused(value, late.arg_true()))
        return not late.all()

    def _give_late(self, rows: pl.DataFrame, marks: pl.Series, arrived: int) -> None:
        """Give a pane for each row and each window from LO to HI, which have closed, and those that close meanwhile."""
        late = rows.with_columns(pl.col(ROW).alias(LATE), self._between(pl.col(LO), pl.col(HI)).alias(END)).explode(END)
        closed = self._close(marks[-1])
        panes = self._closed.add(late).with_columns(pl.lit("late").alias(TIMING))
        if closed is not None:
            number = marks.search_sorted(closed.get_column(END), side="left").cast(pl.Int64) + arrived
            on_time = self._on_time(closed).with_columns(number.alias(LATE))
            panes = pl.concat([on_time.select(panes.columns), panes])
        self._closed.drop(self._passed - self._allowed)
        panes = panes.sort(LATE, pl.col(TIMING) == "late", END, FIRST_SEEN)
        self._give(panes, marks[int(panes.item(0, LATE)) - arrived])
        self._schedule()

    def _between(self, lo: pl.Expr, hi: pl.Expr) -> pl.Expr:
        return pl.int_ranges(lo, hi + 1, self._grid.every)

    # ------------------------------------------------------------------------------------------------- time passes

    def advance(self, watermark: int) -> None:
        closed = self._close(watermark)
        if closed is not None:
            self._give(self._on_time(closed), int(closed.item(0, END)) - 1)
        self._closed.drop(watermark - self._allowed)
        self._schedule()

    def _on_time(self, closed: pl.DataFrame) -> pl.DataFrame:
        if self._formulas.needs.isdisjoint((INDEX, TIMING)) and not self._allowed:
            return closed
        return closed.with_columns(pl.lit(0, pl.Int64).alias(INDEX), pl.lit("on_time").alias(TIMING))

    def _close(self, watermark: int) -> pl.DataFrame | None:
        """What is in the windows that end by then, in the order of its panes."""
        passed, self._passed = self._passed, max(self._passed, watermark)
        if watermark < self.next:
            return None
        parts, several = self._partials.take(watermark)
        if parts is None:
            return None
        for end in [each for each in self._waiting if each <= watermark]:
            self.held -= self._waiting.pop(end)
        closed = parts
        if not self._grid.apart:
            known = pl.col(LO).clip(self._grid.first_end(passed), None), pl.col(HI).clip(None, watermark)
            # Of rows of one time that are in different windows, for the lateness of some, those in more came first.
            windows = parts.sort(LO, maintain_order=True).with_columns(self._between(*known).alias(END)).explode(END)
            closed, several = windows.filter(pl.col(END).is_not_null()), True
        if several:
            closed = self._formulas.merged(closed, [END])
        closed = closed.sort(END, FIRST_SEEN)
        if self._allowed and closed.height:
            self._closed.hold(closed)
        return closed if closed.height else None

    def _give(self, panes: pl.DataFrame, mark: int) -> None:
        if START in self._formulas.needs:
            panes = panes.with_columns((pl.col(END) - self._grid.length).alias(START))
        last = panes.get_column(END).max()
        self.give(self._formulas.results(panes, self.name), last - 1 if isinstance(last, int) else mark, mark)

    def _schedule(self) -> None:
        least, dropped = self._partials.least(), self._closed.least()
        # Of what is in several windows some have closed already.
        closing = FOREVER if least is None else max(least, self._grid.first_end(self._passed))
        self.next = min(closing, FOREVER if dropped is None else dropped + self._allowed)

    # --------------------------------------------------------------------------------------------------- snapshots

    # A cell for each run of parts, which is not changed any more but for the windows in it that have closed, and for
    # each window that has closed and takes late rows.

    def header(self) -> object:
        return self._passed, self._arrived, {**self._waiting}

    def cell(self, cell: Any) -> object:
        kind, number = cell
        found = self._partials.run(number) if kind == "run" else self._closed.window(number)
        return GONE if found is None else found

    def cells(self) -> Iterable[Any]:
        return _ids(self._partials.runs(), self._closed.ends())

    def changed(self) -> Iterable[Any]:
        return _ids(self._partials.changed(), self._closed.changed())

    def settle(self) -> None:
        self._partials.settle()
        self._closed.settle()

    def restore(self, header: Any, cells: Mapping[Any, Any]) -> None:
        self._passed, self._arrived, self._waiting = header
        self._partials.restore({number: data for (kind, number), data in cells.items() if kind == "run"}, self._passed)
        self._closed.restore({end: data for (kind, end), data in cells.items() if kind == "closed"})
        self._schedule()

    @property
    def size(self) -> int:
        """How much memory it takes in bytes, about."""
        return self._partials.size + self._closed.size

    def explain(self) -> dict[str, object]:
        return {
            "held": self.held,
            "next window ends": as_datetime(self.next).isoformat() if self.next < FOREVER else None,
            "parts": self._partials.rows,
            "bytes": self.size,
        }


def _ids(runs: Iterable[int], ends: Iterable[int]) -> list[tuple[str, int]]:
    return [*(("run", number) for number in runs), *(("closed", end) for end in ends)]


def _larger(one: pl.Series, other: pl.Series) -> pl.Series:
    return other.zip_with(other > one, one)


def _smaller(one: pl.Series, other: pl.Series) -> pl.Series:
    return other.zip_with(other < one, one)
