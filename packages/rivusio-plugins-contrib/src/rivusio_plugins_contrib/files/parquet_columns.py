"""Parquet files of batches of columns, and folders of them."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from rivusio_core import ConfigError, ItemRefused
from rivusio_core.policy.options import OnError
from rivusio_plugins_contrib.files.arrow import Schema, Table, joined, sliced
from rivusio_plugins_contrib.files.column_reading import ColumnPartition
from rivusio_plugins_contrib.files.parquet_files import ParquetFiles
from rivusio_streams.columns import Columns, Layout
from rivusio_streams.source import Partition

__all__ = ["ParquetColumns"]

M = TypeVar("M")

_ROW_GROUP = 131_072
"""Rows of a group."""


class ParquetColumns(ParquetFiles[Columns[M]], Generic[M]):
    """A Parquet file, or a folder of such files, whose items are batches of columns: no object is made of a row.

    It makes the same promises as `Parquet`, and reads what that writes if the columns are of the same types. Only the
    columns of the layout are read. A batch is a row group, or a part of one where that has more than `rows` rows;
    positions count rows. What is written is put together to groups of 131,072 rows.

    Moments are microseconds in UTC; finer ones of other programs are cut off.

    Args:
        path: as of `Parquet`.
        layout: `columns(Order)`.
        rows: of a batch that is read at most.
        on_error: what becomes of a batch in which something is missing: `"fail"`, `"skip"` or `"dead_letter"`.

    Raises:
        ConfigError: the path cannot be, `rows` is below 1, or pyarrow is not installed (extra `columns`).

    Example:
        >>> from typing import NamedTuple
        >>> from rivusio_streams.columns import columns
        >>> class Order(NamedTuple):
        ...     id: int
        ...     user: str
        >>> ParquetColumns("orders/", columns(Order))
        ParquetColumns('orders/', columns(Order))
    """

    def __init__(
        self, path: str | PathLike[str], layout: Layout[M], *, rows: int = 65_536, on_error: OnError = "fail"
    ) -> None:
        super().__init__(path, on_error=on_error)
        if not isinstance(layout, Layout):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
            raise ConfigError(f"ParquetColumns: takes a layout, columns(...), not {layout!r}; for items, use Parquet")
        if type(rows) is not int or rows < 1:
            raise ConfigError(f"ParquetColumns: rows must be a whole number, 1 or more, not {rows!r}")
        self.layout, self.rows = layout, rows
        self._empty = self._table(layout.of([]))
        self._waiting: list[Table] = []
        self._count = 0
        """Rows that wait."""

    def _table(self, batch: Columns[M]) -> Table:
        return Table(cast("Any", batch.frame).to_arrow())  # with the plain types, which all programs can read

    def _schema(self) -> Schema:
        return Schema(cast("Any", self._empty).schema)

    def _read(self, path: Path, done: int) -> Partition[Columns[M]]:
        return ColumnPartition(path, self.layout, self.rows, done)

    def write(self, batch: Sequence[Columns[M]]) -> None:
        tables = list[Table]()
        for item in batch:
            if not isinstance(item, Columns):  # pyright: ignore[reportUnnecessaryIsInstance]  # flows may be untyped
                raise ItemRefused(f"{self.path}: a {type(item).__name__} is no batch of columns")
            if dict(item.frame.schema) != dict(self.layout.schema):
                raise ItemRefused(f"{self.path}: a batch has other columns than {self.layout!r}")
            tables.append(self._table(item))
        self._waiting += tables
        self._count += sum(len(item) for item in batch)
        while self._count >= _ROW_GROUP:
            self._put(self._group())

    def _begin_anew(self) -> None:
        self._waiting, self._count = [], 0

    def _rest(self) -> Table | None:
        return self._group() if self._count else None

    def _group(self) -> Table:
        group, rest = sliced(joined(self._waiting), _ROW_GROUP)
        self._count = max(self._count - _ROW_GROUP, 0)
        self._waiting = [rest] if self._count else []
        return group

    def _value(self) -> tuple[object, ...]:
        return (self.path, self.folder, self.layout, self.rows, self.on_error)

    def __repr__(self) -> str:
        return self._shown(repr(self.layout))
