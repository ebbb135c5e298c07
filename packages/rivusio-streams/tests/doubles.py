"""Sources and sinks for tests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import anyio

from rivusio_streams import (
    AsyncPartition,
    AsyncSink,
    AsyncSource,
    EndOfPartition,
    Partition,
    Position,
    Sink,
    Source,
    Windowed,
)

T = TypeVar("T")
SECOND = 1_000_000


@dataclass(frozen=True)
class Event:
    """An item with a time in seconds."""

    time: float
    key: str = "a"
    value: int = 1

    @property
    def micros(self) -> int:
        return round(self.time * SECOND)


def micros(event: Event) -> int:
    return event.micros


def key(event: Event) -> str:
    return event.key


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)


def shown(results: Sequence[Windowed[Any, Any]]) -> list[tuple[Any, float, Any]]:
    """Key, start of the window in seconds, value."""
    return [(each.key, each.window.start.timestamp(), each.value) for each in results]


class Log(list[T]):
    """A list that can be waited for: without keeping the event loop busy, so that a virtual clock can jump."""

    def __init__(self) -> None:
        super().__init__()
        self._changed = anyio.Event()

    def append(self, item: T) -> None:
        super().append(item)
        self._change()

    def extend(self, items: Iterable[T]) -> None:
        super().extend(items)
        self._change()

    def _change(self) -> None:
        changed, self._changed = self._changed, anyio.Event()
        changed.set()

    async def until(self, length: int) -> None:
        """Wait until there are so many entries."""
        while len(self) < length:
            await self._changed.wait()


@dataclass(eq=False)
class Partitions(AsyncSource[T], Generic[T]):
    """Lists as partitions, given in lots of a certain size; hears what is acknowledged."""

    lists: Sequence[Sequence[T]]
    lot: int = 1_000_000
    acknowledged: dict[str, Position] = field(default_factory=dict[str, Position])
    closed: list[str] = field(default_factory=list[str])

    async def partitions(self) -> Sequence[str]:
        return [str(index) for index in range(len(self.lists))]

    async def open_partition(self, partition: str, position: Position | None) -> AsyncPartition[T]:
        return _Part(self, partition)


class _Part(AsyncPartition[T]):
    def __init__(self, source: Partitions[T], name: str) -> None:
        self.source, self.name, self.next = source, name, 0

    async def next_batch(self, maximum: int) -> list[T]:
        await anyio.lowlevel.checkpoint()
        items = self.source.lists[int(self.name)]
        lot = list(items[self.next : self.next + min(maximum, self.source.lot)])
        if not lot:
            raise EndOfPartition
        self.next += len(lot)
        return lot

    def position(self) -> Position:
        return self.next

    async def acknowledge(self, position: Position) -> None:
        self.source.acknowledged[self.name] = position

    async def close(self) -> None:
        self.source.closed.append(self.name)


@dataclass(eq=False)
class Fed(AsyncSource[T], Generic[T]):
    """One partition that the test feeds through a memory stream; closing it is the end."""

    log: list[str] = field(default_factory=list[str])
    acknowledged: Log[Position] = field(default_factory=lambda: Log[Position]())
    bounded = False

    def __post_init__(self) -> None:
        self.send, self.receive = anyio.create_memory_object_stream[list[T]](100)

    async def open_partition(self, partition: str, position: Position | None) -> AsyncPartition[T]:
        return _FedPart(self)


class _FedPart(AsyncPartition[T]):
    def __init__(self, source: Fed[T]) -> None:
        self.source, self.count = source, 0

    async def next_batch(self, maximum: int) -> list[T]:
        try:
            lot = await self.source.receive.receive()
        except anyio.EndOfStream:
            raise EndOfPartition from None
        self.count += len(lot)
        return lot

    def position(self) -> Position:
        return self.count

    async def acknowledge(self, position: Position) -> None:
        self.source.acknowledged.append(position)

    async def close(self) -> None:
        self.source.log.append("closed")
        self.source.send.close()
        self.source.receive.close()


@dataclass(eq=False)
class Blocking(Source[int]):
    """A sync source of numbers."""

    numbers: Sequence[int]
    log: list[str] = field(default_factory=list[str])
    fails_at: int | None = None

    def open_partition(self, partition: str, position: Position | None) -> Partition[int]:
        return _BlockingPart(self)


class _BlockingPart(Partition[int]):
    def __init__(self, source: Blocking) -> None:
        self.source, self.next = source, 0

    def next_batch(self, maximum: int) -> list[int]:
        if self.source.fails_at is not None and self.next >= self.source.fails_at:
            raise OSError("disk gone")
        good = self.source.numbers[: self.source.fails_at]
        lot = list(good[self.next : self.next + min(maximum, 3)])
        if not lot:
            raise EndOfPartition
        self.next += len(lot)
        return lot

    def position(self) -> Position:
        return self.next

    def acknowledge(self, position: Position) -> None:
        self.source.log.append(f"acknowledged {position}")

    def close(self) -> None:
        self.source.log.append("closed")


@dataclass(eq=False)
class Recorder(AsyncSink[object]):
    """Writes down what is called; may wait in `write` and fail in any call."""

    log: list[str] = field(default_factory=list[str])
    items: list[Any] = field(default_factory=list[Any])
    fails: str = ""
    gate: anyio.Event | None = None

    def _note(self, what: str) -> None:
        self.log.append(what)
        if what == self.fails:
            raise RuntimeError(f"{what} failed")

    async def open(self) -> None:
        self._note("open")

    async def write(self, batch: Sequence[object]) -> None:
        self._note("write")
        if self.gate is not None:
            await self.gate.wait()
        self.items.extend(batch)

    async def flush(self) -> None:
        self._note("flush")

    async def close(self) -> None:
        self._note("close")


@dataclass(eq=False)
class BlockingRecorder(Sink[object]):
    """The same, called in threads."""

    log: list[str] = field(default_factory=list[str])
    items: list[Any] = field(default_factory=list[Any])

    def open(self) -> None:
        self.log.append("open")

    def write(self, batch: Sequence[object]) -> None:
        self.items.extend(batch)

    def flush(self) -> None:
        self.log.append("flush")

    def close(self) -> None:
        self.log.append("close")
