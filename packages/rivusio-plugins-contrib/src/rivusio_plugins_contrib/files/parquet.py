"""Parquet files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from rivusio_core import BadRecord, SinkError, SourceError
from rivusio_core.policy.options import OnError
from rivusio_plugins_contrib.files.rowform import row_maker
from rivusio_plugins_contrib.files.schema import arrow, schema_of
from rivusio_streams.sink import Sink
from rivusio_streams.source import EndOfPartition, Partition, Position, Rejected, Source

__all__ = ["Parquet"]

T = TypeVar("T")

_ROW_GROUP = 10_000
"""Rows written at once, and so held in memory."""


class Parquet(Source[T], Sink[T], Generic[T]):
    """A Parquet file of items of one model.

    Reading goes row group by row group, takes the model's columns only, and is seekable by row number. Writing goes to
    a hidden file beside, which takes the name at the end of a run that did not fail: a half-written file is never
    seen, and an old one stays until then. A Parquet file is complete only once its end is written, so what was written
    is safe when the run has ended, not before.

    Args:
        path: the file; its folder must exist.
        model: the type of a row: a pydantic model, a dataclass or a TypedDict.
        on_error: what becomes of a row that is no such item: `"fail"`, `"skip"` or `"dead_letter"`.

    Raises:
        ConfigError: the model has no fields, or pyarrow is not installed (extra `parquet`).
    """

    replay = "seekable"
    commit = "append"

    def __init__(self, path: str | PathLike[str], model: type[T], *, on_error: OnError = "fail") -> None:
        self.path, self.model, self.on_error = Path(path), model, on_error
        self._schema = schema_of(model, f"Parquet {str(path)!r}")
        self._row = row_maker(model, self._schema)
        self._beside = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        self._writer: Any = None  # Any: pyarrow has no types of its own
        self._buffer: list[dict[str, Any]] = []
        self._complete = False

    @property
    def step_name(self) -> str:
        return self.path.name

    # ----------------------------------------------------------------------------------------------- as a source

    def open_partition(self, partition: str, position: Position | None) -> Partition[T]:
        if position is not None and not (isinstance(position, int) and position >= 0):
            raise SourceError(f"{self.path}: {position!r} is no position of this file; it is a number of rows")
        pa = arrow()
        try:
            file = pa.parquet.ParquetFile(self.path)
        except (OSError, pa.ArrowException) as error:
            raise SourceError(
                f"{self.path} cannot be read: {type(error).__name__}; check that it is a complete Parquet file"
            ) from error
        missing = [name for name in self._schema.names if name not in file.schema_arrow.names]
        if missing:
            file.close()
            raise SourceError(f"{self.path} has no column {missing[0]!r}; it has {', '.join(file.schema_arrow.names)}")
        return _Rows(file, str(self.path), self.model, self._schema.names, position or 0)

    # ------------------------------------------------------------------------------------------------- as a sink

    def open(self) -> None:
        pa = arrow()
        self._buffer, self._complete = [], True
        with self._failing("opening"):
            self._writer = pa.parquet.ParquetWriter(self._beside, self._schema)

    def write(self, batch: Sequence[T]) -> None:
        self._complete = False
        self._buffer += [self._row(item) for item in batch]
        if len(self._buffer) >= _ROW_GROUP:
            self._write_group()

    def flush(self) -> None:
        self._complete = True

    def close(self) -> None:
        if self._writer is None:
            return
        try:
            if self._complete:
                self._write_group()
            with self._failing("closing"):
                self._writer.close()
                if self._complete:
                    with self._beside.open("rb+") as file:
                        os.fsync(file.fileno())
                    self._beside.replace(self.path)
        finally:
            self._writer = None
            self._beside.unlink(missing_ok=True)

    def _write_group(self) -> None:
        pa = arrow()
        if self._buffer:
            with self._failing("writing"):
                self._writer.write_table(pa.Table.from_pylist(self._buffer, schema=self._schema))
            self._buffer = []

    @contextmanager
    def _failing(self, what: str) -> Iterator[None]:
        try:
            yield
        except (OSError, arrow().ArrowException) as error:
            raise SinkError(
                f"{self.path}: {what} failed: {type(error).__name__}; its folder must exist and have room"
            ) from error

    # ------------------------------------------------------------------------------------------------ as a value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Parquet) and (self.path, self.model) == (other.path, other.model)

    def __hash__(self) -> int:
        return hash((Parquet, self.path))

    def __repr__(self) -> str:
        return f"Parquet({str(self.path)!r}, {getattr(self.model, '__name__', self.model)})"


class _Rows(Partition[T], Generic[T]):
    def __init__(self, file: Any, path: str, model: type[T], names: list[str], skip: int) -> None:
        self._file, self._path, self._done = file, path, skip
        self._adapter: TypeAdapter[T] = TypeAdapter(model)
        self._names = names
        self._rows = self._from(skip)
        self._rejected: list[Rejected] = []

    def _from(self, skip: int) -> Iterator[dict[str, Any]]:
        first = 0
        for group in range(self._file.metadata.num_row_groups):
            count = self._file.metadata.row_group(group).num_rows
            if first + count > skip:
                for batch in self._file.iter_batches(1_024, row_groups=[group], columns=self._names):
                    behind = max(skip - first, 0)
                    first += batch.num_rows
                    yield from batch.slice(behind).to_pylist()
            else:
                first += count

    def next_batch(self, maximum: int) -> list[T]:
        items, self._rejected, taken = list[T](), [], 0
        try:
            for row in self._rows:
                taken += 1
                self._done += 1
                self._add(row, items)
                if taken >= maximum:
                    break
        except (OSError, arrow().ArrowException) as error:
            raise SourceError(f"{self._path}, row {self._done}: reading failed: {type(error).__name__}") from error
        if not taken:
            raise EndOfPartition
        return items

    def _add(self, row: dict[str, Any], items: list[T]) -> None:
        try:
            items.append(self._adapter.validate_python(row))
        except ValidationError as error:
            faults = "; ".join(
                f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors(include_input=False)
            )
            bad = BadRecord(f"{self._path}, row {self._done - 1}: {faults}")
            self._rejected.append(Rejected(len(items), row, bad))

    def position(self) -> Position:
        return self._done

    def rejected(self) -> Sequence[Rejected]:
        return self._rejected

    def close(self) -> None:
        self._rows = iter(())
        self._file.close()
