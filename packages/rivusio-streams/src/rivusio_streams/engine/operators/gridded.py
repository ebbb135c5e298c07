"""Windows whose ends lie on a grid: a chunk is taken in runs within which no window closes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from operator import length_hint
from typing import Any, Protocol, TypeAlias

from rivusio_streams.engine.folding import Folding
from rivusio_streams.engine.marks import first_at, highest_of, mark_at
from rivusio_streams.engine.operators.runs import runs_of
from rivusio_streams.engine.operators.windowing import WindowOperator
from rivusio_streams.engine.rows import RowBatch, RowFailed
from rivusio_streams.moment import FIRST, LAST, NEVER

__all__ = ["Accumulators", "Filling", "Grid", "GriddedOperator", "Place"]


@dataclass(frozen=True)
class Grid:
    """Windows `[offset + n * every, offset + n * every + length)`, in microseconds."""

    length: int
    every: int
    offset: int

    def passed(self, mark: int) -> int:
        """The last end of a window that a watermark has reached."""
        return mark - (mark - self.offset - self.length) % self.every

    def late_before(self, passed: int) -> int:
        """Items before this time are in no window that is still open once this end was reached."""
        return passed - self.length + self.every


class Accumulators(Protocol):
    """What items are folded into.

    Attributes:
        fresh: accumulators by key of the keys that were touched since the last snapshot.
        settled: those of the other keys.
        seen: by key, a number that grows with the order in which they were first seen; left alone where a loop
            does not number.
        held: items in it.
    """

    fresh: dict[Any, Any]
    settled: dict[Any, Any]
    seen: dict[Any, int]
    held: int


class GriddedOperator(WindowOperator):
    """Base of operators that take chunks as runs of rows whose marks lie between the same two ends of windows.

    Within a run no window closes, and what is late can be told from the times alone, whatever the order of the items:
    they are folded without looking at the watermark again.

    Attributes:
        grid: where windows lie.
        width: items whose times are in the same interval of so many microseconds are folded together.
        folding: the loops for the aggregator.
    """

    grid: Grid
    width: int
    folding: Folding
    _passed = NEVER
    """The last end that a mark has reached, as far as is known: marks never go back."""

    def pass_mark(self, mark: int) -> tuple[int, int]:
        """Note that the watermark has come so far.

        Gives the time before which items are late, and the watermark up to which that is so.
        """
        self._passed = self.grid.passed(mark)
        return self.grid.late_before(self._passed), self._passed + self.grid.every

    def add_batch(self, batch: RowBatch, late: bytearray) -> None:
        grid, marks, count, start = self.grid, batch.marks, len(batch), batch.done
        if start < count and self._passed > NEVER and highest_of(marks) < self._passed + grid.every:
            self._add_run(batch, start, count, late)
            return
        while start < count:
            mark = mark_at(marks, start)
            self._passed = grid.passed(mark)
            if mark >= self.next:
                with _of_row(batch, start):
                    self.advance(mark)
            stop = first_at(marks, self._passed + grid.every, start)
            self._add_run(batch, start, stop, late)
            start = stop

    def _add_run(self, batch: RowBatch, start: int, stop: int, late: bytearray) -> None:
        before = self.grid.late_before(self._passed)
        if batch.span(start, stop)[0] >= before:
            self._fold(batch, start, stop)
            return
        for index, time in enumerate(batch.times[start:stop], start):
            if time < before:
                self._fold(batch, start, index)
                with _of_row(batch, index):
                    late[index] = not self.take_late(time, batch.marks[index], batch.keys[index], batch.values[index])
                start = index + 1
        self._fold(batch, start, stop)

    @abstractmethod
    def take_late(self, time: int, mark: int, key: Any, value: Any) -> bool:
        """Take an item of which all windows have closed; False: it is refused."""

    @abstractmethod
    def place(self, start: int) -> Accumulators:
        """What items from this time on are folded into, for `width` microseconds."""

    def filled(self, place: Any, number: int) -> None:
        """So many keys of a place were seen for the first time just now."""

    def failed(self, place: Any) -> None:
        """An item that goes into a place failed: its key may have been numbered already."""

    def _fold(self, batch: RowBatch, start: int, stop: int) -> None:
        if start == stop:
            return
        times, keys, values = batch.times, batch.keys, batch.values
        if stop - start < len(values):
            times, keys, values = times[start:stop], keys[start:stop], values[start:stop]
        left = iter(keys)
        filling = Filling(self, left)
        runs = runs_of(times, self.grid.offset, self.width, batch.span(start, stop))
        try:
            if runs is None:
                _ = filling.place(times[0])
                self.folding.scatter(left, values, times, filling.switch)
            elif len(runs) == 1:
                self.folding.fold(left, values, times, *filling.place(times[0])[2:])
            else:
                fold, rows, moments = self.folding.fold, iter(values), iter(times)
                for count, time in runs:
                    fold(islice(left, count), rows, moments, *filling.place(time)[2:])
                    filling.count()
        except Exception as error:
            filling.fail()
            index = stop - length_hint(left) - 1
            self.held += index - start
            batch.done = index + 1
            raise RowFailed(index, error) from error
        if runs is None or len(runs) == 1:
            filling.count()
        self.held += stop - start
        batch.done = stop


Place: TypeAlias = tuple[int, int, dict[Any, Any], dict[Any, Any], dict[Any, int]]
"""Where items of an interval go, as `Switch` has it."""


class Filling:
    """Finds the places of items, and counts what goes into each.

    Args:
        operator: has the places.
        left: the items, by how many of which are left it counts.
    """

    def __init__(self, operator: GriddedOperator, left: Iterator[Any]) -> None:
        self._operator, self._left = operator, left
        self._width, self._offset = operator.width, operator.grid.offset
        self._known: dict[int, tuple[Accumulators, Place]] = {}
        self._current: Accumulators | None = None
        self._from = self._seen = 0

    def place(self, time: int) -> Place:
        """What the next item goes into, and those that follow."""
        begins = time - (time - self._offset) % self._width
        found = self._known.get(begins)
        if found is None:
            into = self._operator.place(begins)
            ends = min(begins + self._width, LAST + 1)  # no time is beyond, but whoever asks may not know yet
            found = into, (max(begins, FIRST), ends, into.fresh, into.settled, into.seen)
            self._known[begins] = found
        self._current, place = found
        self._from, self._seen = length_hint(self._left), len(place[-1])
        return place

    def switch(self, time: int) -> Place:
        """As `place`, for the item that was just taken; those before it are counted."""
        self.count(failed=True)
        return self.place_of_taken(time)

    def place_of_taken(self, time: int) -> Place:
        """As `place`, for the item that was just taken."""
        place = self.place(time)
        self._from += 1
        return place

    def leave(self) -> None:
        """No place is at hand; what is known of places may change."""
        self._current = None
        self._known.clear()

    def fail(self) -> int:
        """The item that was just taken failed; counts those before it."""
        if self._current is not None:
            self._operator.failed(self._current)
        return self.count(failed=True)

    def count(self, *, failed: bool = False) -> int:
        """Count the items since the last switch; failed: the one that was just taken is not among them."""
        into = self._current
        if into is None:
            return 0
        counted = self._from - length_hint(self._left) - failed
        into.held += counted
        number = len(into.seen) - self._seen
        if number:
            self._operator.filled(into, number)
        return counted


class _of_row:  # read as a phrase
    """What is raised inside is said to be of this row."""

    def __init__(self, batch: RowBatch, index: int) -> None:
        self._batch, self._index = batch, index

    def __enter__(self) -> None:
        self._batch.done = self._index + 1

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception):
            raise RowFailed(self._index, error) from error
