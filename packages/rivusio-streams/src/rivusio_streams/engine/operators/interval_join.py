"""Joins of items whose times are close to each other."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import compress, repeat
from operator import itemgetter
from typing import Any, TypeAlias

from rivusio_core.engine.stage import GONE
from rivusio_streams.engine.operators.join import JoinOperator
from rivusio_streams.engine.operators.timeline import Timeline
from rivusio_streams.join import Joined
from rivusio_streams.joining import IntervalJoin
from rivusio_streams.moment import FOREVER, NEVER, as_datetime

__all__ = ["IntervalJoinOperator"]

_Kept: TypeAlias = list[Any]
"""An item that waits for partners: time, arrival, key, item, whether it has had none so far. No two have time and
arrival in common, so that lists of them can be sorted."""

_KEY, _ITEM, _ALONE = 2, 3, 4
_time, _key, _item, _alone = map(itemgetter, (0, _KEY, _ITEM, _ALONE))
_NOBODY: _Kept = [NEVER, 0, None, None, False]
_FEW = 4
"""So many are looked at one by one."""


class IntervalJoinOperator(JoinOperator):
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
        self._kept: list[dict[Any, list[_Kept]]] = [{}, {}]
        """By side and key, in the order of (time, arrival)."""
        self._waiting: list[Timeline[_Kept]] = [Timeline(), Timeline()]
        """The same, by side: they leave in this order."""
        self._alone = 0
        """How many of them have no partner so far."""

    def take(
        self, side: int, times: Sequence[int], marks: Sequence[int], keys: Sequence[Any], items: Sequence[Any]
    ) -> None:
        kept, partners = self._kept[side], self._kept[1 - side].get
        patience, reach = self._patience[side], self._patience[1 - side]
        gives_at_once = patience < 0 and self._gives_alone[side]
        new: list[_Kept] = [*map(list, zip(times, self.numbers(side, len(items)), keys, items, repeat(True)))]
        mine, theirs, given = list[_Kept](), list[_Kept](), list[int]()
        for own, known, mark in zip(new, map(partners, keys), marks, strict=True):
            if known is not None:
                low, high = own[0] - reach, own[0] + patience
                few = len(known) <= _FEW
                for other in known if few else known[bisect_left(known, [low]) : bisect_left(known, [high + 1])]:
                    if low <= other[0] <= high:
                        mine.append(own)
                        theirs.append(other)
                        given.append(mark)
                        own[_ALONE] = False
                        if other[_ALONE]:
                            self._met(1 - side, other)
            if gives_at_once and own[_ALONE] and own[0] + patience < mark:
                mine.append(own)
                theirs.append(_NOBODY)
                given.append(mark)
        if mine:
            self._give(side, mine, theirs, given)
        if patience < 0:  # some may be past their deadlines already
            past = [own[0] + patience < mark for own, mark in zip(new, marks, strict=True)]
            if not gives_at_once:
                self.filtered += sum(own[_ALONE] for own in compress(new, past))
            new = [own for own, over in zip(new, past, strict=True) if not over]
        self._keep(side, new)
        for own in new:
            key = own[_KEY]
            before = kept.get(key)
            if before is None:
                kept[key] = [own]
            elif before[-1] < own:
                before.append(own)
            else:
                insort(before, own)
        self._waiting[side].extend(new)
        self._schedule()

    def _met(self, side: int, other: _Kept) -> None:
        """An item that is kept has its first partner."""
        other[_ALONE] = False
        self._alone -= 1
        if self.followed:
            self.touched.add(_cell(side, other))

    def _keep(self, side: int, new: list[_Kept]) -> None:
        self.held += len(new)
        self._alone += sum(map(_alone, new))
        if self.followed:
            self.touched.update(_cell(side, own) for own in new)

    def _give(self, side: int, mine: list[_Kept], theirs: list[_Kept], marks: list[int]) -> None:
        """Give pairs, held back."""
        keys, sides = map(_key, mine), (map(_item, mine), map(_item, theirs))
        times = [*map(max, map(_time, mine), map(_time, theirs))]
        held_back = [max(mark - self.delay, NEVER) for mark in marks] if self.delay else marks
        self.give_joined(keys, sides[side], sides[1 - side], times, held_back)

    def advance(self, watermark: int) -> None:
        alone = list[tuple[int, int, int, _Kept]]()
        for side, patience in enumerate(self._patience):
            gone = self._waiting[side].take_until(watermark - patience - 1)
            if gone:
                self._drop(side, gone)
                lonely = [*filter(_alone, gone)]
                self._alone -= len(lonely)
                if self._gives_alone[side]:
                    alone += [(own[0] + patience + 1, side, own[1], own) for own in lonely]
                else:
                    self.filtered += len(lonely)
        if alone:
            self._give_alone(sorted(alone))
        self._schedule()

    def _drop(self, side: int, gone: list[_Kept]) -> None:
        """These are the first of their keys."""
        kept = self._kept[side]
        for key, count in Counter(map(_key, gone)).items():
            own = kept[key]
            if count == len(own):
                del kept[key]
            else:
                del own[:count]
        self.held -= len(gone)
        if self.followed:
            self.touched.update(_cell(side, own) for own in gone)

    def _give_alone(self, alone: list[tuple[int, int, int, _Kept]]) -> None:
        """Give items without partner, before all pairs with a mark from their deadlines on."""
        behind = bool(self.marks) and self.marks[-1] > alone[0][0] - 1 - self.delay
        for deadline, side, _, own in alone:
            pair = Joined(own[_KEY], None, own[_ITEM]) if side else Joined(own[_KEY], own[_ITEM], None)
            self.give(pair, own[0], max(deadline - 1 - self.delay, NEVER))
        if behind:
            order = sorted(range(len(self.marks)), key=self.marks.__getitem__)
            self.values, self.times, self.marks = (
                [column[index] for index in order] for column in (self.values, self.times, self.marks)
            )

    def _schedule(self) -> None:
        """The first deadline of all."""
        ends = zip(self._waiting, self._patience, strict=True)
        self.next = min(waiting.next + patience + 1 if waiting else FOREVER for waiting, patience in ends)

    # --------------------------------------------------------------------------------------------------- snapshots
    # A cell for each item that is kept, (side, key, time, arrival): the item, and whether it has no partner so far.

    def cell(self, cell: Any) -> object:
        side: int
        side, _, time, arrival = cell
        found = self._waiting[side].find(time, arrival)
        return GONE if found is None else (found[_ITEM], found[_ALONE])

    def cells(self) -> Iterator[Any]:
        for side, waiting in enumerate(self._waiting):
            for own in waiting:
                yield _cell(side, own)

    def restore(self, header: Any, cells: Mapping[Any, Any]) -> None:
        self.arrived = list(header)
        found: tuple[list[_Kept], list[_Kept]] = [], []
        side: int
        for (side, key, time, arrival), (item, alone) in cells.items():
            found[side].append([time, arrival, key, item, alone])
            self._alone += alone
        self._waiting = [Timeline(own) for own in found]
        for kept, waiting in zip(self._kept, self._waiting, strict=True):
            for own in waiting:
                kept.setdefault(own[_KEY], []).append(own)
        self._schedule()

    def explain(self) -> dict[str, object]:
        return {
            "held": self.held,
            "left keys": len(self._kept[0]),
            "right keys": len(self._kept[1]),
            "without partner so far": self._alone,
            "next deadline": as_datetime(self.next).isoformat() if self.held else None,
        }


def _cell(side: int, own: _Kept) -> tuple[int, Any, int, int]:
    return side, own[_KEY], own[0], own[1]
