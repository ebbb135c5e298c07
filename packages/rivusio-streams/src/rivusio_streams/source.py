"""Sources: where items come from. A contract for connector authors.

A source is a value: it says where to read and how, and holds nothing open. A run asks it for its partitions, opens
each of them, and reads batches. Derive from `Source` where the client library blocks (the run calls it in worker
threads) and from `AsyncSource` where it is async (the run calls it on the event loop, asyncio or trio).

Example, a source of the lines of one text file that can go on from where it stopped:

    >>> from pathlib import Path
    >>> class Lines(Source[str]):
    ...     replay = "seekable"
    ...     def __init__(self, path: Path) -> None:
    ...         self.path = path
    ...     def open_partition(self, partition: str, position: Position | None) -> Partition[str]:
    ...         return LinesPartition(self.path, position if isinstance(position, int) else 0)
    >>> class LinesPartition(Partition[str]):
    ...     def __init__(self, path: Path, offset: int) -> None:
    ...         self.file = path.open("rb")
    ...         self.file.seek(offset)
    ...     def next_batch(self, maximum: int) -> list[str]:
    ...         lines = [line.decode() for _, line in zip(range(maximum), self.file)]
    ...         if not lines:
    ...             raise EndOfPartition
    ...         return lines
    ...     def position(self) -> Position:
    ...         return self.file.tell()
    ...     def close(self) -> None:
    ...         self.file.close()
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from pydantic import JsonValue

from rivusio_core.errors import BadRecord
from rivusio_core.policy.options import OnError

__all__ = [
    "AsyncPartition",
    "AsyncSource",
    "BasePartition",
    "BaseSource",
    "EndOfPartition",
    "Partition",
    "Position",
    "Rejected",
    "Replay",
    "Source",
]

T = TypeVar("T", covariant=True)

Position: TypeAlias = JsonValue
"""Where a partition stands, as JSON: an offset, an id, a small object. It is kept in checkpoints."""

Replay: TypeAlias = Literal["seekable", "redelivered", "none"]
"""What can be read again after a crash.

