"""Parquet files, and folders of them."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from os import PathLike, fspath
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import JsonValue

from rivusio_core import ItemRefused, SinkError, SourceError
from rivusio_core.policy.options import OnError
from rivusio_plugins_contrib.files.arrow import ArrowFault, TableWriter
from rivusio_plugins_contrib.files.parts import Parts, part_names
from rivusio_plugins_contrib.files.reading import ParquetPartition
from rivusio_plugins_contrib.files.replacement import Replacement
from rivusio_plugins_contrib.files.rowform import RowForm
from rivusio_plugins_contrib.members import text_of
from rivusio_streams.connectors.lines import path_of
from rivusio_streams.sink import Commit, TwoPhaseSink
from rivusio_streams.source import Partition, Position, Source

__all__ = ["Parquet"]

T = TypeVar("T")

_ROW_GROUP = 10_000
"""Rows of a group: what other tools read at once, whatever the size of the chunks that came."""


class Parquet(Source[T], TwoPhaseSink[T], Generic[T]):
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

    replay = "seekable"
    divisible = True

    def __init__(self, path: str | PathLike[str], model: type[T], *, on_error: OnError = "fail") -> None:
        self.path, self.model, self.on_error = path_of(path, "Parquet"), model, on_error
        self.folder = fspath(path).endswith(("/", "\\")) or self.path.is_dir()
        self.commit: Commit = "two_phase" if self.folder else "replace"
        self._form = RowForm(model, f"Parquet {str(path)!r}")
        self._parts: Parts | None = None
        self._file: Replacement | None = None
        self._writer: TableWriter | None = None
        self._buffer: list[list[object]] = []
        self._published = False

    @property
    def step_name(self) -> str:
        return self.path.name

    # ----------------------------------------------------------------------------------------------- as a source

    def partitions(self) -> Sequence[str]:
        if not self.folder:
            return ("0",)
        try:
            return part_names(self.path)
        except OSError as error:
            raise SourceError(f"{self.path} cannot be read: {error.strerror}; check the path") from error

    def open_partition(self, partition: str, position: Position | None) -> Partition[T]:
        if self.folder and Path(partition).name != partition:
            raise SourceError(f"{self.path}: {partition!r} is no file of this folder")
        if position is not None and (not isinstance(position, int) or isinstance(position, bool) or position < 0):
            raise SourceError(f"{self.path}: {position!r} is no position of this file; it is a number of rows")
        return ParquetPartition(self.path / partition if self.folder else self.path, self._form, position or 0)

    # ------------------------------------------------------------------------------------------------- as a sink

    def open(self) -> None:
        self._buffer, self._published, self._parts = [], False, None
        if self.folder:
            with self._failing("opening"):
                self._parts = Parts(self.path)
        else:
            self._begin()

    def _begin(self) -> TableWriter:
        with self._failing("opening"):
            if self._parts is not None:
                self._writer = TableWriter(self._parts.begin(), self._form.fields)
                return self._writer
            self._file = Replacement(self.path)
            self._writer = TableWriter(self._file.file, self._form.fields)
            if self._published:  # and more is to come: a complete file cannot be added to
                with self.path.open("rb") as before:
                    self._writer.copy(before)
        return self._writer

    def write(self, batch: Sequence[T]) -> None:
        rows = list[list[object]]()
        for item in batch:
            try:
                rows.append(self._form.encode(item))
            except ValueError as error:
                raise ItemRefused(f"{self.path}: {error}") from error
        self._buffer += rows
        while len(self._buffer) >= _ROW_GROUP:
            self._write_group()

    def flush(self) -> None:
        if self._parts is not None:
            self.publish(self.stage())
            return
        if self._writer is None and not self._buffer:
            return  # nothing came since the last time
        self._write_rest()
        writer, file = self._writer, self._file
        if writer is not None and file is not None:
            with self._failing("completing"):
                writer.close()
                self._writer = None
                file.publish()
            self._file, self._published = None, True

    def recover(self, owner: str, tokens: Sequence[JsonValue]) -> None:
        if not self.folder:
            raise SinkError(f"{self.path}: a file cannot be staged; give a folder")
        with self._failing("recovering"):
            self._parts = Parts(self.path, owner)
            self._parts.recover(tokens)

    def stage(self) -> JsonValue:
        parts = self._staging
        self._write_rest()
        with self._failing("staging"):
            if self._writer is not None:
                self._writer.close()
                self._writer = None
            return parts.stage()

    def publish(self, token: JsonValue) -> None:
        parts = self._staging
        with self._failing("publishing"):
            parts.publish(token)

    @property
    def _staging(self) -> Parts:
        if self._parts is None:
            raise SinkError(f"{self.path} does not stage: it is a file, or not open")
        return self._parts

    def close(self) -> None:
        # What was not flushed was promised to nobody.
        if self._writer is not None:
            with suppress(ArrowFault):
                self._writer.close()
            self._writer = None
        if self._file is not None:
            self._file.discard()
            self._file = None
        if self._parts is not None:
            with self._failing("closing"):
                self._parts.discard()
            self._parts = None

    def _write_rest(self) -> None:
        if self._buffer:  # less than a group: whole ones are written as they fill up
            self._write_group()

    def _write_group(self) -> None:
        rows, self._buffer = self._buffer[:_ROW_GROUP], self._buffer[_ROW_GROUP:]
        writer = self._writer or self._begin()
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
        return (self.path, self.folder, self.model, self.on_error)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Parquet) and self._value() == other._value()

    def __hash__(self) -> int:
        return hash(self._value())

    def __repr__(self) -> str:
        return f"Parquet({str(self.path) + '/' * self.folder!r}, {text_of(self.model)})"
