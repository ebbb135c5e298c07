"""What travels in order with the data, besides chunks."""

from __future__ import annotations

from dataclasses import dataclass

from rivusio_core.engine.stage import Barrier, End, Signal

__all__ = ["Barrier", "Cut", "Idle", "PartitionEnded", "PartitionIdle", "PartitionWatermark", "Stop", "Watermark"]


@dataclass(frozen=True)
class Watermark(Signal):
    """No on-time item with an event time before this one (microseconds) follows."""

    time: int


@dataclass(frozen=True)
class Cut(Signal):
    """The end of a chunk: follows every one, where items have to be put back in order behind a concurrent step."""


@dataclass(frozen=True)
class Idle(Signal):
    """All partitions are idle: nothing is to wait for this stream's watermark until it gives something again."""


@dataclass(frozen=True)
class PartitionIdle(Signal):
    """A partition gave nothing for so long. For the step that makes watermarks, if it waits for as long as that.

    Attributes:
        origin: the partition, see `engine.origin`.
        after: microseconds; None: whatever a step waits for.
    """

    origin: int
    after: int | None


@dataclass(frozen=True)
class PartitionEnded(Signal):
    """A partition is over."""

    origin: int


@dataclass(frozen=True)
class PartitionWatermark(Signal):
    """A partition itself says how far its event time has come.

    Attributes:
        origin: the partition.
        time: microseconds.
    """

    origin: int
    time: int


@dataclass
class Stop(End):
    """The run was asked to stop: batches are given as at the end of input, open windows are not.

    Attributes:
        holding: a step it passed keeps items that have reached no sink.
    """

    holding: bool = False
