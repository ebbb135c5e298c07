"""A source that the test drives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, Generic, Literal, TypeVar

import anyio

from rivusio_core.errors import ConfigError, Fault
from rivusio_streams.source import AsyncPartition, AsyncSource, EndOfPartition, Position

__all__ = ["Input", "Script"]

T = TypeVar("T")  # not covariant: a harness may only send what the stream takes


class _End(Enum):
    END = 0


_END: Final = _End.END


@dataclass(frozen=True)
class _Item:
    value: Any
    time: int


@dataclass(frozen=True)
class _Mark:
    time: int


@dataclass(eq=False)
class Script:
    """What one partition is to give, in order; it stays, so that it can be read again from any place.

    Attributes:
        entries: items, watermarks, the end.
        waiting: somebody reads it and has read all there is.
        changed: set when there is more.
    """

    entries: list[_Item | _Mark | _End] = field(default_factory=list[Any])
    waiting: bool = False
    changed: anyio.Event = field(default_factory=anyio.Event)

    def item(self, value: object, time: int) -> None:
        """Give an item."""
        self._add(_Item(value, time))

    def mark(self, time: int) -> None:
        """Give a watermark."""
        self._add(_Mark(time))

    def end(self) -> None:
        """Give no more."""
        if not self.ended:
            self._add(_END)

    @property
    def ended(self) -> bool:
        """The end was given."""
        return bool(self.entries) and self.entries[-1] is _END

    def _add(self, entry: _Item | _Mark | _End) -> None:
        self.entries.append(entry)
        changed, self.changed = self.changed, anyio.Event()
        changed.set()


class Input(AsyncSource[T], Generic[T]):
    """Where the items of a test come from; read by the stream under test, filled by `Harness.send`.

    Args:
        name: of the step.
        partitions: how many there are; they are numbered from 0.
        watermarks: `"auto"`: items move the watermark, as `event_time` says (in order of time, if nothing says). With
            `"manual"` they do not, and `Harness.watermark` does.

    Raises:
        ConfigError: an argument is wrong.
    """

    replay = "seekable"
    bounded = False
    timed = True

    def __init__(
        self, name: str = "input", partitions: int = 1, *, watermarks: Literal["auto", "manual"] = "auto"
    ) -> None:
        faults = list[Fault]()
        if partitions < 1:
            faults.append(Fault(f"must be 1 or more, not {partitions}", "partitions"))
        if watermarks not in ("auto", "manual"):
            faults.append(Fault(f"is 'auto' or 'manual', not {watermarks!r}", "watermarks"))
        if faults:
            raise ConfigError("Input", faults=faults)
        self._name, self._partitions = name, partitions
        self.watermarks = watermarks == "manual"
        self.scripts: list[Script] = []
        """By partition; made by the harness that drives it."""

    @property
    def step_name(self) -> str:
        return self._name

    def begin(self) -> None:
        """Start with nothing; called by the harness."""
        self.scripts = [Script() for _ in range(self._partitions)]

    async def partitions(self) -> Sequence[str]:
        return [str(index) for index in range(self._partitions)]

    async def open_partition(self, partition: str, position: Position | None) -> AsyncPartition[T]:
        return _InputPartition(self.scripts[int(partition)], position if isinstance(position, int) else 0)

    def __repr__(self) -> str:
        return f"Input({self._name!r}, partitions={self._partitions})"


class _InputPartition(AsyncPartition[T]):
    def __init__(self, script: Script, start: int) -> None:
        self._script, self._next = script, start
        self._times: list[int] = []
        self._mark: int | None = None

    async def next_batch(self, maximum: int) -> list[T]:
        script, items = self._script, list[T]()
        self._times, self._mark = [], None
        while self._next == len(script.entries):
            script.waiting = True
            try:
                await script.changed.wait()
            finally:
                script.waiting = False
        for entry in script.entries[self._next : self._next + maximum]:
            if isinstance(entry, _Item):
                items.append(entry.value)
                self._times.append(entry.time)
                self._next += 1
            elif isinstance(entry, _Mark):
                self._mark = entry.time
                self._next += 1
                break
            elif items:
                break
            else:
                raise EndOfPartition
        return items

    def position(self) -> Position:
        return self._next

    def times(self) -> Sequence[int]:
        return self._times

    def watermark(self) -> int | None:
        return self._mark
