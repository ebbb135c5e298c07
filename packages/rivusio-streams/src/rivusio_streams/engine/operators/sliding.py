"""Sliding windows: what happened up to each item."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from typing import Any

from rivusio_core.engine.stage import GONE
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
        self._order, self._entry = 0, count()
        self._closing: list[tuple[int, int, int, _Window]] = []
        """By time and order: all windows are as long, so they close in the order of their last items."""
        self._dropping: list[tuple[int, int, int, _Window]] = []
        self._forgetting: list[tuple[int, int, Any]] = []
        """Time, entry, key: items of that time may be forgotten when no window can need them."""

    # --------------------------------------------------------------------------------------------------- items

    def add(self, time: int, mark: int, key: Any, value: Any) -> bool:
        own = self._keys.get(key) or _Key()
        is_own = time not in own.windows
        in_time = mark <= time + self.allowed
        after = self._after(own, time)
        if is_own and not in_time and not after:
            return False
        self.check_value(value, time)
        self._keys[key] = own
        item = (time, self._order, value)
        self._order += 1
        self.touched.add((key, *item[:2]))
        place = bisect_left(own.items, (time, -1), key=_place)
        if place == len(own.items) or own.items[place][0] != time:
            heappush(self._forgetting, (time, next(self._entry), key))
        insort(own.items, item, key=_place)
        if is_own and in_time:
            own.windows[time] = self._made(key, own, item, closed=mark > time)
        self._put(own, [*([time] if time in own.windows else []), *after], item, mark)
        self.schedule()
        return True

    def _after(self, own: _Key, time: int) -> list[int]:
        """The times of the later windows that hold this time."""
        start = bisect_left(own.items, (time + 1, -1), key=_place)
        stop = bisect_left(own.items, (time + self._size, -1), key=_place)
        return [each for each in dict.fromkeys(each[0] for each in own.items[start:stop]) if each in own.windows]

    def _made(self, key: Any, own: _Key, item: tuple[int, int, Any], *, closed: bool) -> _Window:
        window = _Window(key, item[0], item[1], closed=closed)
        if not self.accumulate:
            window.new = [each for each in self._within(own, window.time) if each is not item]
        heappush(self._dropping if closed else self._closing, (window.time, window.order, next(self._entry), window))
        return window

    def _put(self, own: _Key, times: Iterable[int], item: tuple[int, int, Any], mark: int) -> None:
        """Put an item into the windows of these times, in order."""
        last: _Window | None = None
        for time in times:
            window = own.windows[time]
            self.touched.add((window.key, time))
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
            self.touched.add((window.key, window.time))
            del self._keys[window.key].windows[window.time]
        # What comes is not before the watermark less the allowed lateness, and no window of it reaches back this far.
        while self._forgetting and self._forgetting[0][0] + self._size + self.allowed <= watermark:
            time, _, key = heappop(self._forgetting)
            own = self._keys[key]
            stop = bisect_left(own.items, (time + 1, -1), key=_place)
            self.touched.update((key, *item[:2]) for item in own.items[:stop])
            del own.items[:stop]
            if not own.items:
                del self._keys[key]
        self.schedule()

    def _close(self, window: _Window) -> None:
        self.touched.add((window.key, window.time))
        self.held -= window.held
        window.held, window.closed = 0, True
        if window.pending is not None:
            window.pending.over, window.pending = True, None
        if self.accumulate or window.new:
            self._give(window, window.time, "on_time")
        heappush(self._dropping, (window.time, window.order, next(self._entry), window))

    def give_early(self, where: _Window, mark: int) -> None:
        self.touched.add((where.key, where.time))
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

    # A cell for each item, (key, time, order), and for each window, (key, time), which has the orders of its items.

    def header(self) -> object:
        return self._order, self.early_order

    def cell(self, cell: Any) -> object:
        key, time, *order = cell
        own = self._keys.get(key)
        if own is None:
            return GONE
        if order:
            place = bisect_left(own.items, cell[1:], key=_place)
            found = place < len(own.items) and own.items[place][:2] == cell[1:]
            return own.items[place][2] if found else GONE
        each = own.windows.get(time)
        if each is None:
            return GONE
        new = [(time, order) for time, order, _ in each.new]
        pending = None if each.pending is None else each.pending.kept()
        return each.order, new, each.panes, each.held, each.closed, pending

    def cells(self) -> Iterator[Any]:
        for key, own in self._keys.items():
            for time, order, _ in own.items:
                yield key, time, order
            for time in own.windows:
                yield key, time

    def restore(self, header: Any, cells: Mapping[Any, Any]) -> None:
        self._order, self.early_order = header
        for (key, time, *order), value in cells.items():
            if order:
                own = self._keys.setdefault(key, _Key())
                own.items.append((time, *order, value))
        for key, own in self._keys.items():
            own.items.sort(key=_place)
            for time in dict.fromkeys(time for time, _, _ in own.items):
                heappush(self._forgetting, (time, next(self._entry), key))
        for (key, time, *rest), value in cells.items():
            if not rest:
                self._restore_window(key, time, cells, *value)
        self.schedule()

    def _restore_window(
        self,
        key: Any,
        time: int,
        cells: Mapping[Any, Any],
        order: int,
        places: list[tuple[int, int]],
        panes: int,
        held: int,
        closed: bool,
        pending: Any,
    ) -> None:
        new = [(when, which, cells[key, when, which]) for when, which in places]
        window = self._keys[key].windows[time] = _Window(key, time, order, new, panes, held, closed)
        window.pending = self.restored(pending, window)
        heappush(self._dropping if closed else self._closing, (time, order, next(self._entry), window))

    divisible = True

    def owner(self, cell: Any) -> Any:
        return cell[0]

    def header_of(self, headers: Sequence[Any]) -> object:
        return tuple(map(max, zip(*headers, strict=True)))

    def explain(self) -> dict[str, object]:
        return {
            "held": self.held,
            "keys": len(self._keys),
            "items kept": sum(len(own.items) for own in self._keys.values()),
            "next window ends": as_datetime(self._closing[0][0] + 1).isoformat() if self._closing else None,
        }


def _place(item: tuple[int, int, Any]) -> tuple[int, int]:
    return item[0], item[1]
