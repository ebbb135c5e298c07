"""Reading a Parquet file as batches of columns, by row number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from rivusio_core import BadRecord, SourceError
from rivusio_plugins_contrib.files.arrow import ArrowFault, Table, TableReader
from rivusio_plugins_contrib.files.reading import opened_at
from rivusio_streams.columns import Columns, Layout
from rivusio_streams.source import EndOfPartition, Partition, Position, Rejected

__all__ = ["ColumnPartition"]

M = TypeVar("M")

_ENOUGH = 16_384
"""Rows that are given at once: no further batch is read then."""


class ColumnPartition(Partition[Columns[M]], Generic[M]):
    """The rows of a file behind the first so many.

    Args:
        path: the file.
        layout: what its rows are.
        rows: of a batch at most.
        done: how many rows to pass over.

    Raises:
        SourceError: the file or a column is not there or of another type, or it has not so many rows.
    """

    def __init__(self, path: Path, layout: Layout[M], rows: int, done: int) -> None:
        self._path, self._layout, self._done = path, layout, done
        self._rejected: list[Rejected] = []
        names = [*layout.schema]
        self._reader: TableReader = opened_at(path, names, done)
        try:
            layout.of(cast("Any", self._reader.schema(names)))
        except BadRecord as error:
            self.close()
            raise SourceError(f"{path}: {error}") from error
        self._tables: Iterator[Table] = self._reader.tables(names, done, rows)

    def next_batch(self, maximum: int) -> list[Columns[M]]:
        batches, self._rejected, taken = list[Columns[M]](), [], 0
        begun = self._done
        try:
            while taken < maximum and self._done - begun < _ENOUGH and (table := next(self._tables, None)) is not None:
                taken += 1
                self._add(cast("Any", table), batches)
        except ArrowFault as error:
            raise SourceError(f"{self._path}, behind row {self._done}: reading failed: {error}") from error
        if not taken:
            raise EndOfPartition
        return batches

    def _add(self, table: Any, batches: list[Columns[M]]) -> None:  # Any: pyarrow has no types of its own
        first, self._done = self._done, self._done + table.num_rows
        try:
            batches.append(self._layout.of(table))
        except BadRecord as error:
            where = BadRecord(f"{self._path}, rows {first} to {self._done - 1}: {error}")
            self._rejected.append(Rejected(len(batches), {"path": str(self._path), "rows": [first, self._done]}, where))

    def position(self) -> Position:
        return self._done

    def rejected(self) -> Sequence[Rejected]:
        return self._rejected

    def close(self) -> None:
        self._tables = iter(())
        self._reader.close()
