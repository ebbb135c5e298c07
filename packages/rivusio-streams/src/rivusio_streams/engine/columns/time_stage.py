"""Gives rows of batches their times."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from time import perf_counter
from typing import Any

import polars as pl

from rivusio_core.engine.context import RunContext
from rivusio_core.engine.notes import Notes
from rivusio_core.engine.stage import Chunk, Stage
from rivusio_streams.columns.expression import Expression
from rivusio_streams.engine.columns.timed import LEAST, Marks, TimedColumns, Times
from rivusio_streams.engine.event_time_stage import EventTimeStage
from rivusio_streams.engine.origin import ORIGIN, POSITION, UNTIMED
from rivusio_streams.engine.signals import Cut
from rivusio_streams.engine.treatment import extract
from rivusio_streams.event_time import EventTime

__all__ = ["ColumnTimeStage"]


class ColumnTimeStage(EventTimeStage):
    """As `EventTimeStage`, for batches: the watermark moves row by row within each.

    What it gives are `TimedColumns`. The time of one is that of its last row, its mark the watermark before the first.

    Args:
        step, spec, origins, told, context, cuts, reached, out: as of `EventTimeStage`.
        of_rows: when the rows of a batch happened.
    """

    def __init__(
        self,
        step: str,
        spec: EventTime,
        origins: Mapping[int, str],
        told: Collection[int],
        context: RunContext,
        cuts: bool,
        reached: Callable[[int, int], None],
        out: Stage,
        *,
        of_rows: Expression,
    ) -> None:
        super().__init__(step, spec, origins, told, context, cuts, reached, out)
        self._of_rows = of_rows

    async def take(self, chunk: Chunk) -> None:
        began, notes = perf_counter(), Notes()
        chunk, times, fatal = extract(self._times_of, chunk, self.name, notes, self._context)
        notes.seconds = perf_counter() - began
        await self._context.absorb(notes)
        if times:
            await self._pass_batches(chunk, times)
        if fatal is not None:
            raise fatal from fatal.cause

    def _times_of(self, value: object) -> Times:
        return Times.of(value, self._of_rows)

    async def _pass_batches(self, chunk: Chunk, times: list[Times]) -> None:
        self._idle = False
        places = zip(chunk.values, times, chunk.columns[POSITION], chunk.columns[ORIGIN], strict=True)
        timed = [self._timed(*place) for place in places]
        columns = ([each.times.most for each in timed], [each.marks.first for each in timed])
        await self.out.take(Chunk(list[Any](timed), (*chunk.columns[:UNTIMED], *columns)))
        await self.say()
        if self._cuts:
            await self.out.signal(Cut())

    def _timed(self, batch: Any, times: Times, position: int, origin: int) -> TimedColumns:
        watermarks, wall = self._watermarks, self._context.clock.wall()
        own = watermarks.reached(origin)
        marks = Marks(len(batch), own, watermarks.combined, watermarks.others(origin), self.spec.out_of_order)
        if len(batch):
            if origin not in self._told:
                marks.moving, marks.most = self._moving(times, wall)
            watermarks.reach(origin, marks.reached)
            self._note(origin, own, wall)
        return TimedColumns(batch, times, marks, position, origin)

    def _moving(self, times: Times, wall: int) -> tuple[pl.Series, int]:
        """The times that move the watermark, and the largest; those too far in the future are counted, and do not."""
        limit = None if self.spec.max_future is None else wall + self.spec.max_future
        if limit is None or times.most <= limit:
            return times.column, times.most
        ahead = times.column > limit
        self.ahead += int(ahead.sum())
        moving = times.column.set(ahead, LEAST)
        largest = moving.max()
        return moving, largest if isinstance(largest, int) else LEAST
