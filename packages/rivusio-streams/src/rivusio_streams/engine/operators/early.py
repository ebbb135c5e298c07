"""What triggers remember of windows, and when they want a pane."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from typing import Any

from rivusio_streams.moment import FOREVER
from rivusio_streams.trigger import Trigger, delays

__all__ = ["Early", "Pending"]


@dataclass(slots=True, eq=False)
class Pending:
    """Items of a window and key that no pane holds yet.

    Attributes:
        where: window and key, as their operator calls them.
        state: of the trigger.
        order: in which they began to wait; deadlines that are equal are met in this order.
        by_event_time: the watermark at which a pane is to be given; FOREVER: none.
        by_clock: the same of the clock (microseconds of `Clock.monotonic`).
        over: a pane was given, or the window closed.
    """

    where: Any
    state: Any
    order: int
    by_event_time: int = FOREVER
    by_clock: int = FOREVER
    over: bool = False

    def kept(self) -> object:
        """What a snapshot keeps."""
        return self.state, self.order, self.by_event_time, self.by_clock


class Early:
    """The trigger of one step at work.

    Args:
        trigger: a value.
    """

    def __init__(self, trigger: Trigger[Any, Any]) -> None:
        self._trigger = trigger
        self._after, self._after_clock = delays(trigger)
        self._entry = count()
        self.order = 0
        """Of the next that is pending."""
        self._by_event_time: list[tuple[int, int, int, Pending]] = []
        self._by_clock: list[tuple[int, int, int, Pending]] = []

    @property
    def clocked(self) -> bool:
        """The clock is needed."""
        return self._after_clock is not None

    @property
    def next(self) -> int:
        """The watermark at which somebody wants a pane; FOREVER: nobody."""
        return self._by_event_time[0][0] if self._by_event_time else FOREVER

    @property
    def due(self) -> int:
        """The clock's reading at which somebody wants a pane; FOREVER: nobody."""
        return self._by_clock[0][0] if self._by_clock else FOREVER

    def on_item(
        self, pending: Pending | None, where: Any, value: Any, time: int, mark: int, now: int
    ) -> tuple[Pending, bool]:
        """An item came into an open window.

        Args:
            pending: what was pending there; None: nothing.
            where: window and key, as the operator calls them.
            value: the item.
            time: when it happened.
            mark: the watermark just before it.
            now: the clock.

        Returns:
            What is pending; and whether a pane is to be given at once.
        """
        if pending is None:
            pending = Pending(where, self._trigger.create(), self.order)
            self.order += 1
            if self._after is not None:
                pending.by_event_time = time + self._after
            if self._after_clock is not None:
                pending.by_clock = now + self._after_clock
            if pending.by_event_time > mark:
                self._wait(pending)
        pending.state, fires = self._trigger.on_item(pending.state, value, time)
        return pending, fires or pending.by_event_time <= mark

    def _wait(self, pending: Pending) -> None:
        if pending.by_event_time < FOREVER:
            heappush(self._by_event_time, (pending.by_event_time, pending.order, next(self._entry), pending))
        if pending.by_clock < FOREVER:
            heappush(self._by_clock, (pending.by_clock, pending.order, next(self._entry), pending))

    def merged(self, pendings: Iterable[Pending], where: Any) -> Pending | None:
        """What is pending where several windows became one: the earliest deadlines; None: nothing."""
        made: Pending | None = None
        for each in sorted(pendings, key=lambda pending: pending.order):
            each.over = True
            if made is None:
                made = Pending(where, each.state, each.order, each.by_event_time, each.by_clock)
            else:
                made.state = self._trigger.merge(made.state, each.state)
                made.by_event_time = min(made.by_event_time, each.by_event_time)
                made.by_clock = min(made.by_clock, each.by_clock)
        if made is not None:
            self._wait(made)
        return made

    def due_by_event_time(self, watermark: int) -> Iterator[Pending]:
        """Take out what is to be given by this watermark, in order."""
        while self._by_event_time and self._by_event_time[0][0] <= watermark:
            pending = heappop(self._by_event_time)[-1]
            if not pending.over:
                yield pending

    def due_by_clock(self, now: int) -> Iterator[Pending]:
        """Take out what is to be given by now, in order."""
        while self._by_clock and self._by_clock[0][0] <= now:
            pending = heappop(self._by_clock)[-1]
            if not pending.over:
                yield pending

    # --------------------------------------------------------------------------------------------------- snapshots

    def restored(self, kept: Any, where: Any) -> Pending | None:
        """What was pending somewhere, as `Pending.kept` gave it."""
        if kept is None:
            return None
        state, order, by_event_time, by_clock = kept
        pending = Pending(where, state, order, by_event_time, by_clock)
        self._wait(pending)
        return pending
