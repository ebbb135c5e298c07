"""The SQL of PostgreSQL. Names are quoted, values are bound."""

from __future__ import annotations

from collections.abc import Sequence

from rivusio_core import ConfigError
from rivusio_plugins_contrib.rows import Column, Kind
from rivusio_plugins_contrib.tables.dialect import Dialect, quoted

__all__ = ["DIALECT", "checked", "select"]

DIALECT = Dialect(
    marker="${}",
    types={
        "integer": "BIGINT",
        "real": "DOUBLE PRECISION",
        "number": "NUMERIC",
        "boolean": "BOOLEAN",
        "bytes": "BYTEA",
        "text": "TEXT",
        "time": "TEXT",
        "json": "JSON",  # keeps the text as it is; JSONB would change numbers and has no NUL
    },
    longest=63,
    key_once=True,
)

_AS_TEXT: set[Kind] = {"text", "time", "json"}


def checked(name: str) -> str:
    """A name that PostgreSQL does not cut.

    Raises:
        ConfigError: it is longer than that.
    """
    if len(name.encode()) > 63:
        raise ConfigError(f"{name!r} is too long: PostgreSQL cuts names of more than 63 bytes")
    return name


def select(table: str, columns: Sequence[Column], order_by: str, *, first: bool) -> str:
    """Rows behind a value of a column, in its order, no more than so many; the value comes first.

    Args:
        table: the table.
        columns: to read.
        order_by: the column.
        first: from the first row on; there is no value then.
    """
    names = ", ".join(f"{quoted(each.name)}{'::text' if each.kind in _AS_TEXT else ''}" for each in columns)
    order = f"read.{quoted(order_by)}"  # the column itself, and not the text of it that is selected
    behind = "" if first else f" WHERE {order} > $2"
    return f"SELECT {order}::text, {names} FROM {quoted(table)} AS read{behind} ORDER BY {order} LIMIT $1"  # quoted
