"""What connectors of text files share: a path as a value, opening to read, and durable writing."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Sequence
from io import BufferedReader, BufferedWriter
from os import PathLike
from typing import Generic, TypeVar

from rivusio_core.errors import SinkError, SourceError
from rivusio_core.policy.options import OnError
from rivusio_streams.connectors.lines import path_of
from rivusio_streams.sink import Sink
from rivusio_streams.source import Source

__all__ = ["TextFile"]

T = TypeVar("T")


class TextFile(Source[T], Sink[T], Generic[T]):
    """A file that is read from any position and written from its start, or its end with `append`.

    What was flushed has left the process and is synced to the disk.

    Args:
        path: the file; to write it, its folder must exist.
        model: the type of an item, where one is given.
        on_error: what becomes of a bad record: `"fail"`, `"skip"` or `"dead_letter"`.
        append: write behind what the file already holds.

    Raises:
        ConfigError: the path is empty or holds a NUL character.
    """

    replay = "seekable"
    commit = "append"

    def __init__(self, path: str | PathLike[str], model: object, on_error: OnError, *, append: bool) -> None:
        self.path = path_of(path, type(self).__name__)
        self.model = model
        self.on_error = on_error
        self.append = append
        self._file: BufferedWriter | None = None

    @property
    def step_name(self) -> str:
        return self.path.name

    def _open_to_read(self) -> BufferedReader:
        try:
            return self.path.open("rb")
        except OSError as error:
            raise SourceError(
                f"{self.path} cannot be read: {error.strerror}; check the path and its permissions"
            ) from error

    # ------------------------------------------------------------------------------------------------- as a sink

    @abstractmethod
    def _encode(self, batch: Sequence[T], *, first: bool) -> bytes:
        """The text of some items; `first`: nothing is in the file yet.

        Raises:
            SinkError: an item cannot be written.
        """

    def open(self) -> None:
        try:
            self._file = self.path.open("ab" if self.append else "wb")
        except OSError as error:
            raise SinkError(
                f"{self.path} cannot be written: {error.strerror}; its folder must exist and be writable"
            ) from error

    def write(self, batch: Sequence[T]) -> None:
        file = self._opened()
        try:
            file.write(self._encode(batch, first=file.tell() == 0))
        except OSError as error:
            raise SinkError(f"{self.path}: writing failed: {error.strerror}") from error

    def flush(self) -> None:
        file = self._opened()
        try:
            file.flush()
            os.fsync(file.fileno())
        except OSError as error:
            raise SinkError(f"{self.path}: flushing failed: {error.strerror}") from error

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _opened(self) -> BufferedWriter:
        if self._file is None:
            raise SinkError(f"{self.path} is not open")
        return self._file

    # ------------------------------------------------------------------------------------------------ as a value

    def _value(self) -> tuple[object, ...]:
        return (self.path, self.model, self.on_error, self.append)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TextFile) and type(self) is type(other) and self._value() == other._value()

    def __hash__(self) -> int:
        return hash((type(self), self.path))

    def __repr__(self) -> str:
        shown = [repr(str(self.path))]
        if self.model is not None:
            shown.append(self.model.__name__ if type(self.model) is type else str(self.model))
        shown += [f"on_error={self.on_error!r}"] * (self.on_error != "fail") + ["append=True"] * self.append
        return f"{type(self).__name__}({', '.join(shown)})"
