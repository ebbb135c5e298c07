"""What connectors of text files share: a path as a value, opening to read, and durable writing."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from io import BufferedReader, BufferedWriter
from os import PathLike
from typing import Generic, TypeVar

from pydantic import JsonValue

from rivusio_core.errors import SinkError, SourceError
from rivusio_core.policy.options import OnError
from rivusio_streams.connectors.lines import path_of
from rivusio_streams.connectors.staged_file import StagedFile
from rivusio_streams.sink import TwoPhaseSink
from rivusio_streams.source import Source

__all__ = ["TextFile"]

T = TypeVar("T")


class TextFile(Source[T], TwoPhaseSink[T], Generic[T]):
    """A file that is read from any position and written from its start, or its end with `append`.

    What was flushed has left the process and is synced to the disk. In a run with checkpoints, the file grows by what
    each checkpoint holds: every item is there once, whatever happens. Until then it waits in hidden files beside it. A
    run that goes on from a checkpoint goes on with the file.

    Args:
        path: the file; to write it, its folder must exist.
        model: the type of an item, where one is given.
        on_error: what becomes of a bad record: `"fail"`, `"skip"` or `"dead_letter"`.
        append: write behind what the file already holds.

    Raises:
        ConfigError: the path is empty or holds a NUL character.
    """

    replay = "seekable"
    commit = "two_phase"
    divisible = True  # what cannot be encoded is found before anything is written

    def __init__(self, path: str | PathLike[str], model: object, on_error: OnError, *, append: bool) -> None:
        self.path = path_of(path, type(self).__name__)
        self.model = model
        self.on_error = on_error
        self.append = append
        self._file: BufferedWriter | None = None
        self._staged: StagedFile | None = None

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
            ItemRefused: an item cannot be written.
        """

    def open(self) -> None:
        self._file = self._staged = None
        try:
            self.path.open("ab").close()  # it is emptied only once it is known that it does not go on
        except OSError as error:
            raise SinkError(
                f"{self.path} cannot be written: {error.strerror}; its folder must exist and be writable"
            ) from error

    def write(self, batch: Sequence[T]) -> None:
        with self._failing("writing"):
            file = self._direct() if self._staged is None else self._staged
            file.write(self._encode(batch, first=file.tell() == 0))

    def flush(self) -> None:
        with self._failing("flushing"):
            file = self._direct()
            file.flush()
            os.fsync(file.fileno())

    def _direct(self) -> BufferedWriter:
        if self._file is None:
            self._file = self.path.open("ab" if self.append else "wb")
        return self._file

    def recover(self, owner: str, tokens: Sequence[JsonValue]) -> None:
        with self._failing("recovering"):
            self._staged = StagedFile(self.path, owner)
            self._staged.recover(tokens, append=self.append)

    def stage(self) -> JsonValue:
        with self._failing("staging"):
            return self._opened().stage()

    def publish(self, token: JsonValue) -> None:
        with self._failing("publishing"):
            self._opened().publish(token)

    def close(self) -> None:
        for file in (self._file, self._staged):
            if file is not None:
                file.close()

    def _opened(self) -> StagedFile:
        if self._staged is None:
            raise SinkError(f"{self.path} does not stage: recover() comes first")
        return self._staged

    @contextmanager
    def _failing(self, what: str) -> Generator[None, None, None]:
        try:
            yield
        except OSError as error:
            raise SinkError(f"{self.path}: {what} failed: {error.strerror}") from error

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
