"""Joins of items whose times are close to each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from heapq import heapify, heappop, heappush
from typing import Any

from rivusio_core.engine.stage import GONE
from rivusio_streams.engine.operator import Operator
from rivusio_streams.engine.operators.timeline import Entry, Timeline
from rivusio_streams.join import Joined
from rivusio_streams.joining import IntervalJoin
from rivusio_streams.moment import FOREVER, NEVER, as_datetime

__all__ = ["IntervalJoinOperator"]


class IntervalJoinOperator(Operator):
    """One interval join: `lower <= right.time - left.time <= upper`.

    An item is kept until the watermark is past the last time that a partner of it could have. That deadline, the first
    watermark at which none can come any more, is `time + upper + 1` for a left item and `time - lower + 1` for a right
    one. An item is taken if its time is not before the watermark.

    Why `delay` is what it is. Let W be the watermark that steps behind have been told of (before it is held back) when
    a result is given:

    * A pair is given when the second of both comes, on time: `second.time >= W`. Its own time is the larger of both, so
      it is never behind W.
    * A left item without partner is given when its deadline is reached, so W was below: `W <= time + upper`. Its time
      lies behind W by up to `upper`; where `upper` is negative it is given when it comes, or before, and never lies
      behind. A right one lies behind by up to `-lower`, in the same way.

    So results of the inner join are not held back, those with unmatched left items by `max(0, upper)`, those with
    unmatched right ones by `max(0, -lower)`, those with both by the larger of the two.

    Marks: a pair has that of the item that completed it, held back. An unmatched item has its deadline less 1, held
    back: the last watermark at which it was not to be given yet. Unmatched items leave in the order of their
    deadlines, before any item with a mark from there on; so marks never go down.

    Args:
        name: of the step.
        join: how.
    """

    def __init__(self, name: str, join: IntervalJoin) -> None:
        super().__init__(name)
        self._join = join
        self._gives_alone = join.how in ("left", "outer"), join.how in ("right", "outer")
        self._patience = join.upper, -join.lower
        """By side: how long after an item its last partner may have happened."""
        waits = zip(self._patience, self._gives_alone, strict=True)
        self.delay = max([0, *(patience for patience, given in waits if given)])
        self._kept: list[dict[Any, Timeline]] = [{}, {}]
        self._alone: list[set[int]] = [set(), set()]
        """By side: the arrival numbers of what is kept and has no partner so far."""
        self._arrived = [0, 0]
        self._deadlines: list[tuple[int, int, int, Any]] = []
        """Deadline, side, arrival number, key of what is kept. The first of them is the first of its key and side."""

    def add(self, time: int, mark: int, key: Any, value: Any) -> bool:
        if time < mark:
            return False
        side: int = value[0]
        item = value[1]
        kept, others = self._kept[side], self._kept[1 - side].get(key)
        arrival = self._arrived[side] = self._arrived[side] + 1
        patience, reach = self._patience[side], self._patience[1 - side]
        partners = [] if others is None else others.between(time - reach, time + patience)
        for other_time, other_arrival, other in partners:
            pair = Joined(key, other, item) if side else Joined(key, item, other)
            self.give(pair, max(time, other_time), max(mark - self.delay, NEVER))
            if other_arrival in self._alone[1 - side]:
                self._alone[1 - side].remove(other_arrival)
                self.touched.add((1 - side, key, other_time, other_arrival))
        deadline = time + patience + 1
        if deadline > mark:
            timeline = kept.get(key)
            if timeline is None:
                timeline = kept[key] = Timeline()
            timeline.add((time, arrival, item))
            self.touched.add((side, key, time, arrival))
            heappush(self._deadlines, (deadline, side, arrival, key))
            self.next = self._deadlines[0][0]
            self.held += 1
            if not partners:
                self._alone[side].add(arrival)
        elif not partners:
            self._give_alone(side, key, item, time, mark)
        return True

    def _give_alone(self, side: int, key: Any, item: Any, time: int, mark: int) -> None:
        if self._gives_alone[side]:
            self.give(Joined(key, None, item) if side else Joined(key, item, None), time, max(mark - self.delay, NEVER))
        else:
            self.filtered += 1

    def advance(self, watermark: int) -> None:
        deadlines = self._deadlines
        while deadlines and deadlines[0][0] <= watermark:
            deadline, side, arrival, key = heappop(deadlines)
            timeline = self._kept[side][key]
            time, _, item = timeline[0]
            self.touched.add((side, key, time, arrival))
            timeline.drop(1)
            if not timeline:
                del self._kept[side][key]
            self.held -= 1
            if arrival in self._alone[side]:
                self._alone[side].remove(arrival)
                self._give_alone(side, key, item, time, deadline - 1)
        self.next = deadlines[0][0] if deadlines else FOREVER

    # --------------------------------------------------------------------------------------------------- snapshots
    # A cell for each item that is kept, (side, key, time, arrival): the item, and whether it has no partner so far.

    def header(self) -> object:
        return list(self._arrived)

    def cell(self, cell: Any) -> object:
        side: int
        side, key, time, arrival = cell
        timeline = self._kept[side].get(key)
        found = None if timeline is None else timeline.find(time, arrival)
        return GONE if found is None else (found[2], arrival in self._alone[side])

    def cells(self) -> Iterator[Any]:
        for side, kept in enumerate(self._kept):
            for key, timeline in kept.items():
                for time, arrival, _ in timeline:
                    yield side, key, time, arrival

    def restore(self, header: Any, cells: Mapping[Any, Any]) -> None:
        self._arrived = list(header)
        found: list[dict[Any, list[Entry]]] = [{}, {}]
        side: int
        for (side, key, time, arrival), (item, alone) in cells.items():
            found[side].setdefault(key, []).append((time, arrival, item))
            self._deadlines.append((time + self._patience[side] + 1, side, arrival, key))
            if alone:
                self._alone[side].add(arrival)
        self._kept = [{key: Timeline(entries) for key, entries in own.items()} for own in found]
        heapify(self._deadlines)
        self.next = self._deadlines[0][0] if self._deadlines else FOREVER

    def explain(self) -> dict[str, object]:
        return {
            "held": self.held,
            "left keys": len(self._kept[0]),
            "right keys": len(self._kept[1]),
            "without partner so far": sum(map(len, self._alone)),
            "next deadline": as_datetime(self.next).isoformat() if self._deadlines else None,
        }
