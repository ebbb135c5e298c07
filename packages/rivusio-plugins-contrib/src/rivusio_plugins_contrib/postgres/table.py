"""A table of PostgreSQL, to read and to write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from pydantic import SecretStr

from rivusio_core import ConfigError, Fault, SourceError
from rivusio_core.nearest import did_you_mean
from rivusio_core.policy.options import OnError
from rivusio_plugins_contrib.members import text_of
from rivusio_plugins_contrib.postgres.reading import TablePartition
from rivusio_plugins_contrib.postgres.server import Server
from rivusio_plugins_contrib.postgres.session import PostgresSession
from rivusio_plugins_contrib.postgres.statements import checked
from rivusio_plugins_contrib.rows import Rows
from rivusio_plugins_contrib.tables.sink import TableSink
from rivusio_streams.source import Partition, Position, Source

__all__ = ["PostgresTable"]

T = TypeVar("T")


class PostgresTable(Source[T], TableSink[T], Generic[T]):
    """A table of a PostgreSQL database.

    Reading goes in the order of one column, which is unique and never NULL, and is seekable: a position is its value in
    the last row read. Rows that are added while or after reading are found if their values are higher; so a row whose
    number was drawn before that of another one, and committed after it was read, is not found.

    Writing creates the table where it is missing, and writes by `COPY`, in transactions of up to 1,000 rows. With `key`
    a row replaces the one with the same key, so that writing it again leaves no trace.

    In a run with checkpoints, every row is there once, whatever happens: rows and checkpoint are one transaction where
    the checkpoints are kept in the same database (`checkpoint="postgresql://..."` with the same connection string) and
    there is no other sink. Elsewhere, rows without a key wait in a table `rivusio_staged_...` beside it until a
    checkpoint has them, and rows with a key are written at once.

    Columns are named like the fields, or like their serialisation aliases. In a table that is made here, integers are
    BIGINT, floats DOUBLE PRECISION, nested models, lists and mappings JSON, moments and everything else TEXT. A table
    that is there may have other types that take the same texts: `timestamptz`, `date`, `numeric`, `uuid`, `jsonb`.

    Args:
        dsn: a connection string of libpq: `"postgresql://user@host:5432/shop"`, or `"host=... dbname=..."`. Passwords
            are best left to `PGPASSWORD` or `~/.pgpass`; one that is given is never shown.
        table: the table's name, as it is, in a schema of the search path.
        model: the type of a row: a pydantic model, a dataclass or a TypedDict.
        key: the column, or columns, that identify a row.
        order_by: the column to read by; the key, if that is one column.
        on_error: what becomes of a row that is no such item: `"fail"`, `"skip"` or `"dead_letter"`.

    Raises:
        ConfigError: connection string or a name cannot be, the model has no fields or one that cannot be stored (a
            secret, bytes inside a nested model), a key is no column or may be None, or psycopg is not installed (extra
            `postgres`).

    Example:
        >>> from pydantic import BaseModel
        >>> class Order(BaseModel):
        ...     id: int
        ...     user: str
        >>> PostgresTable("postgresql://ann:secret@db:5432/shop", "orders", Order, key="id")
        PostgresTable('postgresql://ann@db:5432/shop', 'orders', Order, key=('id',))
    """

    replay = "seekable"
    _nul = False

    def __init__(
        self,
        dsn: str | SecretStr,
        table: str,
        model: type[T],
        key: str | Sequence[str] | None = None,
        *,
        order_by: str | None = None,
        on_error: OnError = "fail",
    ) -> None:
        owner = f"PostgresTable {table!r}"
        super().__init__(table, (key,) if isinstance(key, str) else tuple(key or ()), Rows(model, owner))
        self.model, self.on_error = model, on_error
        self.order_by = order_by or (self.key[0] if len(self.key) == 1 else None)
        self._dsn = dsn if isinstance(dsn, SecretStr) else SecretStr(dsn)
        self._server = Server(dsn, owner)
        faults = list(self._faults())
        if faults:
            raise ConfigError(owner, faults=faults)

    def _faults(self) -> list[Fault]:
        faults = list[Fault]()
        known = {column.name: column for column in self._rows.columns}
        for name, path in [(self.table, "table"), *((each, "model") for each in known)]:
            if not name or "\0" in name:
                faults.append(Fault(f"{name!r} is no name for a table or column", path))
            else:
                try:
                    checked(name)
                except ConfigError as error:
                    faults.append(Fault(str(error), path))
        for name in self.key:
            if name not in known:
                faults.append(Fault(f"{name!r} is no column{did_you_mean(name, known)}", "key"))
            elif known[name].optional:
                # To SQL, no two NULLs are equal.
                faults.append(Fault(f"{name!r} may be None, and rows without a key would be added each time", "key"))
        return faults

    @property
    def step_name(self) -> str:
        return self.table

    # ----------------------------------------------------------------------------------------------- as a source

    def open_partition(self, partition: str, position: Position | None) -> Partition[T]:
        if self.order_by is None:
            raise SourceError(f"{self._where}: say which column to read by: order_by= a unique one that is never NULL")
        if position is not None and (not isinstance(position, int | str) or isinstance(position, bool)):
            raise SourceError(f"{self._where}: {position!r} is no position of this table; it is a value of a column")
        return TablePartition(self._server, self._where, self.table, self._rows, self.order_by, position)

    # ------------------------------------------------------------------------------------------------- as a sink

    @property
    def database(self) -> str:
        return self._server.database

    @property
    def _where(self) -> str:
        return f"{self._server.shown}, table {self.table!r}"

    def _connect(self) -> PostgresSession:
        return PostgresSession(self._server, self._where, self.table, self._rows.columns, self.key)

    # ------------------------------------------------------------------------------------------------ as a value

    def _value(self) -> tuple[object, ...]:
        return (self._dsn, self.table, self.model, self.key, self.order_by, self.on_error)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PostgresTable) and self._value() == other._value()

    def __hash__(self) -> int:
        return hash(self._value())

    def __repr__(self) -> str:
        key = f", key={self.key!r}" if self.key else ""
        order = f", order_by={self.order_by!r}" if self.order_by and self.key != (self.order_by,) else ""
        return f"PostgresTable({self._server.shown!r}, {self.table!r}, {text_of(self.model)}{key}{order})"
