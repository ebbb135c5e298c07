"""Reading a table by row id."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Generic, TypeVar

from rivusio_core import BadRecord, SourceError
from rivusio_plugins_contrib.rows import Rows
from rivusio_plugins_contrib.sqlite import statements
from rivusio_plugins_contrib.sqlite.database import Place, is_locked
from rivusio_streams.source import EndOfPartition, Partition, Position, Rejected

__all__ = ["TablePartition"]

T = TypeVar("T")

_PATIENCE = 0.25
"""Seconds that one call waits for a locked file: the run must be able to stop between calls."""
_COPY = "copy what you need into a plain table and read that"
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1


class TablePartition(Partition[T], Generic[T]):
    """The rows of a table behind a row id.

    Args:
        place: the table.
        rows: what its rows are.
        last: the row id behind which to begin; None: from the first row.

    Raises:
        SourceError: the file, the table or a column is not there, or its rows have no ids.
    """

    def __init__(self, place: Place, rows: Rows[T], last: int | None) -> None:
        self._place, self._rows, self._last = place, rows, last
        self._rejected: list[Rejected] = []
        self._names = [column.name for column in rows.columns]
        self._waited = 0.0
        if not place.path.exists():
            raise SourceError(f"{place}: the file does not exist; check the path")
        with place.failing("opening", SourceError):
            self._connection = place.connect(read_only=True)
        try:
            self._statement = self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self) -> str:
        connection, place = self._connection, self._place
        with place.failing("opening", SourceError):
            missing = place.missing(connection, self._rows.columns)
            if missing:
                raise SourceError(f"{place}: {missing}")
            if place.is_view(connection):  # SQLite may give its rows ids all the same: NULL, or those of any table
                raise SourceError(f"{place}: it is a view, whose rows have no row ids; {_COPY}")
            taken = {name.lower() for name in place.column_names(connection)}
            row_id = next((name for name in ("rowid", "oid", "_rowid_") if name not in taken), None)
            if row_id is None:
                raise SourceError(f"{place}: columns have taken all names of the row id; rename rowid, oid or _rowid_")
            statement = statements.select(place.table, self._rows.columns, row_id)
            self._patience = min(_PATIENCE, place.wait)
            connection.execute(f"PRAGMA busy_timeout = {round(self._patience * 1_000)}")
            try:
                connection.execute(statement, (_LARGEST, 0))
            except sqlite3.OperationalError as error:
                if "no such column" in str(error):
                    raise SourceError(f"{place}: it was made WITHOUT ROWID: it has no row ids; {_COPY}") from error
                raise
        return statement

    def next_batch(self, maximum: int) -> list[T]:
        self._rejected = []
        with self._place.failing("reading", SourceError):
            try:
                found = self._after(maximum)
            except sqlite3.OperationalError as error:
                self._waited += self._patience
                if is_locked(error) and self._waited < self._place.wait:
                    return []  # it will be asked again
                raise
        self._waited = 0.0
        if not found:
            raise EndOfPartition
        items = list[T]()
        for row_id, *values in found:
            row = dict(zip(self._names, values, strict=True))
            try:
                items.append(self._rows.decode(row, f"{self._place}, row {row_id}"))
            except BadRecord as error:
                self._rejected.append(Rejected(len(items), row, error))
        self._last = found[-1][0]
        return items

    def _after(self, maximum: int) -> list[tuple[int, *tuple[object, ...]]]:
        if self._last == _LARGEST:
            return []
        first = _SMALLEST if self._last is None else self._last + 1
        return self._connection.execute(self._statement, (first, maximum)).fetchall()

    def position(self) -> Position:
        return self._last

    def rejected(self) -> Sequence[Rejected]:
        return self._rejected

    def close(self) -> None:
        self._connection.close()