* `"seekable"`: `open_partition` with a position goes on right behind it (files, Kafka, tables).
* `"redelivered"`: what was not acknowledged is delivered again, in any order (queues).
* `"none"`: what was read is gone (sockets, iterables).
"""


class EndOfPartition(Exception):  # no error, as StopIteration is none
    """Raised by `next_batch` when a bounded partition has no more items. Not an error."""


@dataclass(frozen=True)
class Rejected:
    """A record that was read but could not be made an item of.

    Attributes:
        index: how many items of the same batch come before it.
        raw: what was read; it goes into a dead letter, and into nothing else.
        error: why; its message says where (file and line, offset) and does not quote the record.
    """

    index: int
    raw: object
    error: BadRecord


class BaseSource(ABC, Generic[T]):
    """Where items of type `T` come from; base of `Source` and `AsyncSource`.

    A source is a value: two runs may read it at once, so it keeps nothing of a run. `__eq__` and `__repr__` should be
    those of a value (a frozen dataclass does), and `__repr__` must not show secrets.

    Attributes, set in the class or per instance:
        replay: what can be read again after a crash.
        bounded: its partitions end by themselves.
        timed: its partitions know event times (`times()`).
        watermarks: its partitions say how far event time has come (`watermark()`); their items then do not move it.
        item_type: the type of the items as known at run time, to find wrong compositions early; Any where unknown.
        on_error: what becomes of a record that cannot be decoded: `"fail"`, `"skip"` or `"dead_letter"`.
    """

    replay: Replay = "none"
    bounded: bool = True
    timed: bool = False
    watermarks: bool = False
    item_type: object = Any
    on_error: OnError = "fail"

    @property
    def step_name(self) -> str:
        """The name in reports, graphs and metrics; the class name unless overridden."""
        return type(self).__name__


class BasePartition(ABC, Generic[T]):
    """What both kinds of partitions say about the batch that `next_batch` returned last; these calls do no I/O."""

    def position(self) -> Position:
        """Where the partition stands *after* everything that was returned, rejected records included.

        None (the default) where there is nothing to go back to.
        """
        return None

    def times(self) -> Sequence[int] | None:
        """The event times of the items returned last: microseconds since the epoch, UTC, one each; None if unknown."""
        return None

    def watermark(self) -> int | None:
        """How far event time has come behind the items returned last: no item with an earlier time follows.

        Microseconds since the epoch, UTC; None: nothing new is known. Asked where the source says `watermarks`, also
        after an empty batch.
        """
        return None

    def rejected(self) -> Sequence[Rejected]:
        """The records read with the last batch that could not be decoded, in order."""
        return ()


class Source(BaseSource[T]):
    """A source whose client library blocks. Every method is called in a worker thread."""

    def partitions(self) -> Sequence[str]:
        """The keys of the partitions, each named once: `("0",)` unless overridden. No partitions: nothing to read.

        Raises:
            SourceError: the system cannot be reached.
        """
        return ("0",)

    @abstractmethod
    def open_partition(self, partition: str, position: Position | None) -> Partition[T]:
        """Open a partition.

        Args:
            partition: one of `partitions()`.
            position: what `position()` gave earlier, to go on right behind it; None: from the start.

        Raises:
            SourceError: it cannot be opened, or `position` is none of its own.
        """


class Partition(BasePartition[T]):
    """An open partition of a `Source`.

    The run calls `next_batch`, then `position`, `times` and `rejected` for that batch, and so on, and `close` once at
    the end. Calls of one partition never overlap, but may come from different threads. Partitions of one source are
    read at the same time. The next batch is asked for only when there is room for it: that is the back-pressure.
    """

    @abstractmethod
    def next_batch(self, maximum: int) -> list[T]:
        """What there is, up to `maximum` items: without waiting if anything is there.

        May block, but for no more than about a second, since a stop is heeded between calls: `[]` says that there is
        nothing now. It will be asked again (at once, if the call took its time, else after a moment).

        Raises:
            EndOfPartition: nothing will ever follow (bounded partitions).
            SourceError: reading failed; the message says where and what to do. Other exceptions are wrapped in one.
        """

    def acknowledge(self, position: Position) -> None:
        """Everything up to `position` (as given by `position()`) is safe in every sink; it will not be asked for again.

        Called between other calls, from time to time and at the end of a run that did not fail. May block.
        """

    def close(self) -> None:
        """Release what `open_partition` took. Called once, also after errors; it acknowledges nothing."""


class AsyncSource(BaseSource[T]):
    """A source whose client library is async. Every method is called on the event loop."""

    async def partitions(self) -> Sequence[str]:
        """The keys of the partitions, each named once: `("0",)` unless overridden. No partitions: nothing to read.

        Raises:
            SourceError: the system cannot be reached.
        """
        return ("0",)

    @abstractmethod
    async def open_partition(self, partition: str, position: Position | None) -> AsyncPartition[T]:
        """Open a partition.

        Args:
            partition: one of `partitions()`.
            position: what `position()` gave earlier, to go on right behind it; None: from the start.

        Raises:
            SourceError: it cannot be opened, or `position` is none of its own.
        """


class AsyncPartition(BasePartition[T]):
    """An open partition of an `AsyncSource`.

    The run calls `next_batch`, then `position`, `times` and `rejected` for that batch, and so on, and `close` once at
    the end. All calls come from the run's event loop. They do not overlap, with one exception: `acknowledge` may be
    called while `next_batch` waits. `next_batch` is cancelled when the run stops or fails: an item that it holds by
    then must not count as returned (`position()` stays before it).
    """

    @abstractmethod
    async def next_batch(self, maximum: int) -> list[T]:
        """What there is, up to `maximum` items; waits, for as long as it takes, until there is at least one.

        `[]` says that there is nothing now; it will be asked again after a moment.

        Raises:
            EndOfPartition: nothing will ever follow (bounded partitions).
            SourceError: reading failed; the message says where and what to do. Other exceptions are wrapped in one.
        """

    async def work(self) -> None:
        """What must go on beside the other calls: heartbeats, a consumer loop. Nothing, unless overridden.

        Runs in a task of its own from `open_partition` until just before `close`, when it is cancelled; it may end
        earlier. An exception that it raises fails the run.
        """

    def fetched_ahead(self) -> list[T]:
        """What was taken from where nothing can be read twice, and is not returned yet; nothing more is taken then.

        Asked when a stop has ended the reading, and `work` is over. Nothing, unless overridden.
        """
        return []

    async def acknowledge(self, position: Position) -> None:
        """Everything up to `position` (as given by `position()`) is safe in every sink; it will not be asked for again.

        Called from time to time and at the end of a run that did not fail.
        """

    async def close(self) -> None:
        """Release what `open_partition` took. Called once, also after errors; it acknowledges nothing."""
