"""A table of a SQLite database, to read and to write."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from os import PathLike
from typing import Generic, TypeVar

from rivusio_core import ConfigError, Duration, Fault, SinkError, SourceError
from rivusio_core.duration import seconds
from rivusio_core.nearest import did_you_mean
from rivusio_core.policy.options import OnError
from rivusio_plugins_contrib.members import text_of
from rivusio_plugins_contrib.rows import Rows
from rivusio_plugins_contrib.sqlite import statements
from rivusio_plugins_contrib.sqlite.database import Place
from rivusio_plugins_contrib.sqlite.reading import TablePartition
from rivusio_streams.connectors.lines import path_of
from rivusio_streams.sink import Commit, Sink
from rivusio_streams.source import Partition, Position, Source

__all__ = ["SqliteTable"]

T = TypeVar("T")

_BUFFERED = 1_000
"""Rows that wait for one transaction at most: a transaction for every few rows would mean a disk sync for every few."""


class SqliteTable(Source[T], Sink[T], Generic[T]):
    """A table of a SQLite database file.

    Reading goes by row id and is seekable: a position is the id of the last row read. So rows that are added while or
    after reading are found if their ids are higher, which they are unless the last rows were deleted. Views and tables
    `WITHOUT ROWID` cannot be read.

    Writing creates the table where it is missing, and writes in transactions of up to 1,000 rows; what was flushed is
    on the disk. With `key`, a row replaces the one with the same key, so that writing it again leaves no trace
    (`commit` is `"keyed"`, else `"append"`).

    Columns are named like the fields, or like their serialisation aliases. Integers, floats, texts, bytes and booleans
    are stored as such; moments as ISO 8601 of one width, in UTC where they have a time zone, so that they sort; dates,
    durations and decimals as text; nested models, lists and mappings as JSON text. NaN is refused: SQLite would make
    it NULL.

    Args:
        path: the database file.
        table: the table's name.
        model: the type of a row: a pydantic model, a dataclass or a TypedDict.
        key: the column, or columns, that identify a row.
        on_error: what becomes of a row that is no such item: `"fail"`, `"skip"` or `"dead_letter"`.
        lock_timeout: how long to wait for another program that holds the file.

    Raises:
        ConfigError: path or table name cannot be, the model has no fields or one that cannot be stored (a secret,
            bytes inside a nested model), or a key is no column or may be None.

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
        lock_timeout: Duration = "30s",
    ) -> None:
        owner = f"SqliteTable {table!r}"
        self.path, self.table, self.model, self.on_error = path_of(path, owner), table, model, on_error
        self.key: tuple[str, ...] = (key,) if isinstance(key, str) else tuple(key or ())
        # "transactional" follows when the contract has the methods that go with it: positions in the same transaction.
        self.commit: Commit = "keyed" if self.key else "append"
        self._rows = Rows(model, owner)
        self._place = Place(self.path, table, seconds(lock_timeout, "lock_timeout"))
        faults = list(self._faults())
        if faults:
            raise ConfigError(owner, faults=faults)
        self._connection: sqlite3.Connection | None = None
        self._buffer: list[tuple[object, ...]] = []

    def _faults(self) -> list[Fault]:
        faults = list[Fault]()
        if str(self.path) == ":memory:":
            faults.append(Fault("a database in memory is gone when the run has ended; give a file", "path"))
        if not self.table or "\0" in self.table:
            faults.append(Fault(f"{self.table!r} is no name for a table", "table"))
        if self._place.wait < 0:
            faults.append(Fault("must be 0 or longer", "lock_timeout"))
        known = {column.name: column for column in self._rows.columns}
        for name in self.key:
            if name not in known:
                faults.append(Fault(f"{name!r} is no column{did_you_mean(name, known)}", "key"))
            elif known[name].optional:
                # To SQLite, no two NULLs are equal.
                faults.append(Fault(f"{name!r} may be None, and rows without a key would be added each time", "key"))
        return faults

    @property
    def step_name(self) -> str:
        return self.table

    # ----------------------------------------------------------------------------------------------- as a source

    def open_partition(self, partition: str, position: Position | None) -> Partition[T]:
        if position is not None and (not isinstance(position, int) or isinstance(position, bool)):
            raise SourceError(f"{self._place}: {position!r} is no position of this table; it is a row id")
        return TablePartition(self._place, self._rows, position)

    # ------------------------------------------------------------------------------------------------- as a sink

    def open(self) -> None:
        self._buffer = []
        columns, place = self._rows.columns, self._place
        with place.failing("opening", SinkError):
            self._connection = connection = place.connect(read_only=False)
            with connection:
                connection.execute(statements.create(self.table, columns, self.key))
                missing = place.missing(connection, columns)
                if missing:
                    advice = "the table was made for another model: change it, or write to another one"
                    raise SinkError(f"{place}: {missing}; {advice}".replace("?;", "?"))
                # Says now, and not at the first row, that the table lacks the key.
                statement = statements.insert(self.table, columns, self.key)
                connection.execute(f"EXPLAIN {statement}", [None] * len(columns))

    def write(self, batch: Sequence[T]) -> None:
        for item in batch:
            try:
                self._buffer.append(self._rows.encode(item))
            except ValueError as error:
                raise SinkError(f"{self._place}: {error}") from error
        if len(self._buffer) >= _BUFFERED:
            self.flush()

    def flush(self) -> None:
        if self._connection is None:
            raise SinkError(f"{self._place} is not open")
        if self._buffer:
            with self._place.failing("writing", SinkError), self._connection as connection:
                connection.executemany(statements.insert(self.table, self._rows.columns, self.key), self._buffer)
            self._buffer = []

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # ------------------------------------------------------------------------------------------------ as a value

    def _value(self) -> tuple[object, ...]:
        return (self.path, self.table, self.model, self.key, self.on_error, self._place)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SqliteTable) and self._value() == other._value()

    def __hash__(self) -> int:
        return hash(self._value())

    def __repr__(self) -> str:
        key = f", key={self.key!r}" if self.key else ""
        return f"SqliteTable({str(self.path)!r}, {self.table!r}, {text_of(self.model)}{key})"
