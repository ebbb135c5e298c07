"""JSON lines: one JSON value a line, in UTF-8; as a source and as a sink."""

from __future__ import annotations

from collections.abc import Sequence
from io import BufferedReader
from itertools import islice
from os import PathLike
from typing import Any, Generic, TypeVar, overload

from pydantic import TypeAdapter

from rivusio_core.errors import SourceError
from rivusio_core.policy.options import OnError
from rivusio_streams.connectors.lines import decode_lines, encode_lines
from rivusio_streams.connectors.text_file import TextFile
from rivusio_streams.source import EndOfPartition, Partition, Position, Rejected

__all__ = ["JsonLines"]

T = TypeVar("T")


class JsonLines(TextFile[T], Generic[T]):
    """A file of JSON lines. To read it, say what a line is; to write it, that may be left out.

    Reading: blank lines are passed over; a line that is no such value is treated by `on_error`, and its error says
    file and line. Replay is seekable: a position is a byte offset and a line number.

    Writing: whatever pydantic can serialise (models, dataclasses, plain values, dates, ...); numbers that JSON lacks
    (not a number, infinity) become null. The folder must exist. The file is emptied at the start unless `append`;
    what was flushed has left the process and is synced to the disk.

    Args:
        path: the file.
        model: the type of a line: a pydantic model, a dataclass, a TypedDict, `int`, `dict[str, float]`, ...
        on_error: what becomes of a bad line: `"fail"`, `"skip"` or `"dead_letter"` (its bytes).
        append: write behind what the file already holds.

    Raises:
        ConfigError: the path is empty or holds a NUL character.

    Example:
        >>> JsonLines("orders.jsonl", dict[str, int], on_error="skip")
        JsonLines('orders.jsonl', dict[str, int], on_error='skip')
    """

    @overload
    def __init__(self: JsonLines[object], path: str | PathLike[str], *, append: bool = False) -> None: ...
    @overload
    def __init__(
        self, path: str | PathLike[str], model: type[T], *, on_error: OnError = "fail", append: bool = False
    ) -> None: ...
    def __init__(
        self,
        path: str | PathLike[str],
        model: type[T] | None = None,
        *,
        on_error: OnError = "fail",
        append: bool = False,
    ) -> None:
        super().__init__(path, model, on_error, append=append)
        self.item_type = Any if model is None else model
        self._adapter: TypeAdapter[T] | None = None if model is None else TypeAdapter(model)

    # ----------------------------------------------------------------------------------------------- as a source

    def open_partition(self, partition: str, position: Position | None) -> Partition[T]:
        if self._adapter is None:
            raise SourceError(f"{self.path}: to read it, say what a line is: JsonLines(path, Model)")
        offset, line = _place(position, str(self.path))
        file = self._open_to_read()
        file.seek(offset)
        return _Lines(file, str(self.path), self._adapter, offset, line)

    def _encode(self, batch: Sequence[T], *, first: bool) -> bytes:
        return encode_lines(batch, str(self.path))


class _Lines(Partition[T], Generic[T]):
    def __init__(self, file: BufferedReader, path: str, adapter: TypeAdapter[T], offset: int, line: int) -> None:
        self._file, self._path, self._adapter = file, path, adapter
        self._offset, self._line = offset, line
        self._rejected: list[Rejected] = []

    def next_batch(self, maximum: int) -> list[T]:
        self._rejected = []
        try:
            lines = list(islice(self._file, maximum))
        except OSError as error:
            raise SourceError(f"{self._path}:{self._line + 1}: reading failed: {error.strerror}") from error
        if not lines:
            raise EndOfPartition
        if self._offset == 0:
            lines[0] = lines[0].removeprefix(b"\xef\xbb\xbf")  # some editors put a mark before UTF-8
        items, self._rejected = decode_lines(lines, self._adapter, self._path, self._line)
        self._offset = self._file.tell()
        self._line += len(lines)
        return items

    def position(self) -> Position:
        return {"offset": self._offset, "line": self._line}

    def rejected(self) -> Sequence[Rejected]:
        return self._rejected

    def close(self) -> None:
        self._file.close()


def _place(position: Position | None, path: str) -> tuple[int, int]:
    if position is None:
        return 0, 0
    if isinstance(position, dict):
        offset, line = position.get("offset"), position.get("line")
        if isinstance(offset, int) and isinstance(line, int) and offset >= 0:
            return offset, line
    raise SourceError(f"{path}: {position!r} is no position in a file of lines")
