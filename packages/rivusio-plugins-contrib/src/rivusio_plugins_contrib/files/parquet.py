"""Parquet files of items, and folders of them."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Generic, TypeVar

from rivusio_core import ItemRefused
from rivusio_core.policy.options import OnError
from rivusio_plugins_contrib.files.arrow import Schema, Table, schema_of, table_of
from rivusio_plugins_contrib.files.parquet_files import ParquetFiles
from rivusio_plugins_contrib.files.reading import ParquetPartition
from rivusio_plugins_contrib.files.rowform import RowForm
from rivusio_plugins_contrib.members import text_of
from rivusio_streams.source import Partition

__all__ = ["Parquet"]

T = TypeVar("T")

_ROW_GROUP = 10_000
"""Rows of a group: what other tools read at once, whatever the size of the chunks that came."""


class Parquet(ParquetFiles[T], Generic[T]):
    """A Parquet file of items of one model, or a folder of such files.

    Reading goes row group by row group, takes the model's columns only, and is seekable: a position counts rows. Each
    file of a folder is a partition.

    A file is written to a hidden one beside, which takes the name when it is complete and on the disk: at the end of
    the run, and before that only where a source wants to be told what is safe (each time, the file is then written
    anew). A file that is not complete is never seen; a run that fails leaves the old file as it was, or with what it
    had promised by then. Each run writes the file anew, so that a run with checkpoints, which goes on with what an
    earlier one wrote, is refused: it needs a folder.

    A folder grows by a file `part-...parquet` for each checkpoint, which appears when the checkpoint has its rows: each
    row is there exactly once, whatever happens. A flow that begins anew, without a checkpoint, removes its own files
    first; those of other flows are left alone. Without checkpoints, a file is added when the run ends.

    Moments are microseconds in UTC (a naive datetime is refused; `NaiveDatetime` fields are without time zone),
    decimals text, or decimal128 where `Field(max_digits=..., decimal_places=...)` bounds them, nested models structs,
    lists lists; mappings, mixed types and models inside themselves are JSON text.

    Args:
        path: the file, or a folder if it ends with `/` or is one; the folder that it is in must exist.
        model: the type of a row: a pydantic model, a dataclass or a TypedDict.
        on_error: what becomes of a row that is no such item: `"fail"`, `"skip"` or `"dead_letter"`.

    Raises:
        ConfigError: the path cannot be, the model has no fields or one that cannot be stored (a secret), or pyarrow is
            not installed (extra `parquet`).

    Example:
        >>> from pydantic import BaseModel
        >>> class Order(BaseModel):
        ...     id: int
        ...     user: str
        >>> Parquet("orders.parquet", Order)
        Parquet('orders.parquet', Order)
        >>> Parquet("orders/", Order).commit
        'two_phase'
    """

    def __init__(self, path: str | PathLike[str], model: type[T], *, on_error: OnError = "fail") -> None:
        super().__init__(path, on_error=on_error)
        self.model = model
        self._form = RowForm(model, f"Parquet {str(path)!r}")
        self._buffer: list[list[object]] = []

    def _schema(self) -> Schema:
        return schema_of(self._form.fields)

    def _read(self, path: Path, done: int) -> Partition[T]:
        return ParquetPartition(path, self._form, done)

    def write(self, batch: Sequence[T]) -> None:
        rows = list[list[object]]()
        for item in batch:
            try:
                rows.append(self._form.encode(item))
            except ValueError as error:
                raise ItemRefused(f"{self.path}: {error}") from error
        self._buffer += rows
        while len(self._buffer) >= _ROW_GROUP:
            self._put(self._group())

    def _begin_anew(self) -> None:
        self._buffer = []

    def _rest(self) -> Table | None:
        return self._group() if self._buffer else None

    def _group(self) -> Table:
        rows, self._buffer = self._buffer[:_ROW_GROUP], self._buffer[_ROW_GROUP:]
        with self._failing("writing"):
            return table_of(self._form.fields, list(zip(*rows, strict=True)))

    def _value(self) -> tuple[object, ...]:
        return (self.path, self.folder, self.model, self.on_error)

    def __repr__(self) -> str:
        return self._shown(text_of(self.model))
