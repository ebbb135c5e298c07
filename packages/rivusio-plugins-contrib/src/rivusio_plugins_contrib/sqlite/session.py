"""Writing to a table of a SQLite file."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rivusio_core import SinkError
from rivusio_plugins_contrib.rows import Column
from rivusio_plugins_contrib.sqlite.database import Place
from rivusio_plugins_contrib.sqlite.statements import DIALECT
from rivusio_plugins_contrib.tables.dialect import quoted
from rivusio_plugins_contrib.tables.session import Row, Session

__all__ = ["SqliteSession"]

_HELD, _ROW = "rivusio_held", "rivusio_row"


class SqliteSession(Session):
    """A connection to the file.

    Rows that wait for a checkpoint are held in a temporary table, which is no part of the file. So the file is locked
    for the commit alone: neither other programs nor the checkpoint store, which tidies up with a connection of its
    own, wait for longer than that.

    Args:
        place: the table; made where it is missing.
        columns: that it must have.
        key: which of them identify a row.

    Raises:
        SinkError: it cannot be opened, or is another table.
    """

    dialect = DIALECT

    def __init__(self, place: Place, columns: Sequence[Column], key: Sequence[str]) -> None:
        self._place, self.place, self._key = place, str(place), key
        self._names = [column.name for column in columns]
        self._held: int | None = None
        """Rows in the table of held ones; None: there is no such table."""
        with self._failing("opening"):
            self._connection = place.connect(read_only=False)
        try:
            with self.transaction("opening"):
                self._prepare(columns)
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self, columns: Sequence[Column]) -> None:
        place, connection = self._place, self._connection
        connection.execute(DIALECT.create(place.table, columns, self._key))
        missing = place.missing(connection, columns)
        if missing:
            advice = "the table was made for another model: change it, or write to another one"
            raise SinkError(f"{place}: {missing}; {advice}".replace("?;", "?"))
        # Says now, and not at the first row, that the table lacks the key.
        statement = DIALECT.insert(place.table, self._names, self._key)
        connection.execute(f"EXPLAIN {statement}", [None] * len(columns))

    def run(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with self._failing("writing"):
            return self._connection.execute(statement, tuple(values)).fetchall()

    def load(self, table: str, names: Sequence[str], rows: Sequence[Row], key: Sequence[str]) -> None:
        with self._failing("writing"):
            self._connection.executemany(DIALECT.insert(table, names, key), rows)

    @contextmanager
    def transaction(self, what: str = "writing") -> Generator[None, None, None]:
        connection = self._connection
        with self._failing(what):
            connection.execute("BEGIN IMMEDIATE")  # waits for its turn here, and not in the middle
            try:
                yield
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:  # a full disk has ended it already
                    connection.execute("ROLLBACK")
                raise

    def columns(self, table: str) -> Mapping[str, str]:
        # SQLite holds any value in any column, and has names of its own for the types of copied ones.
        return dict.fromkeys(self._place.column_names(self._connection, table), "")

    def guard(self) -> None:
        """A transaction locks the file."""

    def hold(self, rows: Sequence[Row]) -> None:
        with self._failing("writing"):
            connection = self._connection
            names = [_ROW, *self._names]
            if self._held is None:
                columns = ", ".join(map(quoted, names))
                connection.execute(f"CREATE TEMP TABLE {_HELD} ({columns})")  # without types: values stay as they are
                self._held = 0
            numbered = [(at, *row) for at, row in enumerate(rows, self._held)]
            connection.execute("BEGIN")
            connection.executemany(DIALECT.insert(_HELD, names, ()), numbered)
            connection.execute("COMMIT")
            self._held += len(rows)

    def commit(self, rows: Sequence[Row], put: Callable[[Any], None]) -> None:
        with self.transaction("committing"):
            if self._held:
                move = DIALECT.move(_HELD, self._place.table, self._names, self._key, (), _ROW)
                self._connection.execute(move)
                self._connection.execute(f"DELETE FROM {_HELD}")
            self.load(self._place.table, self._names, rows, self._key)
            put(self._connection)

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def _failing(self, what: str) -> Generator[None, None, None]:
        with self._place.failing(what, SinkError):
            yield
