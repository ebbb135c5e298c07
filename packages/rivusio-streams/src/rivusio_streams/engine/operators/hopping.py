"""Hopping windows that overlap, without trigger: what they share is folded once."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from itertools import chain, count, islice
from math import gcd
from typing import Any

from rivusio_core.engine.stage import GONE
from rivusio_streams.engine.folding import Folding
from rivusio_streams.engine.operator import SHARED
from rivusio_streams.engine.operators.gridded import Grid, GriddedOperator
from rivusio_streams.engine.rows import RowBatch, RowFailed
from rivusio_streams.moment import FOREVER, as_datetime
from rivusio_streams.windows import Hopping, window_of

__all__ = ["HoppingOperator", "shares"]

_MANY = 64
"""Slices of a window at most: putting more of them together costs more than folding items more than once."""

_FEW = 16
"""Up to one key in so many is put into its place; where there are more, all are sorted."""


def shares(windows: Hopping) -> bool:
    """It pays to fold what windows share only once."""
    return windows.every < windows.length <= _MANY * gcd(windows.length, windows.every)


@dataclass(slots=True)
class _Slice:
    """The items of an interval that is in the same windows from its start to its end.

    Attributes:
        fresh, settled, held: see `Accumulators`.
        seen: by key, in which order keys were first seen in a slice, among all slices.
        overtaken: the keys that were first seen here when there was a later slice already: only these may have been
            seen in a later slice before.
        stored: a snapshot has it.
    """

    fresh: dict[Any, Any] = field(default_factory=dict[Any, Any])
    settled: dict[Any, Any] = field(default_factory=dict[Any, Any])
    seen: dict[Any, int] = field(default_factory=dict[Any, int])
    held: int = 0
    overtaken: set[Any] = field(default_factory=set[Any])
    stored: bool = False

    def pairs(self) -> Iterable[tuple[Any, Any]]:
        """Keys and accumulators."""
        if not self.settled:
            return self.fresh.items()
        return chain(self.fresh.items(), ((key, own) for key, own in self.settled.items() if key not in self.fresh))


class HoppingOperator(GriddedOperator):
    """One windowed aggregation whose windows share accumulators.

    For aggregators with a formula: their accumulators are never changed, so that several windows can begin with one.

    Args:
        name: of the step.
        windows: where windows lie.
        settings: see `WindowOperator`; late items are refused.
    """

    def __init__(self, name: str, windows: Hopping, *settings: Any) -> None:
        super().__init__(name, *settings)
        self.grid = Grid(windows.length, windows.every, windows.offset)
        self.width = gcd(windows.length, windows.every)
        self._numbers = count()
        self.folding = Folding.of(self.fold, number=self._numbers.__next__)
        self._slices: dict[int, _Slice] = {}
        self._latest = -FOREVER
        self._closing: list[int] = []
        """The ends of the windows that something is in."""
        self._ends: set[int] = set()

    # ------------------------------------------------------------------------------------------------------- items

    def add(self, time: int, mark: int, key: Any, value: Any) -> bool:
        late = bytearray(1)
        try:
            self.add_batch(RowBatch([time], [mark], [key], [value]), late)
        except RowFailed as failed:
            raise failed.error from failed.error.__cause__
        return not late[0]

    def take_late(self, time: int, mark: int, key: Any, value: Any) -> bool:
        return False

    def place(self, start: int) -> _Slice:
        found = self._slices.get(start)
        if found is None:
            found = self._slices[start] = _Slice()
            self._latest = max(self._latest, start)
            for end in self._ends_of(start):
                if end > self._passed and end not in self._ends:
                    self._ends.add(end)
                    heappush(self._closing, end)
            self.schedule()
        return found

    def _ends_of(self, start: int) -> range:
        """The ends of the windows that hold a slice."""
        last = start - (start - self.grid.offset) % self.grid.every + self.grid.length
        return range(last, start, -self.grid.every)

    def filled(self, place: _Slice, number: int) -> None:
        if place is not self._slices[self._latest]:
            place.overtaken.update(islice(reversed(place.seen), number))

    def failed(self, place: _Slice) -> None:
        key = next(reversed(place.seen), None)
        if key not in place.fresh and key not in place.settled:
            place.seen.pop(key, None)

    def give_early(self, where: Any, mark: int) -> None:
        raise NotImplementedError("windows that share slices have no trigger")

    # ------------------------------------------------------------------------------------------------- time passes

    def schedule(self) -> None:
        self.next = self._closing[0] if self._closing else FOREVER

    def advance(self, watermark: int) -> None:
        """Close the windows that end by `watermark`, in order, and drop what is in no other."""
        while self._closing and self._closing[0] <= watermark:
            end = heappop(self._closing)
            self._ends.discard(end)
            starts = range(end - self.grid.length, end, self.width)
            self._close(end, [self._slices[start] for start in starts if start in self._slices])
            for start in islice(starts, self.grid.every // self.width):  # the next window begins behind them
                self._drop(start)
        self.schedule()

    def _close(self, end: int, slices: list[_Slice]) -> None:
        merged = dict[Any, Any]()
        for each in slices:
            if merged:
                self.folding.merge(merged, each.pairs())
            else:
                merged.update(each.pairs())
        overtaken = {key for each in slices for key in each.overtaken}
        if len(overtaken) * _FEW > len(merged) or any(each.settled for each in slices):
            merged = {key: merged[key] for key in sorted(merged, key=_first_seen(slices).__getitem__)}
        elif overtaken:  # all others are in order
            keys, seen = [key for key in merged if key not in overtaken], _first_seen_of(slices)
            for key in overtaken:
                insort(keys, key, key=seen)
            merged = {key: merged[key] for key in keys}
        self.give_closed(window_of(end - self.grid.length, end), merged, end - 1)

    def _drop(self, start: int) -> None:
        found = self._slices.pop(start, None)
        if found is None:
            return
        self.held -= found.held
        if found.stored:
            self.touched.add((start,))
            self.touched.update((start, key) for key in found.seen)

    # --------------------------------------------------------------------------------------------------- snapshots

    # A cell for each slice, (start,), and for each key in it, (start, key).

    def header(self) -> object:
        return next(self._numbers), self._latest, sorted(self._ends)

    def cell(self, cell: Any) -> object:
        start, *rest = cell
        found = self._slices.get(start)
        if found is None:
            return GONE
        if not rest:
            return found.held
        [key] = rest
        own = found.fresh[key] if key in found.fresh else found.settled[key]
        return self.dump(own), found.seen[key], key in found.overtaken

    def cells(self) -> Iterator[Any]:
        for start, each in self._slices.items():
            yield (start,)
            for key in each.seen:
                yield (start, key)

    def changed(self) -> Iterator[Any]:
        yield from self.touched
        for start, each in self._slices.items():
            if each.fresh:
                yield (start,)
                for key in each.fresh:
                    yield (start, key)

    divisible = True

    def owner(self, cell: Any) -> Any:
        return cell[1] if len(cell) > 1 else SHARED

    def header_of(self, headers: Sequence[Any]) -> object:
        numbers, latest, ends = zip(*headers, strict=True)
        return max(numbers), max(latest), sorted(set(chain.from_iterable(ends)))

    def shared_of(self, values: Sequence[Any]) -> object:
        return sum(values)

    def without_counts(self, shared: Any) -> object:
        return 0

    def settle(self) -> None:
        super().settle()
        for each in self._slices.values():
            each.stored = True
            if each.settled:
                each.settled.update(each.fresh)
                each.fresh.clear()
            else:
                each.settled, each.fresh = each.fresh, {}

    def restore(self, header: Any, cells: Mapping[Any, Any]) -> None:
        number, self._latest, ends = header
        self._numbers = count(number)
        self.folding = Folding.of(self.fold, number=self._numbers.__next__)
        self._ends, self._closing = set(ends), list(ends)
        heapify(self._closing)
        for (start, *rest), value in cells.items():
            if not rest:
                self._slices[start] = _Slice(held=value, stored=True)
        for (start, *rest), value in cells.items():
            for key in rest:
                place = self._slices[start]
                kept, place.seen[key], overtaken = value
                place.settled[key] = self.load(kept)
                if overtaken:
                    place.overtaken.add(key)
        self.schedule()

    def explain(self) -> dict[str, object]:
        return {
            "held": self.held,
            "open windows": len(self._ends),
            "next window ends": as_datetime(self.next).isoformat() if self._closing else None,
            "keys": len({key for each in self._slices.values() for key in each.seen}),
        }


def _first_seen(slices: list[_Slice]) -> dict[Any, int]:
    """When each key was first seen in any of the slices."""
    numbers = dict(slices[0].seen)
    for each in slices[1:]:
        for key, number in each.seen.items():
            if number < numbers.setdefault(key, number):
                numbers[key] = number
    return numbers


def _first_seen_of(slices: list[_Slice]) -> Callable[[Any], int]:
    """Tells when a key was first seen in any of the slices."""
    numbers = [each.seen for each in slices]

    def first(key: Any) -> int:
        return min(seen[key] for seen in numbers if key in seen)

    return first
