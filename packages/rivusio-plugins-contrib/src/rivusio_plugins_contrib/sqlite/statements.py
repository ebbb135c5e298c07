"""The SQL that a table needs. Names are quoted, values are bound."""

from __future__ import annotations

from collections.abc import Sequence

from rivusio_core import ConfigError
from rivusio_plugins_contrib.rows import Column, Kind

__all__ = ["create", "insert", "quoted", "select"]

_TYPES: dict[Kind, str] = {
    "integer": " INTEGER",
    "real": " REAL",
    "number": "",  # a column without type keeps integers and reals apart
    "boolean": " INTEGER",
    "bytes": " BLOB",
    "text": " TEXT",
    "time": " TEXT",
    "json": " TEXT",
}


def quoted(name: str) -> str:
    """A name as SQL takes it, whatever is in it.

    Raises:
        ConfigError: it is empty or has a NUL character, which SQLite cannot hold.

    Example:
        >>> quoted('odd "name"; drop table x')
        '"odd ""name""; drop table x"'
    """
    if not name or "\0" in name:
        raise ConfigError(f"{name!r} is no name for a table or column")
    return '"' + name.replace('"', '""') + '"'


def create(table: str, columns: Sequence[Column], key: Sequence[str]) -> str:
    """Create a table unless it is there."""
    parts = [f"{quoted(each.name)}{_TYPES[each.kind]}{'' if each.optional else ' NOT NULL'}" for each in columns]
    if key:
        parts.append(f"PRIMARY KEY ({', '.join(map(quoted, key))})")
    return f"CREATE TABLE IF NOT EXISTS {quoted(table)} ({', '.join(parts)})"


def insert(table: str, columns: Sequence[Column], key: Sequence[str]) -> str:
    """Insert a row; one with the same key is replaced."""
    names = [quoted(each.name) for each in columns]
    text = f"INSERT INTO {quoted(table)} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"  # quoted
    if not key:
        return text
    keys = [quoted(name) for name in key]
    rest = [f"{name} = excluded.{name}" for name in names if name not in keys]
    action = f"UPDATE SET {', '.join(rest)}" if rest else "NOTHING"
    return f"{text} ON CONFLICT ({', '.join(keys)}) DO {action}"


def select(table: str, columns: Sequence[Column], row_id: str) -> str:
    """Rows from a row id on, in order, no more than so many.

    Args:
        table: the table.
        columns: to read.
        row_id: which of SQLite's three names for it is free, that is, names no column of the table.
    """
    names = ", ".join(quoted(each.name) for each in columns)
    return f"SELECT {row_id}, {names} FROM {quoted(table)} WHERE {row_id} >= ? ORDER BY {row_id} LIMIT ?"  # quoted
