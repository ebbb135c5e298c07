"""A table of a SQLite database, to read and to write."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from difflib import get_close_matches
from os import PathLike
from pathlib import Path
from typing import Generic, TypeVar

from rivusio_core import BadRecord, ConfigError, SinkError, SourceError
from rivusio_core.policy.options import OnError
from rivusio_plugins_contrib.rows import Rows
from rivusio_plugins_contrib.sqlite import statements
from rivusio_streams.sink import Commit, Sink
from rivusio_streams.source import EndOfPartition, Partition, Position, Rejected, Source

__all__ = ["SqliteTable"]

T = TypeVar("T")

_BUFFERED = 1_000
"""Rows that wait for one transaction at most: a transaction for every few rows would mean a disk sync for every few."""
_LOCKED_SECONDS = 30.0
_SMALLEST_ROWID, _LARGEST_ROWID = -(2**63), 2**63 - 1


class SqliteTable(Source[T], Sink[T], Generic[T]):
    """A table of a SQLite database file.

    Reading goes by row id and is seekable: a position is the id of the last row read. Tables `WITHOUT ROWID` cannot be
    read. Writing creates the table where it is missing, and writes in transactions of up to 1,000 rows; with `key`, a
    row replaces the one with the same key, so that writing it again leaves no trace.

    Numbers, texts, bytes and booleans are stored as such; dates, times and decimals as ISO 8601 and decimal text;
    nested models, lists and mappings as JSON text.

    Args:
        path: the database file.
        table: the table's name.
        model: the type of a row: a pydantic model, a dataclass or a TypedDict.
        key: the column, or columns, that identify a row.
        on_error: what becomes of a row that is no such item: `"fail"`, `"skip"` or `"dead_letter"`.

    Raises:
        ConfigError: the table's name is none, the model has no fields, or no field is called like a key.

    Example:
        >>> from pydantic import BaseModel
        >>> class Order(BaseModel):
        ...     id: int
        ...     user: str
        >>> SqliteTable("shop.db", "orders", Order, key="id").commit
        'keyed'
    """

    replay = "seekable"

    def __init__(
        self,
        path: str | PathLike[str],
        table: str,
        model: type[T],
        key: str | Sequence[str] | None = None,
        *,
        on_error: OnError = "fail",
    ) -> None:
        self.path, self.table, self.model, self.on_error = Path(path), table, model, on_error
        self.key: tuple[str, ...] = (key,) if isinstance(key, str) else tuple(key or ())
        self.commit: Commit = "keyed" if self.key else "append"
        statements.quoted(table)
        self._rows = Rows(model, f"SqliteTable {table!r}")
        known = [column.name for column in self._rows.columns]
        for name in self.key:
            if name not in known:
                raise ConfigError(f"SqliteTable {table!r}: key {name!r} is no field{_near(name, known)}")
        self._connection: sqlite3.Connection | None = None
        self._buffer: list[tuple[object, ...]] = []

    @property
    def step_name(self) -> str:
        return self.table

    # ----------------------------------------------------------------------------------------------- as a source

    def open_partition(self, partition: str, position: Position | None) -> Partition[T]:
        if position is not None and not isinstance(position, int):
            raise SourceError(f"{self._where()}: {position!r} is no position of this table; it is a row id")
        if not self.path.exists():
            raise SourceError(f"{self.path} does not exist; check the path")
        try:
            connection = sqlite3.connect(
                f"{self.path.resolve().as_uri()}?mode=ro", uri=True, check_same_thread=False, timeout=_LOCKED_SECONDS
            )
        except sqlite3.Error as error:
            raise SourceError(f"{self.path} cannot be opened: {error}; check the path and its permissions") from error
        opened = _RowsAfter(connection, self._where(), self.table, self._rows, position)
        try:
            opened.check()
        except BaseException:
            opened.close()
            raise
        return opened

    # ------------------------------------------------------------------------------------------------- as a sink

    def open(self) -> None:
        self._buffer = []
        with self._failing("opening"):
            self._connection = sqlite3.connect(self.path, check_same_thread=False, timeout=_LOCKED_SECONDS)
            with self._connection as connection:
                connection.execute(statements.create(self.table, self._rows.columns, self.key))
                statement = statements.insert(self.table, self._rows.columns, self.key)
                connection.execute(f"EXPLAIN {statement}", [None] * len(self._rows.columns))

    def write(self, batch: Sequence[T]) -> None:
        self._buffer += [self._rows.encode(item) for item in batch]
        if len(self._buffer) >= _BUFFERED:
            self.flush()

    def flush(self) -> None:
        if self._connection is None:
            raise SinkError(f"{self._where()} is not open")
        if self._buffer:
            with self._failing("writing"), self._connection as connection:
                connection.executemany(statements.insert(self.table, self._rows.columns, self.key), self._buffer)
            self._buffer = []

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextmanager
    def _failing(self, what: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise SinkError(f"{self._where()}: {what} failed: {error}{_advice(error)}") from error

    # ------------------------------------------------------------------------------------------------ as a value

    def _where(self) -> str:
        return f"{self.path}, table {self.table!r}"

    def _value(self) -> tuple[object, ...]:
        return (self.path, self.table, self.model, self.key, self.on_error)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SqliteTable) and self._value() == other._value()

    def __hash__(self) -> int:
        return hash(self._value())

    def __repr__(self) -> str:
        key = f", key={self.key!r}" if self.key else ""
        return f"SqliteTable({str(self.path)!r}, {self.table!r}, {getattr(self.model, '__name__', self.model)}{key})"


class _RowsAfter(Partition[T], Generic[T]):
    def __init__(self, connection: sqlite3.Connection, where: str, table: str, rows: Rows[T], last: int | None) -> None:
        self._connection, self._where, self._table, self._rows, self._last = connection, where, table, rows, last
        self._statement = statements.select(table, rows.columns)
        self._rejected: list[Rejected] = []

    def check(self) -> None:
        """Refuse a table that is missing, or lacks columns.

        Raises:
            SourceError: naming what is there instead.
        """
        with self._failing():
            listed = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"
            tables = [name for (name,) in self._connection.execute(listed)]
            if self._table not in tables:
                raise SourceError(f"{self._where}: there is no such table{_near(self._table, tables)}")
            info = self._connection.execute(f"PRAGMA table_info({statements.quoted(self._table)})")
            there = [str(row[1]) for row in info]
            for column in self._rows.columns:
                if column.name not in there:
                    raise SourceError(f"{self._where}: there is no column {column.name!r}{_near(column.name, there)}")

    def next_batch(self, maximum: int) -> list[T]:
        with self._failing(), closing(self._after(maximum)) as cursor:
            found = cursor.fetchall()
        if not found:
            raise EndOfPartition
        items, self._rejected = list[T](), []
        names = [column.name for column in self._rows.columns]
        for rowid, *values in found:
            row = dict(zip(names, values, strict=True))
            try:
                items.append(self._rows.decode(row, f"{self._where}, row {rowid}"))
            except BadRecord as error:
                self._rejected.append(Rejected(len(items), row, error))
        self._last = found[-1][0]
        return items

    def _after(self, maximum: int) -> sqlite3.Cursor:
        if self._last == _LARGEST_ROWID:
            return self._connection.execute(self._statement, (_LARGEST_ROWID, 0))
        first = _SMALLEST_ROWID if self._last is None else self._last + 1
        return self._connection.execute(self._statement, (first, maximum))

    def position(self) -> Position:
        return self._last

    def rejected(self) -> Sequence[Rejected]:
        return self._rejected

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise SourceError(f"{self._where}: reading failed: {error}{_advice(error)}") from error


def _near(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name, known, n=1)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; there are {', '.join(known)}" if known else "; there is none at all"


def _advice(error: sqlite3.Error) -> str:
    text = str(error)
    if "locked" in text:
        return f"; another program held it for {_LOCKED_SECONDS:.0f} s"
    if "ON CONFLICT" in text:
        return "; the table needs a primary key or unique index on the columns of key="
    if "has no column" in text:
        return "; the table was made for another model: change the table, or write to another one"
    if "not a database" in text:
        return "; check the path"
    if "readonly" in text or "unable to open" in text:
        return "; its folder must exist and be writable"
    return ""
