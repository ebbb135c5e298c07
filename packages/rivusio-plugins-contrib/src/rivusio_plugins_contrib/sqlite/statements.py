"""The SQL that a table of SQLite needs. Names are quoted, values are bound."""

from __future__ import annotations

from collections.abc import Sequence

from rivusio_plugins_contrib.rows import Column
from rivusio_plugins_contrib.tables.dialect import Dialect, quoted

__all__ = ["DIALECT", "select"]

DIALECT = Dialect(
    marker="?",
    types={
        "integer": "INTEGER",
        "real": "REAL",
        "number": "",  # a column without type keeps integers and reals apart
        "boolean": "INTEGER",
        "bytes": "BLOB",
        "text": "TEXT",
        "time": "TEXT",
        "json": "TEXT",
    },
)


def select(table: str, columns: Sequence[Column], row_id: str) -> str:
    """Rows from a row id on, in order, no more than so many.

    Args:
        table: the table.
        columns: to read.
        row_id: which of SQLite's three names for it is free, that is, names no column of the table.
    """
    names = ", ".join(quoted(each.name) for each in columns)
    return f"SELECT {row_id}, {names} FROM {quoted(table)} WHERE {row_id} >= ? ORDER BY {row_id} LIMIT ?"  # quoted
