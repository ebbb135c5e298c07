"""Any Python iterable as a source."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from rivusio_core.errors import DefinitionError, SourceError
from rivusio_streams.connectors.pump import PumpedPartition, ThreadedPartition
from rivusio_streams.source import AsyncPartition, AsyncSource, BaseSource, EndOfPartition, Position

__all__ = ["AsyncIterableSource", "IterableSource", "SequenceSource", "source_of"]

T = TypeVar("T", covariant=True)
S = TypeVar("S")


@dataclass(frozen=True, eq=False)
class SequenceSource(AsyncSource[T], Generic[T]):
    """Items in memory: a list, tuple or range. Read by index; a position is an index."""

    items: Sequence[T]
    replay = "seekable"

    @property
    def step_name(self) -> str:
        return "items"

    async def open_partition(self, partition: str, position: Position | None) -> AsyncPartition[T]:
        start = 0 if position is None else position
        if not isinstance(start, int) or start < 0:
            raise SourceError(f"{self.step_name}: {position!r} is no position in a sequence; it is an index from 0")
        return _SequencePartition(self.items, start)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SequenceSource) and self.items is cast("SequenceSource[object]", other).items

    def __hash__(self) -> int:
        return id(self.items)

    def __repr__(self) -> str:
        return f"{type(self.items).__name__} of {len(self.items)} items"


class _SequencePartition(AsyncPartition[T]):
    def __init__(self, items: Sequence[T], start: int) -> None:
        self._items, self._next = items, start

    async def next_batch(self, maximum: int) -> list[T]:
        batch = self._items[self._next : self._next + maximum]
        batch = batch if isinstance(batch, list) else list(batch)
        if not batch:
            raise EndOfPartition
        self._next += len(batch)
        return batch

    def position(self) -> Position:
        return self._next


@dataclass(frozen=True, eq=False)
class IterableSource(AsyncSource[T], Generic[T]):
    """Any other iterable: read in a thread of its own, so that what it yielded goes on while its next item blocks.

    It is read no further ahead than the run asks for, and what it yielded before a stop is dealt with; an item that it
    is just making then is not waited for. A generator is closed at the end, in that thread. An iterator
    can be read once; where a run is to be repeated, hand over something that can be iterated again. A thread that
    is blocked inside the iterable when the run ends is left behind, and keeps no program from ending.
    """

    items: Iterable[T]

    @property
    def step_name(self) -> str:
        return "items"

    async def open_partition(self, partition: str, position: Position | None) -> AsyncPartition[T]:
        return ThreadedPartition(self.items, name="items")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IterableSource) and self.items is cast("IterableSource[object]", other).items

    def __hash__(self) -> int:
        return id(self.items)

    def __repr__(self) -> str:
        return f"iterable {type(self.items).__name__}"


@dataclass(frozen=True, eq=False)
class AsyncIterableSource(AsyncSource[T], Generic[T]):
    """An async iterable: read in a task of its own, so that what it yielded goes on while its next item waits.

    It is read no further ahead than the run asks for, and what it yielded before a stop is dealt with. An async
    generator is closed at the end, in that task.
    """

    items: AsyncIterable[T]

    @property
    def step_name(self) -> str:
        return "items"

    async def open_partition(self, partition: str, position: Position | None) -> AsyncPartition[T]:
        return PumpedPartition(self.items)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AsyncIterableSource) and self.items is cast("AsyncIterableSource[object]", other).items

    def __hash__(self) -> int:
        return id(self.items)

    def __repr__(self) -> str:
        return f"async iterable {type(self.items).__name__}"


def source_of(items: BaseSource[S] | AsyncIterable[S] | Iterable[S]) -> BaseSource[S]:
    """What `Stream.read` was given, as a source.

    Raises:
        DefinitionError: it cannot be read, or is text, whose items would be single characters.
    """
    if isinstance(items, BaseSource):
        return items
    if isinstance(items, AsyncIterable):
        return AsyncIterableSource(items)
    if isinstance(items, str | bytes):
        raise DefinitionError(
            "read: this is text, whose items are single characters; for a file write JsonLines(path, Model) or "
            "Csv(path, Model), for lines text.splitlines()"
        )
    if isinstance(items, Sequence):
        return SequenceSource(items)
    if isinstance(items, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
        return IterableSource(items)
    raise DefinitionError(f"read: {type(items).__name__} is neither a source nor an iterable nor an async iterable")
