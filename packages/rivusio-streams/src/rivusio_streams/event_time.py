"""Event time: when an item happened, and how far event time has come (the watermark).

A watermark W promises that no on-time item with time < W follows. Bounded out-of-orderness: W follows the largest
time seen at a distance. It is kept per source partition; the smallest of those that are not idle counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import Any

from rivusio_core.duration import Duration, duration_text, microseconds
from rivusio_core.errors import ConfigError, Fault
from rivusio_streams.engine.marks import OwnMarks, Span
from rivusio_streams.moment import FOREVER, NEVER
from rivusio_streams.watermark import WatermarkStrategy

__all__ = ["EventTime", "Watermarks"]


@dataclass(frozen=True)
class EventTime:
    """How the items of a stream are given their times.

    Attributes:
        of: the time of an item: an aware datetime, or an int of microseconds since the epoch; None where the source
            knows.
        out_of_order: microseconds that an item may come after a later one without being late.
        idle_after: microseconds after which a partition that gives nothing holds back no longer; None: it always does.
        max_future: microseconds; a time further ahead of the clock does not move the watermark; None: any does.
        strategy: moves the watermark in place of `out_of_order`.
        by_clock: an item's time is that of the clock when it comes by, and the watermark is the clock.
    """

    of: Callable[[Any], datetime | int] | None = None  # Any: checked where `Stream.event_time` is called
    out_of_order: int = 0
    idle_after: int | None = None
    max_future: int | None = None
    strategy: WatermarkStrategy[Any, Any] | None = None
    by_clock: bool = False

    @staticmethod
    def checked(
        of: Callable[[Any], datetime | int] | None,
        out_of_order: Duration,
        idle_after: Duration | None,
        max_future: Duration | None,
        strategy: WatermarkStrategy[Any, Any] | None = None,
    ) -> EventTime:
        """Made of durations, as users give them.

        Raises:
            ConfigError: listing each that is wrong.
        """
        faults = list[Fault]()
        bound = _micros(out_of_order, "out_of_order", faults, least=0) or 0
        idle = _micros(idle_after, "idle_after", faults, least=1)
        future = _micros(max_future, "max_future", faults, least=0)
        if strategy is not None and bound:
            faults.append(Fault("says how far event time has come; leave out_of_order to it", "watermarks"))
        if faults:
            raise ConfigError("event_time", faults=faults)
        return EventTime(of, bound, idle, future, strategy)

    def __str__(self) -> str:
        if self.by_clock:
            return "by the clock"
        parts = [f"out of order {duration_text(self.out_of_order)}" if self.strategy is None else repr(self.strategy)]
        if self.idle_after is not None:
            parts.append(f"idle after {duration_text(self.idle_after)}")
        if self.max_future is not None:
            parts.append(f"max future {duration_text(self.max_future)}")
        return ", ".join(parts)


def _micros(value: Duration | None, name: str, faults: list[Fault], *, least: int) -> int | None:
    if value is None:
        return None
    try:
        found = microseconds(value, name)
    except ConfigError as error:
        faults += error.faults
        return None
    if found < least:
        faults.append(Fault("must not be negative" if least == 0 else "must be longer than 0", name))
    return found


class Watermarks:
    """The watermarks of some partitions, and the smallest of them.

    A partition counts as minus infinity until it was seen, does not count while it is idle, and counts as plus
    infinity when it is over. While all are idle the combined watermark holds. It never goes back.
    """

    def __init__(self, partitions: list[int], out_of_order: int) -> None:
        self._bound = out_of_order
        self._reached: dict[int, int] = dict.fromkeys(partitions, NEVER)
        self._idle: set[int] = set()
        self.combined = NEVER

    def others(self, partition: int) -> int:
        """The smallest watermark of the other partitions that count; FOREVER if there are none."""
        if len(self._reached) == 1:
            return FOREVER
        idle = self._idle
        return min((w for p, w in self._reached.items() if p != partition and p not in idle), default=FOREVER)

    def reached(self, partition: int) -> int:
        """The watermark of one partition."""
        return self._reached[partition]

    def pass_items(
        self, partition: int, times: list[int], moving: list[int] | None = None, span: Span | None = None
    ) -> Sequence[int]:
        """Let items of one partition go by, and its watermark follow; gives the combined watermark *before* each.

        Args:
            partition: theirs.
            times: theirs.
            moving: the same, with NEVER for those that must not move the watermark.
            span: the smallest and the largest of them, where that is known.
        """
        if moving is not None:
            marks = OwnMarks(self._reached[partition], moving, self._bound)
            return self._pass(partition, [*marks, marks.highest])
        marks = OwnMarks(self._reached[partition], times, self._bound, span)
        if self.alone(partition):
            self._idle.discard(partition)
            self._reached[partition] = self.combined = marks.highest
            return marks
        return self._pass(partition, [*marks, marks.highest])

    def pass_latest(self, partition: int, latest: int) -> None:
        """As `pass_items` for a partition that is `alone`, of whose items this is the latest time."""
        self._idle.discard(partition)
        self._reached[partition] = self.combined = max(self._reached[partition], latest - self._bound)

    def pass_given(self, partition: int, after: Iterable[int]) -> Sequence[int]:
        """As `pass_items`, where something else says how far event time has come after each item; NEVER: nothing."""
        return self._pass(partition, list(accumulate(after, max, initial=self._reached[partition])))

    def _pass(self, partition: int, own: list[int]) -> list[int]:
        self._idle.discard(partition)
        others, floor, alone = self.others(partition), self.combined, self.alone(partition)
        self._reached[partition] = own.pop()
        self._combine()
        return own if alone else [max(floor, min(others, mark)) for mark in own]

    def alone(self, partition: int) -> bool:
        """Nothing can hold its watermark back."""
        return self._reached[partition] == self.combined > NEVER and self.others(partition) == FOREVER

    def reach(self, partition: int, watermark: int) -> None:
        """The partition itself says how far its event time has come."""
        self._idle.discard(partition)
        self._reached[partition] = max(self._reached[partition], watermark)
        self._combine()

    @property
    def all_idle(self) -> bool:
        """No partition counts, and at least one may come back."""
        return bool(self._idle) and all(w == FOREVER or p in self._idle for p, w in self._reached.items())

    def go_idle(self, partition: int) -> None:
        """The partition gave nothing for a while."""
        if self._reached[partition] != FOREVER:
            self._idle.add(partition)
            self._combine()

    def is_idle(self, partition: int) -> bool:
        """Nothing waits for this partition."""
        return partition in self._idle

    def end(self, partition: int) -> None:
        """The partition is over."""
        self._idle.discard(partition)
        self._reached[partition] = FOREVER
        self._combine()

    def _combine(self) -> None:
        counting = [w for p, w in self._reached.items() if p not in self._idle]
        # Ended partitions alone do not end event time while others are merely idle: those may speak up again.
        if counting and not (self._idle and min(counting) == FOREVER):
            self.combined = max(self.combined, min(counting))

    # --------------------------------------------------------------------------------------------------- snapshots

    def snapshot(self) -> dict[int, tuple[int, bool]]:
        """By partition: its watermark, and whether it is idle."""
        return {partition: (reached, partition in self._idle) for partition, reached in self._reached.items()}

    def restore(self, state: Mapping[int, tuple[int, bool]], combined: int) -> None:
        """Take up a snapshot; partitions that it does not know are as at the beginning."""
        for partition, (reached, idle) in state.items():
            self._reached[partition] = reached
            if idle:
                self._idle.add(partition)
        self.combined = combined
