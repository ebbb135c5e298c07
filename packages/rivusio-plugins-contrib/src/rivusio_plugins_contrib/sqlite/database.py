"""A SQLite database file: opened, looked at, and its errors told with what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rivusio_core import SinkError, SourceError
from rivusio_core.nearest import did_you_mean
from rivusio_plugins_contrib.rows import Column
from rivusio_plugins_contrib.tables.dialect import quoted

__all__ = ["Place", "is_locked"]

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


@dataclass(frozen=True)
class Place:
    """A table in a file.

    Attributes:
        path: the file.
        table: the table.
        wait: seconds to wait for another program that holds the file.
    """

    path: Path
    table: str
    wait: float

    def __str__(self) -> str:
        return f"{self.path}, table {self.table!r}"

    def connect(self, *, read_only: bool) -> sqlite3.Connection:
        """Open the file. It may be used from any thread, one at a time.

        Raises:
            sqlite3.Error: it cannot be opened.
        """
        # An absolute path: `:memory:` and the like are files here, as everywhere else.
        uri = f"{self.path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
        return sqlite3.connect(uri, uri=True, check_same_thread=False, timeout=self.wait, isolation_level=None)

    def missing(self, connection: sqlite3.Connection, columns: Sequence[Column]) -> str:
        """What the table lacks, told with what is there instead; nothing if all is there."""
        there = self.column_names(connection)
        if not there:
            found = connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')").fetchall()
            return f"there is no such table{_there([str(name) for (name,) in found], self.table)}"
        lower = {name.lower() for name in there}
        for column in columns:
            if column.name.lower() not in lower:
                return f"there is no column {column.name!r}{_there(there, column.name)}"
        return ""

    def column_names(self, connection: sqlite3.Connection, table: str | None = None) -> list[str]:
        """The columns of the table or another one, generated ones included; none if there is no such table."""
        query = f"PRAGMA main.table_xinfo({quoted(table or self.table)})"
        return [str(row[1]) for row in connection.execute(query)]

    def is_view(self, connection: sqlite3.Connection) -> bool:
        """Whether it is no table, but a query with a name."""
        kind = "SELECT type FROM sqlite_master WHERE name = ? COLLATE NOCASE AND type IN ('table', 'view')"
        return connection.execute(kind, (self.table,)).fetchall() == [("view",)]

    @contextmanager
    def failing(self, what: str, kind: type[SourceError | SinkError]) -> Generator[None, None, None]:
        """Tell errors of the database as ours.

        Raises:
            SourceError: or SinkError, as `kind` says.
        """
        try:
            yield
        except sqlite3.Error as error:
            raise kind(f"{self}: {what} failed: {error}{self._advice(error)}") from error
        except (OverflowError, ValueError) as error:  # a text that is no Unicode, a number that is too large
            raise kind(f"{self}: {what} failed: a value cannot be stored ({type(error).__name__})") from error

    def _advice(self, error: sqlite3.Error) -> str:
        text = str(error)
        if is_locked(error):
            return f"; another program held it for lock_timeout={self.wait:g} s: end it, or wait longer"
        if "ON CONFLICT" in text:
            return "; the table needs a primary key or unique index on the columns of key="
        if "not a database" in text:
            return "; check the path"
        if "readonly" in text or "unable to open" in text:
            return "; its folder must exist and be writable"
        if "constraint failed" in text:
            return "; the table's own rules forbid a row"
        return ""


def is_locked(error: sqlite3.Error) -> bool:
    """Another program holds the file just now."""
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode & 0xFF in _BUSY


def _there(names: Iterable[str], wanted: str) -> str:
    known = list(names)
    return did_you_mean(wanted, known) if known else "; there is none at all"
