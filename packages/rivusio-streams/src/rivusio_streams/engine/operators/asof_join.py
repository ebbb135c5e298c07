"""Joins of each item with what was the latest of another stream when it happened."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Mapping, Sequence
from heapq import heapify, heappop, heappush
from itertools import compress
from typing import Any, TypeAlias

from rivusio_core.engine.stage import GONE
from rivusio_streams.engine.operators.join import JoinOperator
from rivusio_streams.engine.operators.nothing import NOTHING
from rivusio_streams.engine.operators.timeline import Timeline
from rivusio_streams.moment import FOREVER, NEVER, as_datetime

__all__ = ["AsofJoinOperator"]

Entry: TypeAlias = tuple[int, int, Any]
"""Time, arrival, right item: no two have time and arrival in common, so that items are never compared."""
_NONE: Entry = (NEVER, 0, NOTHING)


class AsofJoinOperator(JoinOperator):
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
        super().__init__(name, of)
        self._keeps_left, self._tolerance, self._deletes = keeps_left, tolerance, deletes
        self._ends = deletes or tolerance is not None
        """What is in force may end without another one that follows."""
        self._lefts = Timeline[tuple[int, int, Any, Any]]()
        """Time, arrival, key and item of the left items."""
        self._rights: dict[Any, list[Entry]] = {}
        """By key, in the order of (time, arrival)."""
        self._coming = Timeline[tuple[int, int, Any]]()
        """Time, arrival, key of the right items that event time has not reached yet."""
        self._ending: list[tuple[int, int, Any]] = []
        """A heap: watermark at which a right item in force is too old for all that may come, arrival, key."""

    def take(
        self, side: int, times: Sequence[int], marks: Sequence[int], keys: Sequence[Any], items: Sequence[Any]
    ) -> None:
        numbers = self.numbers(side, len(items))
        self.held += len(items)
        if side == 0:
            self._lefts.extend([*zip(times, numbers, keys, items, strict=True)])
            if self.followed:
                self.touched.update(zip(times, numbers, strict=True))
        else:
            rights = self._rights
            for key, entry in zip(keys, zip(times, numbers, items, strict=True), strict=True):
                own = rights.get(key)
                if own is None:
                    rights[key] = [entry]
                elif own[-1] < entry:
                    own.append(entry)
                else:
                    insort(own, entry)
            new = [*zip(times, numbers, keys, strict=True)]
            if self.followed:
                self.touched.update(new)
            self._coming.extend(new)
        self._schedule()

    def advance(self, watermark: int) -> None:
        lefts = self._lefts.take_until(watermark - 1)
        if lefts:  # before right items go: they may be those that were in force then
            self.held -= len(lefts)
            if self.followed:
                self.touched.update(each[:2] for each in lefts)
            self._give_lefts(lefts)
        reached = self._coming.take_until(watermark)
        if reached:
            self.held -= len(reached)
            if self.followed:
                self.touched.update(reached)
            for key in {key for _, _, key in reached}:
                rights = self._rights[key]
                if len(rights) > 1 or self._ends:
                    self._enforce(key, rights, watermark)
        while self._ending and self._ending[0][0] <= watermark:
            _, arrival, key = heappop(self._ending)
            own = self._rights.get(key)
            if own is not None and own[0][1] == arrival:  # it is still in force
                self._drop(key, own, 1)
        self._schedule()

    def _schedule(self) -> None:
        self.next = min(
            self._lefts.next + 1 if self._lefts else FOREVER,
            self._coming.next,
            self._ending[0][0] if self._ending else FOREVER,
        )

    def _give_lefts(self, lefts: list[tuple[int, int, Any, Any]]) -> None:
        get, tolerance, deletes = self._rights.get, self._tolerance, self._deletes
        found = list[Any]()
        for time, _, key, _ in lefts:
            own, value = get(key), NOTHING
            if own is not None:
                last = own[-1]
                if last[0] > time:
                    place = bisect_left(own, (time + 1,))
                    last = own[place - 1] if place else _NONE
                if tolerance is None or time - last[0] <= tolerance:
                    value = last[2]
                    if deletes and value is None:
                        value = NOTHING
            found.append(value)
        known = [value is not NOTHING for value in found]
        if not all(known):
            if self._keeps_left:
                found = [value if there else None for value, there in zip(found, known, strict=True)]
            else:
                self.filtered += known.count(False)
                lefts, found = [*compress(lefts, known)], [*compress(found, known)]
        times = [each[0] for each in lefts]
        self.give_joined([each[2] for each in lefts], [each[3] for each in lefts], found, times, times)

    def _enforce(self, key: Any, own: list[Entry], watermark: int) -> None:
        """Event time has reached a right item: no left item can ask for those before it any more."""
        self._drop(key, own, bisect_left(own, (watermark + 1,)) - 1)
        time, arrival, item = own[0]
        if self._deletes and item is None:
            self._drop(key, own, 1)
        elif self._tolerance is not None:
            heappush(self._ending, (time + self._tolerance + 1, arrival, key))

    def _drop(self, key: Any, own: list[Entry], count: int) -> None:
        if count and self.followed:
            self.touched.update((*entry[:2], key) for entry in own[:count])
        del own[:count]
        if not own:
            del self._rights[key]

    def finish(self) -> None:
        super().finish()
        if self.followed:
            self.touched.update(self.cells())
        self._rights.clear()  # nobody will ask for them

    # --------------------------------------------------------------------------------------------------- snapshots
    # A cell for each left item, (time, arrival): key and item; and for each right item, (time, arrival, key): the item,
    # and whether event time has not reached it.

    def cell(self, cell: Any) -> object:
        time, arrival, *rest = cell
        if not rest:
            left = self._lefts.find(time, arrival)
            return GONE if left is None else left[2:]
        own = self._rights.get(rest[0], [])
        place = bisect_left(own, (time, arrival))
        if place == len(own) or own[place][:2] != (time, arrival):
            return GONE
        return own[place][2], self._coming.find(time, arrival) is not None

    def cells(self) -> Iterator[Any]:
        for time, arrival, *_ in self._lefts:
            yield time, arrival
        for key, own in self._rights.items():
            for time, arrival, _ in own:
                yield time, arrival, key

    def restore(self, header: Any, cells: Mapping[Any, Any]) -> None:
        self.arrived = list(header)
        lefts, coming = list[tuple[int, int, Any, Any]](), list[tuple[int, int, Any]]()
        for (time, arrival, *rest), value in cells.items():
            if not rest:
                lefts.append((time, arrival, *value))
                continue
            [key], (item, unreached) = rest, value
            self._rights.setdefault(key, []).append((time, arrival, item))
            if unreached:
                coming.append((time, arrival, key))
            elif self._tolerance is not None:
                self._ending.append((time + self._tolerance + 1, arrival, key))
        for own in self._rights.values():
            own.sort()
        self._lefts, self._coming = Timeline(lefts), Timeline(coming)
        heapify(self._ending)
        self._schedule()

    def explain(self) -> dict[str, object]:
        return {
            "held": self.held,
            "left items that wait": len(self._lefts),
            "right keys": len(self._rights),
            "right items that event time has not reached": len(self._coming),
            "next left item": as_datetime(self._lefts.next).isoformat() if self._lefts else None,
        }
