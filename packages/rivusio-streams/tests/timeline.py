"""How far event time has come, found the plain way: from the list of all that happened so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from oracle import NEVER

__all__ = ["Happening", "Idle", "Mark", "Passed", "Spoke", "Time", "Timeline"]


@dataclass(frozen=True)
class Spoke:
    """A partition gives something, whatever it is: it is not idle."""

    partition: int


@dataclass(frozen=True)
class Time:
    """An item of this time came from a partition, at a time of the clock."""

    partition: int
    time: int
    clock: int


@dataclass(frozen=True)
class Mark:
    """A partition said how far its event time has come."""

    partition: int
    time: int


@dataclass(frozen=True)
class Idle:
    """A partition was declared idle."""

    partition: int


@dataclass(frozen=True)
class Passed:
    """So much time passed on the clock."""

    by: int


Happening: TypeAlias = Spoke | Time | Mark | Idle | Passed


@dataclass(frozen=True)
class Timeline:
    """The rules.

    Attributes:
        partitions: how many there are.
        bound: how far items may be out of order; None: items move nothing.
        idle_after: how long a partition that gives nothing is waited for.
        max_future: how far beyond the clock a time may lie and still move anything.
    """

    partitions: int
    bound: int | None = None
    idle_after: int | None = None
    max_future: int | None = None

    def watermark(self, history: Sequence[Happening], before: int) -> int:
        """The watermark after all this, which was `before` before the last of it."""
        counting = [self._reached(p, history) for p in range(self.partitions) if not self._idle(p, history)]
        return max(before, min(counting, default=NEVER))

    def _reached(self, partition: int, history: Sequence[Happening]) -> int:
        marks = [each.time for each in history if isinstance(each, Mark) and each.partition == partition]
        if self.bound is not None:
            times = [each for each in history if isinstance(each, Time) and each.partition == partition]
            marks += [
                each.time - self.bound
                for each in times
                if self.max_future is None or each.time <= each.clock + self.max_future
            ]
        return max(marks, default=NEVER)

    def _idle(self, partition: int, history: Sequence[Happening]) -> bool:
        own = [
            index
            for index, each in enumerate(history)
            if isinstance(each, Spoke | Time | Mark) and each.partition == partition
        ]
        since = history[own[-1] + 1 :] if own else history
        waited = sum(each.by for each in since if isinstance(each, Passed))
        declared = any(isinstance(each, Idle) and each.partition == partition for each in since)
        return declared or (self.idle_after is not None and waited >= self.idle_after)
