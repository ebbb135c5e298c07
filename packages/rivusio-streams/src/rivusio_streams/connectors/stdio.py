"""Standard input and output."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast, overload

from pydantic import TypeAdapter

from rivusio_core.errors import SinkError, SourceError
from rivusio_core.policy.options import OnError
from rivusio_streams.connectors.lines import decode_lines, encode_lines
from rivusio_streams.connectors.pump import ThreadedPartition
from rivusio_streams.sink import Sink
from rivusio_streams.source import AsyncPartition, AsyncSource, Position, Rejected

__all__ = ["StdIn", "StdOut"]

T = TypeVar("T")
_BLOCK = 65_536


class StdIn(AsyncSource[T], Generic[T]):
    """The lines of standard input, each as soon as it is there.

    Args:
        model: the type of a line of JSON; left out, a line is text (UTF-8, without its line end).
        on_error: what becomes of a bad line: `"fail"`, `"skip"` or `"dead_letter"` (its bytes).
    """

    replay = "none"

    @overload
    def __init__(self: StdIn[str], *, on_error: OnError = "fail") -> None: ...
    @overload
    def __init__(self, model: type[T], *, on_error: OnError = "fail") -> None: ...
    def __init__(self, model: type[Any] | None = None, *, on_error: OnError = "fail") -> None:
        self.model = model
        self.item_type = str if model is None else model
        self.on_error = on_error

    @property
    def step_name(self) -> str:
        return "stdin"

    async def open_partition(self, partition: str, position: Position | None) -> AsyncPartition[T]:
        try:
            descriptor = sys.stdin.fileno()
        except (OSError, ValueError, AttributeError) as error:
            raise SourceError("standard input is closed or no file; give the program one") from error
        adapter = None if self.model is None else cast("TypeAdapter[T]", TypeAdapter(self.model))
        return _Lines(descriptor, adapter)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StdIn) and (self.model, self.on_error) == (other.model, other.on_error)

    def __hash__(self) -> int:
        return hash((StdIn, self.on_error))

    def __repr__(self) -> str:
        return "StdIn()" if self.model is None else f"StdIn({self.model.__name__})"


class _Lines(AsyncPartition[T], Generic[T]):
    def __init__(self, descriptor: int, adapter: TypeAdapter[T] | None) -> None:
        self._lines = ThreadedPartition(_read_lines(descriptor), name="stdin")
        self._adapter = adapter
        self._before = 0
        self._rejected: list[Rejected] = []

    async def next_batch(self, maximum: int) -> list[T]:
        self._rejected = []
        lines = await self._lines.next_batch(maximum)
        before, self._before = self._before, self._before + len(lines)
        if self._adapter is None:
            return [cast("T", line.rstrip(b"\r\n").decode("utf-8", "replace")) for line in lines]
        items, self._rejected = decode_lines(lines, self._adapter, "<stdin>", before)
        return items

    def rejected(self) -> Sequence[Rejected]:
        return self._rejected

    async def close(self) -> None:
        await self._lines.close()


def _read_lines(descriptor: int) -> Iterator[bytes]:
    # Not through sys.stdin: its lock, held by a thread that still reads, would break the end of the program.
    rest = b""
    while block := os.read(descriptor, _BLOCK):
        *lines, rest = (rest + block).split(b"\n")
        yield from lines
    if rest:
        yield rest


@dataclass(frozen=True)
class StdOut(Sink[object]):
    """Standard output: text as it is, anything else as JSON, one line each, written at once."""

    commit = "append"
    divisible = True

    @property
    def step_name(self) -> str:
        return "stdout"

    def write(self, batch: Sequence[object]) -> None:
        text = b"".join(
            f"{value}\n".encode() if isinstance(value, str) else encode_lines([value], "standard output")
            for value in batch
        )
        try:
            sys.stdout.buffer.write(text)
            sys.stdout.buffer.flush()
        except BrokenPipeError as error:
            raise SinkError("standard output: the program that reads it has gone away") from error
        except OSError as error:
            raise SinkError(f"standard output: writing failed: {error.strerror}") from error
