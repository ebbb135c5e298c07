"""What the operators of all kinds of windows have in common: their settings, and early panes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from rivusio_streams.aggregate import Aggregator
from rivusio_streams.engine.operator import Operator
from rivusio_streams.engine.operators.early import Early, Pending
from rivusio_streams.engine.operators.nothing import NOTHING
from rivusio_streams.engine.operators.panes import Panes
from rivusio_streams.trigger import Trigger
from rivusio_streams.windows import Timing, Window

__all__ = ["WindowOperator"]


class WindowOperator(Operator):
    """Base of the operators of windows that close by event time.

    Args:
        name: of the step.
        aggregator: what becomes of the items of a window.
        allowed: microseconds for which a closed window takes late items.
        accumulate: a pane holds all items so far; else those that no pane held yet.
        trigger: gives early panes.
        panes: makes results.
    """

    def __init__(
        self,
        name: str,
        aggregator: Aggregator[Any, Any, Any],
        allowed: int,
        accumulate: bool,
        trigger: Trigger[Any, Any] | None,
        panes: Panes,
    ) -> None:
        super().__init__(name)
        self.fold, self.allowed, self.accumulate, self._panes = aggregator, allowed, accumulate, panes
        self.early = None if trigger is None else Early(trigger)
        self.clocked = self.early is not None and self.early.clocked

    def with_value(self, accumulator: Any, value: Any, time: int) -> Any:
        """An accumulator, or NOTHING, with one more value."""
        return self.fold.add_at(self.fold.create() if accumulator is NOTHING else accumulator, value, time)

    def check_value(self, value: Any, time: int) -> None:
        """Have the aggregator refuse an item before anything is changed.

        Raises:
            Exception: what the aggregator raises.
        """
        self.fold.add_at(self.fold.create(), value, time)

    def dump(self, accumulator: Any) -> Any:
        """What a snapshot keeps of an accumulator or NOTHING."""
        return NOTHING if accumulator is NOTHING else self.fold.dump(accumulator)

    def load(self, kept: Any) -> Any:
        """The accumulator of what `dump` gave."""
        return NOTHING if kept is NOTHING else self.fold.load(kept)

    def give_pane(
        self, key: Any, window: Window, accumulator: Any, index: int, timing: Timing, time: int, mark: int
    ) -> None:
        """Give the results of a pane.

        Raises:
            PipeError: the aggregator failed.
        """
        for result in self._panes.made(key, window, self._panes.result(accumulator), index, timing):
            self.give(result, time, mark)

    def give_closed(self, window: Window, accumulators: Mapping[Any, Any], time: int) -> None:
        """Give the only results of a window, by key, when it closes.

        Raises:
            PipeError: the aggregator failed.
        """
        results = self._panes.closed(window, accumulators)
        self.values += results
        self.times += [time] * len(results)
        self.marks += [time] * len(results)

    @property
    def keeps_closed(self) -> bool:
        """More than one pane may come of a window."""
        return bool(self.allowed) or self.early is not None

    # ------------------------------------------------------------------------------------------------ early panes

    @property
    def early_order(self) -> int:
        """For headers: the number of the next that is pending."""
        return 0 if self.early is None else self.early.order

    @early_order.setter
    def early_order(self, order: int) -> None:
        if self.early is not None:
            self.early.order = order

    def restored(self, kept: Any, where: Any) -> Pending | None:
        """What was pending somewhere."""
        return None if self.early is None else self.early.restored(kept, where)

    def heed(self, pending: Pending | None, where: Any, value: Any, time: int, mark: int) -> Pending | None:
        """Ask the trigger about an item that came into an open window; gives what is pending there then."""
        if self.early is None:
            return None
        found, fires = self.early.on_item(pending, where, value, time, mark, self.now)
        if fires:
            found.over = True
            self.give_early(where, mark)
            return None
        return found

    @abstractmethod
    def give_early(self, where: Any, mark: int) -> None:
        """Give an early pane of an open window in which something is new, and forget what was pending there."""

    @abstractmethod
    def schedule(self) -> None:
        """Set `next` and `due`."""

    def give_due(self, watermark: int) -> None:
        """Give the early panes that are due by this watermark."""
        if self.early is not None:
            for pending in self.early.due_by_event_time(watermark):
                pending.over = True
                self.give_early(pending.where, pending.by_event_time)

    def tick(self) -> None:
        if self.early is not None:
            for pending in self.early.due_by_clock(self.now):
                pending.over = True
                self.give_early(pending.where, self.watermark)
            self.schedule()
