"""Joins of each item with what has come of a table so far."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import compress
from typing import Any

from rivusio_core.engine.stage import GONE
from rivusio_streams.engine.operators.join import JoinOperator
from rivusio_streams.moment import FOREVER, NEVER

__all__ = ["ArrivalJoinOperator"]


class ArrivalJoinOperator(JoinOperator):
    """One join with a table, by arrival: nothing waits, no event time is needed, and nothing is late.

    A result has time and mark of its left item, as if nothing but that had gone by.

    Args:
        name: of the step.
        keeps_left: left items of which nothing is known are given, too.
        ttl: how long a row lasts, by the clock, microseconds; None: until another one replaces it.
        of: the value of a right item; None: the item itself.
    """

    def __init__(self, name: str, *, keeps_left: bool, ttl: int | None, of: Callable[[Any], Any] | None = None) -> None:
        super().__init__(name, of)
        self._keeps_left, self._ttl = keeps_left, ttl
        self.clocked = ttl is not None
        self._rows: dict[Any, tuple[Any, int]] = {}
        """By key: value, and when it ends by the clock. Where rows end, in this order."""

    def floor(self, watermark: int) -> int:
        return NEVER

    def take(
        self, side: int, times: Sequence[int], marks: Sequence[int], keys: Sequence[Any], items: Sequence[Any]
    ) -> None:
        if side == 1:
            self._put(keys, items)
            return
        get, now = self._rows.get, self.now
        found = [None if row is None or row[1] <= now else row[0] for row in map(get, keys)]
        if not self._keeps_left and None in found:
            known = [each is not None for each in found]
            self.filtered += known.count(False)
            keys, items, found, times, marks = (
                [*compress(column, known)] for column in (keys, items, found, times, marks)
            )
        self.give_joined(keys, items, found, times, marks)

    def _put(self, keys: Sequence[Any], items: Sequence[Any]) -> None:
        rows, due = self._rows, FOREVER if self._ttl is None else self.now + self._ttl
        for key, item in zip(keys, items, strict=True):
            rows.pop(key, None)  # so that the new one stands at the end
            if item is not None:
                rows[key] = item, due
        self.touched.update(keys)
        self._schedule()

    def _schedule(self) -> None:
        if self.clocked:
            self.due = next(iter(self._rows.values()))[1] if self._rows else FOREVER

    def tick(self) -> None:
        while self._rows and self.due <= self.now:
            key = next(iter(self._rows))
            self.touched.add(key)
            del self._rows[key]
            self._schedule()

    def advance(self, watermark: int) -> None:
        """Nothing waits for event time."""

    def finish(self) -> None:
        self.touched.update(self._rows)
        self._rows.clear()
        self._schedule()

    # --------------------------------------------------------------------------------------------------- snapshots
    # A cell for each key.

    def cell(self, cell: Any) -> object:
        return self._rows.get(cell, GONE)

    def cells(self) -> Iterable[Any]:
        return self._rows

    def restore(self, header: Any, cells: Mapping[Any, Any]) -> None:
        for key, (item, due) in sorted(cells.items(), key=lambda each: each[1][1]):
            self._rows[key] = item, due
        self._schedule()

    def explain(self) -> dict[str, object]:
        return {"held": self.held, "keys": len(self._rows)}
