"""Windows of a number of items."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rivusio_core.engine.stage import GONE
from rivusio_streams.aggregate import Aggregator
from rivusio_streams.engine.operator import Operator
from rivusio_streams.engine.operators.panes import Panes
from rivusio_streams.windows import Count, window_of

__all__ = ["CountOperator"]


@dataclass(slots=True)
class _Filling:
    """A window that is not full yet: how many items it has, their accumulator, their earliest and latest time."""

    accumulator: Any
    first: int
    last: int
    items: int = 0


@dataclass(slots=True)
class _Key:
    """One key: how many items came since a window began last, and the windows that are not full, oldest first."""

    since: int = 0
    windows: deque[_Filling] = field(default_factory=deque[_Filling])


class CountOperator(Operator):
    """Windows that close when they are full, of items in the order of arrival.

    Args:
        name: of the step.
        windows: how many items.
        aggregator: what becomes of them.
        panes: makes results.
    """

    def __init__(self, name: str, windows: Count, aggregator: Aggregator[Any, Any, Any], panes: Panes) -> None:
        super().__init__(name)
        self._n, self._every, self._fold, self._panes = windows.n, windows.every, aggregator, panes
        self._keys: dict[Any, _Key] = {}

    def add(self, time: int, mark: int, key: Any, value: Any) -> bool:
        own = self._keys.get(key)
        self.touched.add(key)
        if own is None:
            own = self._keys[key] = _Key()
        if own.since == 0:
            own.windows.append(_Filling(self._fold.create(), time, time))
        try:
            added = [self._fold.add_at(each.accumulator, value, time) for each in own.windows]
        except BaseException:
            if own.since == 0:
                own.windows.pop()
            self._forget_empty(key, own)
            raise
        for each, accumulator in zip(own.windows, added, strict=True):
            each.accumulator, each.items = accumulator, each.items + 1
            each.first, each.last = min(each.first, time), max(each.last, time)
        if own.windows:
            self.held += 1
        else:
            self.filtered += 1  # it lies between two windows
        own.since = (own.since + 1) % self._every
        if own.windows and own.windows[0].items == self._n:
            self._give(key, own.windows.popleft(), mark)
        self._forget_empty(key, own)
        return True

    def _forget_empty(self, key: Any, own: _Key) -> None:
        if not own.windows and own.since == 0:
            del self._keys[key]

    def _give(self, key: Any, full: _Filling, mark: int) -> None:
        value = self._panes.result(full.accumulator)
        for result in self._panes.made(key, window_of(full.first, full.last + 1), value, 0, "on_time"):
            self.give(result, full.last, mark)
        self.held -= min(self._n, self._every)  # the others are in the next window, too

    def advance(self, watermark: int) -> None:
        """Event time does not matter."""

    def finish(self) -> None:
        self.filtered += self.held
        self.held = 0
        self.touched.update(self._keys)
        self._keys.clear()

    # A cell for each key.

    def cell(self, cell: Any) -> object:
        own = self._keys.get(cell)
        if own is None:
            return GONE
        return (
            own.since,
            [(self._fold.dump(each.accumulator), each.first, each.last, each.items) for each in own.windows],
        )

    def cells(self) -> Iterable[Any]:
        return self._keys

    def restore(self, header: Any, cells: Mapping[Any, Any]) -> None:
        for key, (since, windows) in cells.items():
            filling = deque(_Filling(self._fold.load(kept), *rest) for kept, *rest in windows)
            self._keys[key] = _Key(since, filling)

    divisible = True

    def explain(self) -> dict[str, object]:
        return {"held": self.held, "keys": len(self._keys)}
