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
    "Schema",
    "Table",
    "TableReader",
    "TableWriter",
    "decimals",
    "joined",
    "lists",
    "scalar",
    "schema_of",
    "sliced",
    "structs",
    "table_of",
]

DataType = NewType("DataType", object)
"""A type of Arrow's."""
Schema = NewType("Schema", object)
"""The columns of a table of Arrow's."""
Table = NewType("Table", object)
"""A table of Arrow's."""

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


def schema_of(fields: Sequence[Field]) -> Schema:
    """The schema of a file with these columns."""
    return Schema(_arrow().schema(_fields(fields)))


def table_of(fields: Sequence[Field], columns: Sequence[Sequence[object]]) -> Table:
    """Values, given by column, as a table.

    Raises:
        ColumnFault: a value does not fit its column.
    """
    pa = _arrow()
    arrays = list[Any]()
    for field, values in zip(fields, columns, strict=True):
        try:
            arrays.append(pa.array(values, type=field.type))
        except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
            reason = (
                "an integer does not fit in 64 bits"
                if isinstance(error, OverflowError)
                else f"a value does not fit {field.type}"
            )
            raise ColumnFault(f"column {field.name!r}: {reason}") from error
    return Table(pa.Table.from_arrays(arrays, schema=schema_of(fields)))


def joined(tables: Sequence[Table]) -> Table:
    """Tables of one schema as one."""
    return Table(_arrow().concat_tables(tables))


def sliced(table: Table, rows: int) -> tuple[Table, Table]:
    """The first so many rows of a table, and the others."""
    whole: Any = table
    return Table(whole.slice(0, rows)), Table(whole.slice(rows))


class TableWriter:
    """Writes row groups.

    Args:
        file: where to; stays open.
        schema: the columns.

    Raises:
        ArrowFault: of every method: it cannot be written.
    """

    def __init__(self, file: IO[bytes], schema: Schema) -> None:
        with _faults():
            self._writer = _arrow().parquet.ParquetWriter(file, schema)

    def write(self, table: Table) -> None:
        """Write a row group; several where it is very long."""
        with _faults():
            self._writer.write_table(table)

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
        file: where from; closed with it.

    Attributes:
        names: of the columns.
        count: of the rows.

    Raises:
        ArrowFault: of every method: it cannot be read.
        ConfigError: pyarrow is not installed.
    """

    def __init__(self, file: IO[bytes]) -> None:
        pa, self._bytes = _arrow(), file
        with _faults():
            self._file = pa.parquet.ParquetFile(file)
            self.names = cast("list[str]", list(self._file.schema_arrow.names))
            self.count = cast("int", self._file.metadata.num_rows)

    def schema(self, names: Sequence[str]) -> Table:
        """No rows, and these columns."""
        table: Any = self._file.schema_arrow.empty_table()
        return Table(_common(table.select(list(names))))

    def rows(self, names: Sequence[str], skip: int, size: int) -> Iterator[list[Mapping[str, object]]]:
        """As `tables`, as values of Python."""
        for table in self.tables(names, skip, size):
            with _faults():
                rows = cast("list[Mapping[str, object]]", cast("Any", table).to_pylist())
            yield rows

    def tables(self, names: Sequence[str], skip: int, size: int) -> Iterator[Table]:
        """The rows behind the first `skip`, in lots of `size`; whole row groups before them are not read.

        No lot is of two row groups.
        """
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
                if behind == batch.num_rows:
                    continue
                with _faults():
                    table = _common(_arrow().Table.from_batches([batch.slice(behind)]))
                yield Table(table)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close(force=True)
        self._bytes.close()


def _common(table: Any) -> Any:
    """A table without what other programs like to write, and neither Python nor polars has the same of."""
    pa = _arrow()
    fields = list[Any]()
    for field in table.schema:
        kind = field.type
        if pa.types.is_timestamp(kind) and kind.unit == "ns":
            kind = pa.timestamp("us", kind.tz)
        fields.append(field.with_type(kind))
    return table.cast(pa.schema(fields), safe=False)
