"""Reading a table in the order of a column."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Generic, TypeVar

from rivusio_core import BadRecord, SourceError
from rivusio_plugins_contrib.postgres.server import Connection, Server
from rivusio_plugins_contrib.postgres.session import missing
from rivusio_plugins_contrib.postgres.statements import select
from rivusio_plugins_contrib.rows import Column, Rows
from rivusio_plugins_contrib.tables.dialect import quoted
from rivusio_streams.source import EndOfPartition, Partition, Position, Rejected

__all__ = ["TablePartition"]

T = TypeVar("T")

_ORDERED = """
SELECT a.attnotnull, format_type(a.atttypid, NULL), EXISTS (
    SELECT 1 FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisunique AND i.indisvalid AND i.indimmediate
    AND i.indpred IS NULL AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum)
FROM pg_attribute a WHERE a.attrelid = to_regclass($1) AND a.attname = $2 AND a.attnum > 0 AND NOT a.attisdropped
"""


class TablePartition(Partition[T], Generic[T]):
    """The rows of a table behind a value of a column.

    Args:
        server: the database.
        where: the table, for messages.
        table: its name.
        rows: what its rows are.
        order_by: the column.
        last: the value behind which to begin, as text; None: from the first row.

    Raises:
        SourceError: the server, the table or a column is not there, or the column is not unique.
    """

    def __init__(self, server: Server, where: str, table: str, rows: Rows[T], order_by: str, last: Position) -> None:
        self._server, self._where, self._table, self._rows, self._last = server, where, table, rows, last
        self._order = order_by
        self._rejected: list[Rejected] = []
        self._names = [column.name for column in rows.columns]
        self._numbers = [column.name for column in rows.columns if column.kind == "number"]
        with server.failing(where, "connecting", SourceError):
            self._connection: Connection = server.connect()
        try:
            with server.failing(where, "opening", SourceError):
                self._whole = self._check(rows.columns)
        except BaseException:
            self._connection.close()
            raise

    def _check(self, columns: Sequence[Column]) -> bool:
        """Whether the column holds integers."""
        lacking = missing(self._connection, self._table, columns)
        if lacking:
            raise SourceError(f"{self._where}: {lacking}")
        found = self._connection.execute(_ORDERED, [quoted(self._table), self._order]).fetchone()
        if found is None:
            raise SourceError(f"{self._where}: there is no column {self._order!r} to order by")
        not_null, kind, unique = found
        if not (not_null and unique):
            raise SourceError(
                f"{self._where}: column {self._order!r} cannot be ordered by: it must be NOT NULL and have a unique "
                "index of its own, or rows would be left out"
            )
        return kind in ("smallint", "integer", "bigint")

    def next_batch(self, maximum: int) -> list[T]:
        self._rejected = []
        statement = select(self._table, self._rows.columns, self._order, first=self._last is None)
        values: list[object] = [maximum] if self._last is None else [maximum, self._last]
        with self._server.failing(self._where, "reading", SourceError):
            found = self._connection.execute(statement, values).fetchall()
        if not found:
            raise EndOfPartition
        items = list[T]()
        for place, *read in found:
            row = dict(zip(self._names, read, strict=True))
            for name in self._numbers:
                row[name] = _number(row[name])
            try:
                items.append(self._rows.decode(row, f"{self._where}, row with {self._order} {place}"))
            except BadRecord as error:
                self._rejected.append(Rejected(len(items), row, error))
        last = found[-1][0]
        self._last = int(last) if self._whole else last
        return items

    def position(self) -> Position:
        return self._last

    def rejected(self) -> Sequence[Rejected]:
        return self._rejected

    def close(self) -> None:
        self._connection.close()


def _number(value: object) -> object:
    if not isinstance(value, Decimal):
        return value
    return (
        int(value) if value.is_finite() and value == value.to_integral_value() and abs(value) < 2**63 else float(value)
    )
