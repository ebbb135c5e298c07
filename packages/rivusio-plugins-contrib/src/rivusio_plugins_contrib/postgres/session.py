"""Writing to a table of PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from rivusio_core import SinkError
from rivusio_core.nearest import did_you_mean
from rivusio_plugins_contrib.postgres.server import Connection, Server
from rivusio_plugins_contrib.postgres.statements import DIALECT
from rivusio_plugins_contrib.rows import Column
from rivusio_plugins_contrib.tables.dialect import quoted
from rivusio_plugins_contrib.tables.session import Row, Session

__all__ = ["PostgresSession", "columns_of", "missing"]


class PostgresSession(Session):
    """A connection to the server.

    Rows that wait for a checkpoint are written in a transaction that is open until then.

    Args:
        server: the database.
        where: the table, for messages.
        table: its name; made where it is missing.
        columns: that it must have.
        key: which of them identify a row.

    Raises:
        SinkError: it cannot be opened, or is another table.
    """

    dialect = DIALECT

    def __init__(self, server: Server, where: str, table: str, columns: Sequence[Column], key: Sequence[str]) -> None:
        self._server, self.place, self._table, self._key = server, where, table, key
        self._names = [column.name for column in columns]
        self._numbers = {column.name for column in columns if column.kind == "number"}
        self._held = False
        with self._failing("connecting"):
            self._connection: Connection = server.connect()
        try:
            with self.transaction("opening"):
                self.guard()
                self._prepare(columns)
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self, columns: Sequence[Column]) -> None:
        connection = self._connection
        if not columns_of(connection, self._table):  # it may be there, and we may not be allowed to make one
            connection.execute(DIALECT.create(self._table, columns, self._key))
        lacking = missing(connection, self._table, columns)
        if lacking:
            advice = "the table was made for another model: change it, or write to another one"
            raise SinkError(f"{self.place}: {lacking}; {advice}".replace("?;", "?"))
        # Says now, and not at the first row, that the table lacks the key.
        statement = DIALECT.insert(self._table, self._names, self._key)
        connection.execute(f"EXPLAIN {statement}", [None] * len(columns))

    def run(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with self._failing("writing"):
            cursor = self._connection.execute(statement, tuple(values))
            return cursor.fetchall() if cursor.description else []

    def load(self, table: str, names: Sequence[str], rows: Sequence[Row], key: Sequence[str]) -> None:
        rows = self._adapted(names, rows)
        with self._failing("writing"), self._connection.cursor() as cursor:
            if key:
                cursor.executemany(DIALECT.insert(table, names, key), rows)
                return
            columns = ", ".join(map(quoted, names))
            with cursor.copy(f"COPY {quoted(table)} ({columns}) FROM STDIN") as copy:  # quoted
                for row in rows:
                    copy.write_row(row)

    def _adapted(self, names: Sequence[str], rows: Sequence[Row]) -> Sequence[Row]:
        at = {index for index, name in enumerate(names) if name in self._numbers}
        return (
            [tuple(_number(value) if index in at else value for index, value in enumerate(row)) for row in rows]
            if at
            else rows
        )

    @contextmanager
    def transaction(self, what: str = "writing") -> Generator[None, None, None]:
        with self._failing(what):
            self._connection.execute("BEGIN")
            try:
                yield
                self._commit()
            except BaseException:
                self._roll_back()
                raise

    def _commit(self) -> None:
        done = self._connection.execute("COMMIT").statusmessage
        if done != "COMMIT":  # an error before it has undone the transaction
            raise SinkError(f"{self.place}: committing failed: the transaction was rolled back")

    def _roll_back(self) -> None:
        import psycopg

        try:
            self._connection.execute("ROLLBACK")
        except psycopg.Error:  # the connection is gone, and the transaction with it
            self._connection.close()

    def columns(self, table: str) -> Mapping[str, str]:
        with self._failing("looking at the table"):
            return columns_of(self._connection, table)

    def guard(self) -> None:
        with self._failing("locking"):  # making a table that another connection is making is an error
            self._connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", ["rivusio tables"])

    def hold(self, rows: Sequence[Row]) -> None:
        with self._failing("writing"):
            if not self._held:
                self._connection.execute("BEGIN")
                self._held = True
        self.load(self._table, self._names, rows, self._key)

    def commit(self, rows: Sequence[Row], put: Callable[[Any], None]) -> None:
        with self._failing("committing"):
            try:
                self.hold(rows)
                put(self._connection)
                self._commit()
            except BaseException:
                self._roll_back()
                raise
            finally:
                self._held = False

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def _failing(self, what: str) -> Generator[None, None, None]:
        with self._server.failing(self.place, what, SinkError):
            yield


def columns_of(connection: Connection, table: str) -> Mapping[str, str]:
    """The columns of a table with their types; none if there is no such table."""
    query = (
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
        "WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
    )
    return {str(name): str(kind) for name, kind in connection.execute(query, [quoted(table)])}


def missing(connection: Connection, table: str, columns: Iterable[Column]) -> str:
    """What the table lacks, told with what is there instead; nothing if all is there."""
    there = columns_of(connection, table)
    if not there:
        query = "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_table_is_visible(oid)"
        known = [str(name) for (name,) in connection.execute(f"{query} AND relnamespace <> 'pg_catalog'::regnamespace")]
        return f"there is no such table{did_you_mean(table, known)}"
    for column in columns:
        if column.name not in there:
            return f"there is no column {column.name!r}{did_you_mean(column.name, there)}"
    return ""


def _number(value: object) -> object:
    """A float as all of its digits: as a number of eight bytes it would be given to NUMERIC with fewer."""
    if not isinstance(value, float):
        return value
    # A whole one may be read as an integer, which must be equal: the shortest digits would be another one.
    return Decimal(value) if value.is_integer() else Decimal(repr(value))
