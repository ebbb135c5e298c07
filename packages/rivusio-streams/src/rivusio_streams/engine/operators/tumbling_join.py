"""Joins of items that share key and tumbling window: what is usual, and so done by the window."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import groupby, repeat
from typing import Any

from rivusio_core.engine.stage import GONE
from rivusio_streams.engine.operators.join import JoinOperator
from rivusio_streams.joining import How
from rivusio_streams.moment import FOREVER, as_datetime
from rivusio_streams.windows import Tumbling, window_of

__all__ = ["TumblingJoinOperator"]


@dataclass(slots=True)
class _Side:
    """The items of one side of a window, in the order of arrival; so many of them are in snapshots."""

    times: list[int] = field(default_factory=list[int])
    keys: list[Any] = field(default_factory=list[Any])
    items: list[Any] = field(default_factory=list[Any])
    stored: int = 0

    def in_order(self) -> Iterator[tuple[Any, Any]]:
        """Keys and items in the order of (time, arrival)."""
        order = sorted(range(len(self.times)), key=self.times.__getitem__)
        return zip(map(self.keys.__getitem__, order), map(self.items.__getitem__, order), strict=True)


class TumblingJoinOperator(JoinOperator):
    """As `WindowJoinOperator`, with the same results. Items are put together when their window closes.

    Args:
        name: of the step.
        how: whose items are given without a partner.
        windows: where windows lie.
    """

    def __init__(self, name: str, how: How, windows: Tumbling) -> None:
        super().__init__(name)
        self._left, self._right = how in ("left", "outer"), how in ("right", "outer")
        self._length, self._offset = windows.length, windows.offset
        self._open: dict[int, tuple[_Side, _Side]] = {}
        """By start."""
        self._starts: list[int] = []
        """A heap."""

    def _start(self, time: int) -> int:
        return time - (time - self._offset) % self._length

    def floor(self, watermark: int) -> int:
        return self._start(watermark)  # the window that begins there is the first that is open

    def take(
        self, side: int, times: Sequence[int], marks: Sequence[int], keys: Sequence[Any], items: Sequence[Any]
    ) -> None:
        self.held += len(items)
        first = self._start(min(times))
        if max(times) < first + self._length:
            self._put(first, side, times, keys, items)
            return
        begin = 0
        for start, run in groupby(map(self._start, times)):
            end = begin + len([*run])
            self._put(start, side, times[begin:end], keys[begin:end], items[begin:end])
            begin = end

    def _put(self, start: int, side: int, times: Sequence[int], keys: Sequence[Any], items: Sequence[Any]) -> None:
        found = self._open.get(start)
        if found is None:
            found = self._open[start] = _Side(), _Side()
            heappush(self._starts, start)
            self._schedule()
        found[side].times += times
        found[side].keys += keys
        found[side].items += items

    def _schedule(self) -> None:
        self.next = self._starts[0] + self._length if self._starts else FOREVER

    def advance(self, watermark: int) -> None:
        while self._starts and self._starts[0] + self._length <= watermark:
            self._close(heappop(self._starts))
        self._schedule()

    def _close(self, start: int) -> None:
        sides = self._open.pop(start)
        for number, side in enumerate(sides):
            self.held -= len(side.items)
            self.touched.update(zip(repeat(start), repeat(number), range(side.stored)))
        lefts, rights = sides
        partners = dict[Any, list[Any]]()
        for key, right in rights.in_order():
            if key in partners:
                partners[key].append(right)
            else:
                partners[key] = [right]
        found = list[tuple[Any, Any, Any]]()
        get, alone = partners.get, (None,) if self._left else ()
        for key, left in lefts.in_order():
            for right in get(key, alone):
                found.append((key, left, right))
        if self._right:
            known = set(lefts.keys)
            found += [(key, None, right) for key, right in rights.in_order() if key not in known]
        if found:
            last, window = [start + self._length - 1] * len(found), window_of(start, start + self._length)
            keys, ones, others = zip(*found, strict=True)
            self.give_joined(keys, ones, others, last, last, repeat(window))

    # --------------------------------------------------------------------------------------------------- snapshots
    # A cell for each item, (start, side, index): its time, its key and itself.

    def cell(self, cell: Any) -> object:
        start: int
        side: int
        start, side, index = cell
        if start not in self._open:
            return GONE
        own = self._open[start][side]
        return own.times[index], own.keys[index], own.items[index]

    def cells(self) -> Iterator[Any]:
        return self._cells(settled=True)

    def _cells(self, *, settled: bool) -> Iterator[Any]:
        for start, sides in self._open.items():
            for number, side in enumerate(sides):
                for index in range(0 if settled else side.stored, len(side.items)):
                    yield start, number, index

    def changed(self) -> Iterator[Any]:
        yield from self.touched
        yield from self._cells(settled=False)

    def settle(self) -> None:
        super().settle()
        for sides in self._open.values():
            for side in sides:
                side.stored = len(side.items)

    def restore(self, header: Any, cells: Mapping[Any, Any]) -> None:
        for (start, side, _), (time, key, item) in cells.items():
            self._put(start, side, [time], [key], [item])
        self.settle()

    def explain(self) -> dict[str, object]:
        return {
            "held": self.held,
            "open windows": len(self._open),
            "next window ends": as_datetime(self.next).isoformat() if self._open else None,
        }
