"""Sliding windows: what happened up to each item."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from typing import Any

from rivusio_streams.engine.operators.early import Pending
from rivusio_streams.engine.operators.nothing import NOTHING
from rivusio_streams.engine.operators.windowing import WindowOperator
from rivusio_streams.moment import FOREVER, as_datetime
from rivusio_streams.windows import Sliding, Timing, window_of

__all__ = ["SlidingOperator"]


@dataclass(slots=True, eq=False)
class _Window:
    """The window that ends with the items of one time of a key.

    Attributes:
        key: of the items.
        time: of the last items.
        order: in which windows came to be.
        new: where panes do not accumulate: items that no pane held yet, as (time, order, item).
        panes: how many results were given.
        held: items that wait for it to close: those for which it is the last to do so.
        closed: its on-time result was given.
        pending: what the trigger remembers.
    """

    key: Any
    time: int
    order: int
    new: list[tuple[int, int, Any]] = field(default_factory=list[tuple[int, int, Any]])
    panes: int = 0
    held: int = 0
    closed: bool = False
    pending: Pending | None = None


@dataclass(slots=True)
class _Key:
    """The items of a key that a window may need, as (time, order, item), in order; and its windows, by time."""

    items: list[tuple[int, int, Any]] = field(default_factory=list[tuple[int, int, Any]])
    windows: dict[int, _Window] = field(default_factory=dict[int, _Window])


class SlidingOperator(WindowOperator):
    """Windows of the items up to each item.

    Args:
        name: of the step.
        windows: how far back they reach.
        settings: see `WindowOperator`.
    """

    def __init__(self, name: str, windows: Sliding, *settings: Any) -> None:
        super().__init__(name, *settings)
        self._size = windows.length
        self._keys: dict[Any, _Key] = {}
        self._order, self._entry = count(), count()
        self._closing: list[tuple[int, int, _Window]] = []
        """By time and order: all windows are as long, so they close in the order of their last items."""
        self._dropping: list[tuple[int, int, _Window]] = []
        self._forgetting: list[tuple[int, int, Any]] = []
        """Time, entry, key: items of that time may be forgotten when no window can need them."""

    # --------------------------------------------------------------------------------------------------- items

    def add(self, time: int, mark: int, key: Any, value: Any) -> bool:
        own = self._keys.get(key) or _Key()
        is_own = time not in own.windows
        in_time = mark <= time + self.allowed
        after = sorted(each for each in own.windows if time < each < time + self._size)
        if is_own and not in_time and not after:
            return False
        self.check_value(value, time)
        self._keys[key] = own
        item = (time, next(self._order), value)
        place = bisect_left(own.items, (time, -1), key=_place)
        if place == len(own.items) or own.items[place][0] != time:
            heappush(self._forgetting, (time, next(self._entry), key))
        insort(own.items, item, key=_place)
        if is_own and in_time:
            own.windows[time] = self._made(key, own, item, closed=mark > time)
        self._put(own, [*([time] if time in own.windows else []), *after], item, mark)
        self.schedule()
        return True

    def _made(self, key: Any, own: _Key, item: tuple[int, int, Any], *, closed: bool) -> _Window:
        window = _Window(key, item[0], item[1], closed=closed)
        if not self.accumulate:
            window.new = [each for each in self._within(own, window.time) if each is not item]
        heappush(self._dropping if closed else self._closing, (window.time, window.order, window))
        return window

    def _put(self, own: _Key, times: Iterable[int], item: tuple[int, int, Any], mark: int) -> None:
        """Put an item into the windows of these times, in order."""
        last: _Window | None = None
        for time in times:
            window = own.windows[time]
            if not self.accumulate:
                insort(window.new, item, key=_place)
            if window.closed:
                self._give(window, mark, "late")
            else:
                last = window
                window.pending = self.heed(window.pending, window, item[2], item[0], mark)
        if last is not None:
            last.held += 1
            self.held += 1

    def _within(self, own: _Key, time: int) -> list[tuple[int, int, Any]]:
        """The items of the window that ends with this time."""
        items = own.items
        start = bisect_left(items, (time - self._size + 1, -1), key=_place)
        return items[start : bisect_left(items, (time + 1, -1), key=_place)]

    # ------------------------------------------------------------------------------------------------- time passes

    def schedule(self) -> None:
        closing = self._closing[0][0] + 1 if self._closing else FOREVER
        dropping = self._dropping[0][0] + 1 + self.allowed if self._dropping else FOREVER
        forgetting = self._forgetting[0][0] + self._size + self.allowed if self._forgetting else FOREVER
        self.next = min(closing, dropping, forgetting)
        if self.early is not None:
            self.next, self.due = min(self.next, self.early.next), self.early.due

    def advance(self, watermark: int) -> None:
        while self._closing and self._closing[0][0] < watermark:
            self.give_due(self._closing[0][0])
            self._close(heappop(self._closing)[-1])
        self.give_due(watermark)
        while self._dropping and self._dropping[0][0] + 1 + self.allowed <= watermark:
            window = heappop(self._dropping)[-1]
            del self._keys[window.key].windows[window.time]
        # What comes is not before the watermark less the allowed lateness, and no window of it reaches back this far.
        while self._forgetting and self._forgetting[0][0] + self._size + self.allowed <= watermark:
            time, _, key = heappop(self._forgetting)
            own = self._keys[key]
            del own.items[: bisect_left(own.items, (time + 1, -1), key=_place)]
            if not own.items:
                del self._keys[key]
        self.schedule()

    def _close(self, window: _Window) -> None:
        self.held -= window.held
        window.held, window.closed = 0, True
        if window.pending is not None:
            window.pending.over, window.pending = True, None
        if self.accumulate or window.new:
            self._give(window, window.time, "on_time")
        heappush(self._dropping, (window.time, window.order, window))

    def give_early(self, where: _Window, mark: int) -> None:
        where.pending = None
        self._give(where, mark, "early")

    def _give(self, window: _Window, mark: int, timing: Timing) -> None:
        held = self._within(self._keys[window.key], window.time) if self.accumulate else window.new
        accumulator: Any = NOTHING
        for time, _, value in held:
            accumulator = self.with_value(accumulator, value, time)
        span = window_of(window.time + 1 - self._size, window.time + 1)
        self.give_pane(window.key, span, accumulator, window.panes, timing, window.time, mark)
        window.panes += 1
        window.new = []

    # --------------------------------------------------------------------------------------------------- snapshots

    def snapshot(self) -> object:
        keys = [
            (
                key,
                list(own.items),
                [
                    (each.time, each.order, list(each.new), each.panes, each.held, each.closed)
                    for each in own.windows.values()
                ],
            )
            for key, own in self._keys.items()
        ]
        return {
            "keys": keys,
            "order": next(self._order),
            "early": None if self.early is None else self.early.snapshot(self._pendings(), self.now),
        }

    def _pendings(self) -> Iterator[tuple[tuple[Any, int], Pending]]:
        for key, own in self._keys.items():
            for each in own.windows.values():
                if each.pending is not None:
                    yield (key, each.time), each.pending

    def restore(self, state: Any) -> None:
        self._order = count(state["order"])
        for key, items, windows in state["keys"]:
            own = self._keys[key] = _Key([(time, order, value) for time, order, value in items])
            for time in dict.fromkeys(time for time, _, _ in own.items):
                heappush(self._forgetting, (time, next(self._entry), key))
            for time, order, new, panes, held, closed in windows:
                window = own.windows[time] = _Window(
                    key, time, order, [tuple(each) for each in new], panes, held, closed
                )
                heappush(self._dropping if closed else self._closing, (time, order, window))
        if self.early is not None:
            for (key, time), pending in self.early.restore(state["early"], self.now):
                window = self._keys[key].windows[time]
                pending.where, window.pending = window, pending
        self.schedule()

    def explain(self) -> dict[str, object]:
        return {
            "held": self.held,
            "keys": len(self._keys),
            "items kept": sum(len(own.items) for own in self._keys.values()),
            "next window ends": as_datetime(self._closing[0][0] + 1).isoformat() if self._closing else None,
        }


def _place(item: tuple[int, int, Any]) -> tuple[int, int]:
    return item[0], item[1]
