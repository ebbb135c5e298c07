"""Joins of each item with what was the latest of another stream when it happened."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from heapq import heapify, heappop, heappush
from typing import Any

from rivusio_core.engine.stage import GONE
from rivusio_streams.engine.operator import Operator
from rivusio_streams.engine.operators.timeline import Entry, Timeline
from rivusio_streams.join import Joined
from rivusio_streams.moment import FOREVER, as_datetime

__all__ = ["AsofJoinOperator"]


class AsofJoinOperator(Operator):
    """One as-of join.

    A left item waits until the watermark is past its time: then every right item that is not after it has come. The
    watermark before was at most its time, so it leaves on time, with its own time as its mark, and nothing has to be
    held back (`delay` is 0), as with a window whose last microsecond is that time. Left items leave in the order of
    (time, arrival).

    Of the right items of a key those after the watermark are kept, and the last one at or before it, which is the one
    *in force*: left items that come have the time of the watermark or a later one. An item in force is state, not an
    item that waits: it is not `held`.

    Args:
        name: of the step.
        keeps_left: left items without partner are given, too.
        tolerance: how long a right item may have been there, microseconds; None: however long.
        deletes: a right value that is None says that there is nothing from then on.
        of: the value of a right item; None: the item itself.
    """

    def __init__(
        self,
        name: str,
        *,
        keeps_left: bool,
        tolerance: int | None,
        deletes: bool = False,
        of: Callable[[Any], Any] | None = None,
    ) -> None:
        super().__init__(name)
        self._keeps_left, self._tolerance, self._deletes = keeps_left, tolerance, deletes
        self._of = of
        self._arrived = [0, 0]
        self._lefts: list[tuple[int, int]] = []
        """A heap: time, arrival of the left items."""
        self._waiting: dict[int, tuple[Any, Any]] = {}
        """By arrival: key and item of the left items."""
        self._rights: dict[Any, Timeline] = {}
        self._coming: list[tuple[int, int, Any]] = []
        """A heap: time, arrival, key of the right items that event time has not reached yet."""
        self._unreached: set[int] = set()
        """Their arrivals."""
        self._ending: list[tuple[int, int, Any]] = []
        """A heap: watermark at which a right item in force is too old for all that may come, arrival, key."""

    def add(self, time: int, mark: int, key: Any, value: Any) -> bool:
        if time < mark:
            return False
        side: int = value[0]
        item = value[1]
        hash(key)  # a left item would else fail only when its turn comes
        if side and self._of is not None:
            item = self._of(item)
        arrival = self._arrived[side] = self._arrived[side] + 1
        if side == 0:
            heappush(self._lefts, (time, arrival))
            self._waiting[arrival] = key, item
            self.touched.add((time, arrival))
            self.held += 1
        else:
            timeline = self._rights.get(key)
            if timeline is None:
                timeline = self._rights[key] = Timeline()
            timeline.add((time, arrival, item))
            self.touched.add((time, arrival, key))
            if time > mark:
                heappush(self._coming, (time, arrival, key))
                self._unreached.add(arrival)
                self.held += 1
            else:
                self._enforce(time, arrival, key, mark)
        self._schedule()
        return True

    def advance(self, watermark: int) -> None:
        lefts = self._lefts
        while lefts and lefts[0][0] < watermark:  # before right items go: they may be those that were in force then
            time, arrival = heappop(lefts)
            key, item = self._waiting.pop(arrival)
            self.touched.add((time, arrival))
            self.held -= 1
            self._give_left(time, key, item)
        while self._coming and self._coming[0][0] <= watermark:
            time, arrival, key = heappop(self._coming)
            self._unreached.remove(arrival)
            self.touched.add((time, arrival, key))
            self.held -= 1
            self._enforce(time, arrival, key, watermark)
        while self._ending and self._ending[0][0] <= watermark:
            _, arrival, key = heappop(self._ending)
            self._drop_old(key, arrival)
        self._schedule()

    def _schedule(self) -> None:
        self.next = min(
            self._lefts[0][0] + 1 if self._lefts else FOREVER,
            self._coming[0][0] if self._coming else FOREVER,
            self._ending[0][0] if self._ending else FOREVER,
        )

    def _give_left(self, time: int, key: Any, item: Any) -> None:
        found = self._in_force(key, time)
        if found is not None:
            self.give(Joined(key, item, found[2]), time, time)
        elif self._keeps_left:
            self.give(Joined(key, item, None), time, time)
        else:
            self.filtered += 1

    def _in_force(self, key: Any, time: int) -> Entry | None:
        timeline = self._rights.get(key)
        count = 0 if timeline is None else timeline.count_until(time)
        if timeline is None or count == 0:
            return None
        found = timeline[count - 1]
        if self._tolerance is not None and time - found[0] > self._tolerance:
            return None
        return None if self._deletes and found[2] is None else found

    def _enforce(self, time: int, arrival: int, key: Any, watermark: int) -> None:
        """Event time has reached a right item: no left item can ask for those before it any more."""
        timeline = self._rights[key]
        self._drop(key, timeline, timeline.count_until(watermark) - 1)
        first = timeline[0]
        if first[1] == arrival:  # else a later one, whose turn comes next, was reached at the same time
            if self._deletes and first[2] is None:
                self._drop_old(key, arrival)
            elif self._tolerance is not None:
                heappush(self._ending, (time + self._tolerance + 1, arrival, key))

    def _drop_old(self, key: Any, arrival: int) -> None:
        """Drop the right item of this arrival, if it is still in force."""
        timeline = self._rights.get(key)
        if timeline is not None and timeline[0][1] == arrival:
            self._drop(key, timeline, 1)
            if not timeline:
                del self._rights[key]

    def _drop(self, key: Any, timeline: Timeline, count: int) -> None:
        for index in range(count):
            self.touched.add((*timeline[index][:2], key))
        timeline.drop(count)

    def finish(self) -> None:
        super().finish()
        self.touched.update(self.cells())
        self._rights.clear()  # nobody will ask for them

    # --------------------------------------------------------------------------------------------------- snapshots
    # A cell for each left item, (time, arrival): key and item; and for each right item, (time, arrival, key): the item,
    # and whether event time has not reached it.

    def header(self) -> object:
        return list(self._arrived)

    def cell(self, cell: Any) -> object:
        time, arrival, *rest = cell
        if not rest:
            return self._waiting.get(arrival, GONE)
        timeline = self._rights.get(rest[0])
        found = None if timeline is None else timeline.find(time, arrival)
        return GONE if found is None else (found[2], arrival in self._unreached)

    def cells(self) -> Iterator[Any]:
        yield from self._lefts
        for key, timeline in self._rights.items():
            for time, arrival, _ in timeline:
                yield time, arrival, key

    def restore(self, header: Any, cells: Mapping[Any, Any]) -> None:
        self._arrived = list(header)
        rights = dict[Any, list[Entry]]()
        for (time, arrival, *rest), value in cells.items():
            if not rest:
                self._lefts.append((time, arrival))
                self._waiting[arrival] = value
                continue
            [key], (item, unreached) = rest, value
            rights.setdefault(key, []).append((time, arrival, item))
            if unreached:
                self._coming.append((time, arrival, key))
                self._unreached.add(arrival)
            elif self._tolerance is not None:
                self._ending.append((time + self._tolerance + 1, arrival, key))
        self._rights = {key: Timeline(entries) for key, entries in rights.items()}
        heapify(self._lefts)
        heapify(self._coming)
        heapify(self._ending)
        self._schedule()

    def explain(self) -> dict[str, object]:
        return {
            "held": self.held,
            "left items that wait": len(self._lefts),
            "right keys": len(self._rights),
            "right items that event time has not reached": len(self._coming),
            "next left item": as_datetime(self._lefts[0][0]).isoformat() if self._lefts else None,
        }
