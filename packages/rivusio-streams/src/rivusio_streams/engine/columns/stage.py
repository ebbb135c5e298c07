"""Runs windows over batches of columns."""

from __future__ import annotations

from typing import Any

from typing_extensions import Unpack

from rivusio_core.engine.notes import Notes
from rivusio_core.engine.stage import Chunk
from rivusio_core.errors import PipeError
from rivusio_streams.columns.batch import Columns
from rivusio_streams.engine.columns.operator import ColumnWindowOperator, Refused
from rivusio_streams.engine.columns.timed import Marks, TimedColumns, Times
from rivusio_streams.engine.keyed_stage import SHOWN, KeyedSettings, LateItem
from rivusio_streams.engine.operator_stage import OperatorStage
from rivusio_streams.engine.origin import MARK, ORIGIN, POSITION, TIMED
from rivusio_streams.engine.rows import RowBatch
from rivusio_streams.graph import ColumnWindowNode

__all__ = ["ColumnStage"]


class ColumnStage(OperatorStage):
    """As `OperatorStage`, for batches: an item is one, and some of its rows may be late.

    Args:
        name: of the step.
        node: what it does.
        settings: see `KeyedStage`.
    """

    def __init__(self, name: str, node: ColumnWindowNode, **settings: Unpack[KeyedSettings]) -> None:
        self._windows = ColumnWindowOperator(name, node)
        super().__init__(self._windows, keyed=False, inputs=1, takes=TIMED, **settings)
        self._time = node.time

    def _batch(self, chunk: Chunk) -> RowBatch:
        batch = super()._batch(chunk)
        batch.values = [self._timed(value, chunk, index) for index, value in enumerate(chunk.values)]
        return batch

    def _timed(self, value: Any, chunk: Chunk, index: int) -> TimedColumns:
        if isinstance(value, TimedColumns):
            return value
        position, origin, mark = (chunk.columns[column][index] for column in (POSITION, ORIGIN, MARK))
        return TimedColumns(value, Times.of(value, self._time), Marks(len(value), mark), position, origin)

    def _treat(self, chunk: Chunk, index: int, error: Exception, notes: Notes) -> PipeError | None:
        values = [each.batch if isinstance(each, TimedColumns) else each for each in chunk.values]
        return super()._treat(Chunk(values, chunk.columns), index, error, notes)

    def _count(self, notes: Notes, done: int, late: int, held: int, filtered: int) -> None:
        super()._count(notes, done, late, held, filtered)
        notes.tally(self.name).late_rows += sum(len(each.rows) for each in self._windows.refused)

    async def refuse(self, late: Chunk) -> None:
        """Batches of which all rows are late are dealt with as those of which some are."""

    async def _push(self) -> None:
        budget = self.context.budget
        if budget.limit is not None:
            budget.keep(self.name, self._windows.size)
        refused, self._windows.refused = self._windows.refused, []
        for each in refused:
            await self._refuse_rows(each)
        await super()._push()

    async def _refuse_rows(self, refused: Refused) -> None:
        value, rows = refused.batch, refused.rows
        times, marks = value.times.column, value.marks.column
        self.late_count += len(rows)
        for row in rows[-SHOWN:].to_list():
            self.late_items.append(LateItem(value.position, value.origin, times[row], marks[row], row))
        if self.late_out is not None:
            batch: Columns[Any] = Columns(value.batch.frame[rows])
            first = rows[0]
            columns = ([value.position], [value.origin], [times[first]], [marks[first]])
            await self.late_out.take(Chunk([batch], columns))
