"""The SQL that a table needs, as one database speaks it. Names are quoted, values are bound."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rivusio_core import ConfigError
from rivusio_plugins_contrib.rows import Column, Kind

__all__ = ["Dialect", "own_name", "quoted"]

_HASHED = 12


def quoted(name: str) -> str:
    """A name as SQL takes it, whatever is in it.

    Raises:
        ConfigError: it is empty or has a NUL character, which databases cannot hold.

    Example:
        >>> quoted('odd "name"; drop table x')
        '"odd ""name""; drop table x"'
    """
    if not name or "\0" in name:
        raise ConfigError(f"{name!r} is no name for a table or column")
    return '"' + name.replace('"', '""') + '"'


def own_name(what: str, table: str, longest: int | None) -> str:
    """The name of a table that goes with another one.

    Args:
        what: it is for.
        table: the other one.
        longest: bytes that a name may have; longer ones are cut, and told apart by a hash.
    """
    name = f"rivusio_{what}_{table}"
    if longest is None or len(name.encode()) <= longest:
        return name
    told = hashlib.blake2b(table.encode(), digest_size=_HASHED // 2).hexdigest()
    return f"{name.encode()[: longest - _HASHED - 1].decode(errors='ignore')}_{told}"


@dataclass(frozen=True)
class Dialect:
    """What differs from database to database.

    Attributes:
        marker: of a bound value; `{}` in it becomes the number of the value. Values are bound in order.
        types: of columns, by what is stored.
        longest: bytes that a name may have; None: any number.
        key_once: one statement may write a row of one key only once.
    """

    marker: str
    types: Mapping[Kind, str]
    longest: int | None = None
    key_once: bool = False

    def markers(self, count: int) -> str:
        """Places of so many values."""
        return ", ".join(self.marker.format(number) for number in range(1, count + 1))

    def create(self, table: str, columns: Sequence[Column], key: Sequence[str]) -> str:
        """Create a table unless it is there."""
        parts = [
            " ".join([quoted(each.name), self.types[each.kind], *([] if each.optional else ["NOT NULL"])])
            for each in columns
        ]
        if key:
            parts.append(f"PRIMARY KEY ({_list(key)})")
        return f"CREATE TABLE IF NOT EXISTS {quoted(table)} ({', '.join(parts)})"

    def insert(self, table: str, names: Sequence[str], key: Sequence[str]) -> str:
        """Insert a row; one with the same key is replaced."""
        start = f"INSERT INTO {quoted(table)} ({_list(names)})"  # quoted
        return f"{start} VALUES ({self.markers(len(names))}){_on_conflict(names, key)}"

    def like(self, table: str, other: str, names: Sequence[str], more: Mapping[str, str]) -> str:
        """Create an empty table with some columns of another one.

        Args:
            table: the new one.
            other: the one whose columns it gets.
            names: which.
            more: types of further columns.
        """
        own = [f"CAST(NULL AS {kind}) AS {quoted(name)}" for name, kind in more.items()]
        copied = [f"{quoted(name)} AS {quoted(name)}" for name in names]  # spelled like this, and not as there
        columns = ", ".join([*own, *copied])
        return f"CREATE TABLE {quoted(table)} AS SELECT {columns} FROM {quoted(other)} WHERE 1 = 0"  # quoted

    def move(
        self, source: str, target: str, names: Sequence[str], key: Sequence[str], where: Sequence[str], order: str
    ) -> str:
        """Insert rows of one table into another, in order; of those with the same key the last one counts.

        Args:
            source: where the rows are.
            target: where they go.
            names: of columns.
            key: which of them identify a row.
            where: columns that are to have the bound values; none: all rows.
            order: the column that they are ordered by.
        """
        bound = (
            " AND ".join(f"{quoted(name)} = {self.marker.format(at)}" for at, name in enumerate(where, 1)) or "1 = 1"
        )
        if key and self.key_once:
            rows = f"SELECT DISTINCT ON ({_list(key)}) {_list(names)}"  # quoted
            ordered = f"{_list(key)}, {quoted(order)} DESC"
        else:
            rows, ordered = f"SELECT {_list(names)}", quoted(order)
        chosen = f"{rows} FROM {quoted(source)} WHERE {bound} ORDER BY {ordered}"  # quoted
        return f"INSERT INTO {quoted(target)} ({_list(names)}) {chosen}{_on_conflict(names, key)}"  # quoted


def _on_conflict(names: Sequence[str], key: Sequence[str]) -> str:
    if not key:
        return ""
    rest = [f"{quoted(name)} = excluded.{quoted(name)}" for name in names if name not in key]
    action = f"UPDATE SET {', '.join(rest)}" if rest else "NOTHING"
    return f" ON CONFLICT ({_list(key)}) DO {action}"


def _list(names: Sequence[str]) -> str:
    return ", ".join(map(quoted, names))
