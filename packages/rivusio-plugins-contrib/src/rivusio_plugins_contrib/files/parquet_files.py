"""What Parquet files and folders of them promise, whatever their rows are made of."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from os import PathLike, fspath
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import JsonValue

from rivusio_core import SinkError, SourceError
from rivusio_core.policy.options import OnError
from rivusio_plugins_contrib.files.arrow import ArrowFault, Schema, Table, TableWriter
from rivusio_plugins_contrib.files.parts import Parts, part_names
from rivusio_plugins_contrib.files.replacement import Replacement
from rivusio_streams.connectors.lines import path_of
from rivusio_streams.sink import Commit, TwoPhaseSink
from rivusio_streams.source import Partition, Position, Source

__all__ = ["ParquetFiles"]

T = TypeVar("T")


class ParquetFiles(Source[T], TwoPhaseSink[T], Generic[T]):
    """Base of what reads and writes Parquet: see `Parquet`.

    Args:
        path: the file, or a folder if it ends with `/` or is one; the folder that it is in must exist.
        on_error: what becomes of what is no such item: `"fail"`, `"skip"` or `"dead_letter"`.

    Raises:
        ConfigError: the path cannot be.
    """

    replay = "seekable"
    divisible = True

    def __init__(self, path: str | PathLike[str], *, on_error: OnError) -> None:
        self.path, self.on_error = path_of(path, type(self).__name__), on_error
        self.folder = fspath(path).endswith(("/", "\\")) or self.path.is_dir()
        self.commit: Commit = "two_phase" if self.folder else "replace"
        self._parts: Parts | None = None
        self._file: Replacement | None = None
        self._writer: TableWriter | None = None
        self._published = False

    @property
    def step_name(self) -> str:
        return self.path.name

    @abstractmethod
    def _schema(self) -> Schema:
        """The columns."""

    @abstractmethod
    def _read(self, path: Path, done: int) -> Partition[T]:
        """A file behind so many rows."""

    @abstractmethod
    def _begin_anew(self) -> None:
        """Forget what waits."""

    @abstractmethod
    def _rest(self) -> Table | None:
        """What waits for more, as a row group; None: nothing does."""

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
        return self._read(self.path / partition if self.folder else self.path, position or 0)

    # ------------------------------------------------------------------------------------------------- as a sink

    def open(self) -> None:
        self._published, self._parts = False, None
        self._begin_anew()
        if self.folder:
            with self._failing("opening"):
                self._parts = Parts(self.path)
        else:
            self._begin()

    def _begin(self) -> TableWriter:
        with self._failing("opening"):
            if self._parts is not None:
                self._writer = TableWriter(self._parts.begin(), self._schema())
                return self._writer
            self._file = Replacement(self.path)
            self._writer = TableWriter(self._file.file, self._schema())
            if self._published:  # and more is to come: a complete file cannot be added to
                with self.path.open("rb") as before:
                    self._writer.copy(before)
        return self._writer

    def _put(self, table: Table) -> None:
        """Write a row group."""
        writer = self._writer or self._begin()
        with self._failing("writing"):
            writer.write(table)

    def flush(self) -> None:
        if self._parts is not None:
            self.publish(self.stage())
            return
        rest = self._rest()
        if self._writer is None and rest is None:
            return  # nothing came since the last time
        if rest is not None:
            self._put(rest)
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
        parts, rest = self._staging, self._rest()
        if rest is not None:
            self._put(rest)
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

    @abstractmethod
    def _value(self) -> tuple[object, ...]:
        """What makes it the same as another."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ParquetFiles) and type(self) is type(other) and self._value() == other._value()

    def __hash__(self) -> int:
        return hash(self._value())

    def _shown(self, rows: str) -> str:
        return f"{type(self).__name__}({str(self.path) + '/' * self.folder!r}, {rows})"
