"""The one place that touches pyarrow, which has no types of its own and is an extra: imported when first used."""

from __future__ import annotations

import importlib
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, NewType, cast

from rivusio_core import ConfigError

__all__ = [
    "ArrowFault",
    "ColumnFault",
    "DataType",
    "Field",
    "TableReader",
    "TableWriter",
    "decimals",
    "lists",
    "scalar",
    "structs",
]

DataType = NewType("DataType", object)
"""A type of Arrow's."""

_NAMES: dict[str, tuple[str, dict[str, str]]] = {
    "boolean": ("bool_", {}),
    "integer": ("int64", {}),
    "real": ("float64", {}),
    "text": ("string", {}),
    "bytes": ("binary", {}),
    "date": ("date32", {}),
    "moment": ("timestamp", {"unit": "us", "tz": "UTC"}),
    "local": ("timestamp", {"unit": "us"}),
}


class ArrowFault(Exception):
    """Something that Arrow or the system refused; its text may quote values, so it is only ever a cause."""


class ColumnFault(ValueError):
    """Values that do not fit the type of a column; the message names the column and quotes nothing."""


@dataclass(frozen=True)
class Field:
    """A column, or a field of a nested one."""

    name: str
    type: DataType
    nullable: bool


def _arrow() -> Any:  # Any: pyarrow has no types of its own
    try:
        importlib.import_module("pyarrow.parquet")
        return importlib.import_module("pyarrow")
    except ImportError as error:
        raise ConfigError(
            "Parquet files need pyarrow, which is not installed: pip install 'rivusio-plugins-contrib[parquet]'"
        ) from error


def scalar(name: str) -> DataType:
    """The type of plain values.

    Args:
        name: `boolean`, `integer` (64 bits), `real` (64 bits), `text`, `bytes`, `date`, `moment` (microseconds, UTC) or
            `local` (microseconds without a time zone).

    Raises:
        ConfigError: pyarrow is not installed.
    """
    factory, arguments = _NAMES[name]
    return DataType(getattr(_arrow(), factory)(**arguments))


def decimals(digits: int, places: int) -> DataType:
    """Decimals of so many digits, so many of them behind the point."""
    return DataType(_arrow().decimal128(digits, places))


def lists(item: Field) -> DataType:
    """Lists of items of one type."""
    return DataType(_arrow().list_(_fields([item])[0]))


def structs(fields: Sequence[Field]) -> DataType:
    """Nested rows."""
    return DataType(_arrow().struct(_fields(fields)))


def _fields(fields: Sequence[Field]) -> list[Any]:
    pa = _arrow()
    return [pa.field(each.name, each.type, nullable=each.nullable) for each in fields]


@contextmanager
def _faults() -> Generator[None, None, None]:
    try:
        yield
    except (OSError, _arrow().ArrowException) as error:
        # Arrow's own texts may quote values; those of the system say what to do.
        reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        raise ArrowFault(reason) from error


class TableWriter:
    """Writes row groups.

    Args:
        file: where to; stays open.
        fields: the columns.

    Raises:
        ArrowFault: of every method: it cannot be written.
    """

    def __init__(self, file: IO[bytes], fields: Sequence[Field]) -> None:
        pa = _arrow()
        self._fields = fields
        self._schema = pa.schema(_fields(fields))
        with _faults():
            self._writer = pa.parquet.ParquetWriter(file, self._schema)

    def write(self, columns: Sequence[Sequence[object]]) -> None:
        """Write a row group, given by column.

        Raises:
            ColumnFault: a value does not fit its column.
        """
        pa = _arrow()
        arrays = list[Any]()
        for field, values in zip(self._fields, columns, strict=True):
            try:
                arrays.append(pa.array(values, type=field.type))
            except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
                reason = (
                    "an integer does not fit in 64 bits"
                    if isinstance(error, OverflowError)
                    else f"a value does not fit {field.type}"
                )
                raise ColumnFault(f"column {field.name!r}: {reason}") from error
        with _faults():
            self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))

    def copy(self, file: IO[bytes]) -> None:
        """Write the row groups of another file of the same columns, one at a time."""
        with _faults(), _arrow().parquet.ParquetFile(file) as other:
            for group in range(other.num_row_groups):
                self._writer.write_table(other.read_row_group(group))

    def close(self) -> None:
        """Write the end, which makes the file complete."""
        with _faults():
            self._writer.close()


class TableReader:
    """Reads row groups.

    Args:
        file: where from.

    Attributes:
        names: of the columns.
        count: of the rows.

    Raises:
        ArrowFault: of every method: it cannot be read.
        ConfigError: pyarrow is not installed.
    """

    def __init__(self, file: IO[bytes]) -> None:
        pa = _arrow()
        with _faults():
            self._file = pa.parquet.ParquetFile(file)
            self.names = cast("list[str]", list(self._file.schema_arrow.names))
            self.count = cast("int", self._file.metadata.num_rows)

    def rows(self, names: Sequence[str], skip: int, size: int) -> Iterator[list[Mapping[str, object]]]:
        """The rows behind the first `skip`, in lots of `size`; whole row groups before them are not read."""
        first = 0
        for group in range(self._file.num_row_groups):
            count = self._file.metadata.row_group(group).num_rows
            if first + count <= skip:
                first += count
                continue
            batches = self._file.iter_batches(size, row_groups=[group], columns=list(names))
            while True:
                with _faults():
                    batch = next(batches, None)
                if batch is None:
                    break
                behind = min(max(skip - first, 0), batch.num_rows)
                first += batch.num_rows
                yield _python(batch.slice(behind))

    def close(self) -> None:
        """Let go of the file."""
        self._file.close(force=True)


def _python(batch: Any) -> list[Mapping[str, object]]:
    pa = _arrow()
    fields = list[Any]()
    for field in batch.schema:  # nanoseconds, which other programs like to write, do not exist in Python
        nano = pa.types.is_timestamp(field.type) and field.type.unit == "ns"
        fields.append(field.with_type(pa.timestamp("us", field.type.tz)) if nano else field)
    with _faults():
        table = pa.Table.from_batches([batch]).cast(pa.schema(fields), safe=False)
        return cast("list[Mapping[str, object]]", table.to_pylist())
