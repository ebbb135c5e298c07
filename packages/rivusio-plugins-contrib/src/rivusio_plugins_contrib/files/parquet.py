"""Parquet files."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from os import PathLike
from typing import Generic, TypeVar

from rivusio_core import SinkError, SourceError
from rivusio_core.policy.options import OnError
from rivusio_plugins_contrib.files.arrow import ArrowFault, TableWriter
from rivusio_plugins_contrib.files.reading import ParquetPartition
from rivusio_plugins_contrib.files.replacement import Replacement
from rivusio_plugins_contrib.files.rowform import RowForm
from rivusio_plugins_contrib.members import text_of
from rivusio_streams.connectors.lines import path_of
from rivusio_streams.sink import Sink
from rivusio_streams.source import Partition, Position, Source

__all__ = ["Parquet"]

T = TypeVar("T")

_ROW_GROUP = 10_000
"""Rows written at once, and so held in memory."""


class Parquet(Source[T], Sink[T], Generic[T]):
    """A Parquet file of items of one model.

    Reading goes row group by row group, takes the model's columns only, and is seekable: a position counts rows.

    Writing goes to a hidden file beside, which takes the name when it is complete and on the disk: at the end of the
    run, and before that only where a source wants to be told what is safe (each time, the file is then written anew,
    so for endless runs another sink is better). A file that is not complete is never seen; a run that fails leaves
    the old file as it was, or with what it had promised by then.

    Moments are microseconds in UTC (a naive datetime is refused; `NaiveDatetime` fields are without time zone),
    decimals text, or decimal128 where `Field(max_digits=..., decimal_places=...)` bounds them, nested models structs,
    lists lists; mappings, mixed types and models inside themselves are JSON text.

    Args:
        path: the file; its folder must exist.
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
    """

    replay = "seekable"
    commit = "append"

    def __init__(self, path: str | PathLike[str], model: type[T], *, on_error: OnError = "fail") -> None:
        self.path, self.model, self.on_error = path_of(path, "Parquet"), model, on_error
        self._form = RowForm(model, f"Parquet {str(path)!r}")
        self._file: Replacement | None = None
        self._writer: TableWriter | None = None
        self._buffer: list[list[object]] = []
        self._published = False

    @property
    def step_name(self) -> str:
        return self.path.name

    # ----------------------------------------------------------------------------------------------- as a source

    def open_partition(self, partition: str, position: Position | None) -> Partition[T]:
        if position is not None and (not isinstance(position, int) or isinstance(position, bool) or position < 0):
            raise SourceError(f"{self.path}: {position!r} is no position of this file; it is a number of rows")
        return ParquetPartition(self.path, self._form, position or 0)

    # ------------------------------------------------------------------------------------------------- as a sink

    def open(self) -> None:
        self._buffer, self._published = [], False
        self._begin()

    def _begin(self) -> TableWriter:
        with self._failing("opening"):
            self._file = Replacement(self.path)
            self._writer = TableWriter(self._file.file, self._form.fields)
            if self._published:  # and more is to come: a complete file cannot be added to
                with self.path.open("rb") as before:
                    self._writer.copy(before)
        return self._writer

    def write(self, batch: Sequence[T]) -> None:
        for item in batch:
            with self._failing("writing"):
                self._buffer.append(self._form.encode(item))
        if len(self._buffer) >= _ROW_GROUP:
            self._write_group()

    def flush(self) -> None:
        if self._writer is None and not self._buffer:
            return  # nothing came since the last time
        self._write_group()
        writer, file = self._writer, self._file
        if writer is not None and file is not None:
            with self._failing("completing"):
                writer.close()
                self._writer = None
                file.publish()
            self._file, self._published = None, True

    def close(self) -> None:
        # What was not flushed was promised to nobody.
        if self._writer is not None:
            with suppress(ArrowFault):
                self._writer.close()
            self._writer = None
        if self._file is not None:
            self._file.discard()
            self._file = None

    def _write_group(self) -> None:
        rows, self._buffer = self._buffer, []
        writer = self._writer or self._begin()
        if rows:
            with self._failing("writing"):
                writer.write(list(zip(*rows, strict=True)))

    @contextmanager
    def _failing(self, what: str) -> Generator[None, None, None]:
        try:
            yield
        except OSError as error:
            hint = "its folder must exist, be writable and have room"
            raise SinkError(f"{self.path}: {what} failed: {error.strerror}; {hint}") from error
        except ArrowFault as error:
            raise SinkError(f"{self.path}: {what} failed: {error}; its folder must have room") from error
        except ValueError as error:
            raise SinkError(f"{self.path}: {error}") from error

    # ------------------------------------------------------------------------------------------------ as a value

    def _value(self) -> tuple[object, ...]:
        return (self.path, self.model, self.on_error)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Parquet) and self._value() == other._value()

    def __hash__(self) -> int:
        return hash(self._value())

    def __repr__(self) -> str:
        return f"Parquet({str(self.path)!r}, {text_of(self.model)})"
