"""A table of a SQLite database, to read and to write."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Generic, TypeVar

from rivusio_core import ConfigError, Duration, Fault, SourceError
from rivusio_core.duration import seconds
from rivusio_core.nearest import did_you_mean
from rivusio_core.policy.options import OnError
from rivusio_plugins_contrib.members import text_of
from rivusio_plugins_contrib.rows import Rows
from rivusio_plugins_contrib.sqlite.database import Place
from rivusio_plugins_contrib.sqlite.reading import TablePartition
from rivusio_plugins_contrib.sqlite.session import SqliteSession
from rivusio_plugins_contrib.tables.sink import TableSink
from rivusio_streams.connectors.lines import path_of
from rivusio_streams.source import Partition, Position, Source

__all__ = ["SqliteTable"]

T = TypeVar("T")


class SqliteTable(Source[T], TableSink[T], Generic[T]):
    """A table of a SQLite database file.

    Reading goes by row id and is seekable: a position is the id of the last row read. So rows that are added while or
    after reading are found if their ids are higher, which they are unless the last rows were deleted. Views and tables
    `WITHOUT ROWID` cannot be read.

    Writing creates the table where it is missing, and writes in transactions of up to 1,000 rows; what was flushed is
    on the disk. With `key`, a row replaces the one with the same key, so that writing it again leaves no trace.

    In a run with checkpoints, every row is there once, whatever happens: rows and checkpoint are one transaction where
    the checkpoints are kept in the same file and there is no other sink. Elsewhere, rows without a key wait in a table
    `rivusio_staged_...` of the same file until a checkpoint has them, and rows with a key are written at once.

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
        >>> SqliteTable("shop.db", "orders", Order).commit
        'transactional'
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
        super().__init__(table, (key,) if isinstance(key, str) else tuple(key or ()), Rows(model, owner))
        self.path, self.model, self.on_error = path_of(path, owner), model, on_error
        self._place = Place(self.path, table, seconds(lock_timeout, "lock_timeout"))
        faults = list(self._faults())
        if faults:
            raise ConfigError(owner, faults=faults)

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

    @property
    def database(self) -> str:
        return f"sqlite:{self.path.resolve()}"

    @property
    def _where(self) -> str:
        return str(self._place)

    def _connect(self) -> SqliteSession:
        return SqliteSession(self._place, self._rows.columns, self.key)

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
