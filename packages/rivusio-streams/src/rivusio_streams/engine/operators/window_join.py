"""Joins of items that share key and window."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count, groupby, repeat
from operator import itemgetter
from typing import Any, TypeAlias

from rivusio_streams.aggregate import Aggregator
from rivusio_streams.engine.operator import Operator
from rivusio_streams.engine.operators.panes import Panes
from rivusio_streams.engine.rows import RowBatch
from rivusio_streams.join import Joined
from rivusio_streams.joining import How
from rivusio_streams.windows import Window

__all__ = ["Sides", "WindowJoinOperator"]

Entry: TypeAlias = tuple[int, int, Any]
"""Event time, number of arrival (no two are the same, so that items are never compared), item."""
_Both: TypeAlias = tuple[list[Entry], list[Entry]]
_Block: TypeAlias = tuple[Any, Window, _Both]
"""What a key has in a window that closed: key, window, items of both sides in order."""


class Sides(Aggregator["tuple[int, int, Any]", _Both, _Both]):
    """Both sides of a window; values are side, number of arrival at that side, item."""

    ordered = False

    def create(self) -> _Both:
        return [], []

    def add(self, accumulator: _Both, value: tuple[int, int, Any]) -> _Both:
        return self.add_at(accumulator, value, 0)

    def add_at(self, accumulator: _Both, value: tuple[int, int, Any], time: int) -> _Both:
        side, arrival, item = value
        accumulator[side].append((time, arrival, item))
        return accumulator

    def merge(self, left: _Both, right: _Both) -> _Both:
        return left[0] + right[0], left[1] + right[1]

    def result(self, accumulator: _Both) -> _Both:
        return sorted(accumulator[0]), sorted(accumulator[1])


class _Blocks(Panes):
    def made(self, key: Any, window: Window, value: Any, index: int, timing: Any) -> Iterable[Any]:
        return ((key, window, value),)

    def made_of_closed(self, keys: Iterable[Any], window: Window, values: Iterable[Any]) -> Sequence[Any]:
        return [*zip(keys, repeat(window), values)]  # `repeat` has no end


class WindowJoinOperator(Operator):
    """One window join: a windowed aggregation of both sides, whose results are taken apart into pairs.

    Keys of a window close in the order in which they were first seen, which depends on how the inputs interleave; so
    the results of a window are put in an order that does not: those with a left item by (time, arrival) of it, then of
    the right one; behind them right items without partner, by theirs. Arrival is counted for each side.

    Args:
        name: of the step.
        how: whose items are given without a partner.
        make: the windowed aggregation, given aggregator and panes.
    """

    def __init__(self, name: str, how: How, make: Callable[[Sides, Panes], Operator]) -> None:
        super().__init__(name)
        sides = Sides()
        self._inner = make(sides, _Blocks(name, sides))
        self._inner.touched = self.touched
        self._left, self._right = how in ("left", "outer"), how in ("right", "outer")
        self._arrived = [0, 0]
        self._batch: RowBatch | None = None
        """What is being taken; it is gone on with behind an item that failed."""

    def add_batch(self, batch: RowBatch, late: bytearray) -> None:
        if self._batch is None:
            side = batch.side
            first = self._arrived[side] + 1
            self._arrived[side] += len(batch)
            values = [*zip(repeat(side), count(first), batch.values)]  # two have no end
            self._batch = RowBatch(batch.times, batch.marks, batch.keys, values)
        try:
            self._inner.add_batch(self._batch, late)
            self._batch = None
        finally:
            self._follow()

    def advance(self, watermark: int) -> None:
        self._inner.advance(watermark)
        self._follow()

    def _follow(self) -> None:
        """Do as the aggregation did: give what it gave, wait for what it waits for."""
        inner = self._inner
        self.next, self.held, self.filtered = inner.next, inner.held, inner.filtered
        if inner.values:
            given = zip(inner.values, inner.times, inner.marks, strict=True)
            for window, group in groupby(given, key=lambda each: each[0][1]):
                closed = list(group)
                _, time, mark = closed[0]
                for result in self._joined(window, [block for block, _, _ in closed]):
                    self.give(result, time, mark)
            inner.values, inner.times, inner.marks = [], [], []

    def _joined(self, window: Window, blocks: list[_Block]) -> Iterator[Joined[Any, Any, Any]]:
        lefts = [(entry, key, rights) for key, _, (lefts, rights) in blocks if rights or self._left for entry in lefts]
        for (_, _, left), key, rights in sorted(lefts, key=_by_entry):
            if not rights:
                yield Joined(key, left, None, window)
            for _, _, right in rights:
                yield Joined(key, left, right, window)
        if self._right:
            alone = [(entry, key) for key, _, (lefts, rights) in blocks if not lefts for entry in rights]
            for (_, _, right), key in sorted(alone, key=_by_entry):
                yield Joined(key, None, right, window)

    # --------------------------------------------------------------------------------------------------- snapshots
    # The cells of the aggregation.

    def header(self) -> object:
        return list(self._arrived), self._inner.header()

    def cell(self, cell: Any) -> object:
        return self._inner.cell(cell)

    def cells(self) -> Iterable[Any]:
        return self._inner.cells()

    def changed(self) -> Iterable[Any]:
        return self._inner.changed()

    def settle(self) -> None:
        self._inner.settle()

    def restore(self, header: Any, cells: Mapping[Any, Any]) -> None:
        self._inner.watermark, self._inner.held, self._inner.filtered = self.watermark, self.held, self.filtered
        arrived, own = header
        self._arrived = list(arrived)
        self._inner.restore(own, cells)
        self._follow()

    def explain(self) -> dict[str, object]:
        return self._inner.explain()


_by_entry: Callable[[Any], Entry] = itemgetter(0)
