"""What joins have in common: they take the items of a chunk, which all come by one input, as columns."""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import compress, repeat
from operator import ge, length_hint
from typing import Any

from rivusio_streams.bulk import Bulk
from rivusio_streams.engine.marks import highest_of
from rivusio_streams.engine.operator import Operator
from rivusio_streams.engine.rows import RowBatch, RowFailed
from rivusio_streams.join import Joined

__all__ = ["JoinOperator"]

_bulk = Bulk[Joined[Any, Any, Any]](Joined)


class JoinOperator(Operator):
    """Base of the operators of joins.

    All items of a chunk are taken before event time passes for them. That changes no result: what event time sweeps
    away on the way from one item to the next is too old to be found by items that are on time; where it gives
    something, `advance` knows where that belongs.

    Args:
        name: of the step.
        of: what right items stand for; None: for themselves.

    Attributes:
        arrived: by side, how many items were taken so far.
    """

    def __init__(self, name: str, of: Callable[[Any], Any] | None = None) -> None:
        super().__init__(name)
        self._of = of
        self.arrived = [0, 0]

    def add_batch(self, batch: RowBatch, late: bytearray) -> None:
        start, side, highest = batch.done, batch.side, highest_of(batch.marks)
        keys, values = batch.keys, batch.values
        if start:
            keys, values = keys[start:], values[start:]
        items, error = self._good(side, keys, values)
        stop = batch.done = start + len(items)
        if start < stop:
            times, marks = batch.times, batch.marks
            if stop - start < len(times):
                times, marks, keys = times[start:stop], marks[start:stop], keys[: len(items)]
            if batch.span(start, stop)[0] < self.floor(highest):
                on_time = [*map(ge, times, map(self.floor, marks))]
                if not all(on_time):
                    late[start:stop] = bytes(not each for each in on_time)
                    times, marks, keys, items = ([*compress(all_, on_time)] for all_ in (times, marks, keys, items))
            if items:
                self.take(side, times, marks, keys, items)
        if error is not None:
            highest = batch.marks[stop]
            batch.done += 1
        if highest >= self.next:
            self.advance(highest)
        if error is not None:
            raise RowFailed(stop, error) from error

    def _good(self, side: int, keys: Sequence[Any], values: Sequence[Any]) -> tuple[Sequence[Any], Exception | None]:
        """The items before the first that fails, and how that failed."""
        left, failed, of = iter(keys), None, self._of
        try:
            deque(map(hash, left), maxlen=0)  # calls it for each
        except Exception as error:  # noqa: BLE001  # of the item
            failed, values = error, values[: len(keys) - length_hint(left) - 1]
        if of is None or side == 0:
            return values, failed
        found = list[Any]()
        try:
            for value in values:
                found.append(of(value))
        except Exception as error:  # noqa: BLE001  # of the item
            failed = error
        return found, failed

    def floor(self, watermark: int) -> int:
        """Items that happened before this time are refused at a watermark: by default before that itself."""
        return watermark

    @abstractmethod
    def take(
        self, side: int, times: Sequence[int], marks: Sequence[int], keys: Sequence[Any], items: Sequence[Any]
    ) -> None:
        """Take items that came by one input and are on time; event time need not pass for them."""

    def numbers(self, side: int, count: int) -> range:
        """The numbers of arrival of so many items that are taken."""
        first = self.arrived[side] + 1
        self.arrived[side] += count
        return range(first, first + count)

    def give_joined(
        self,
        keys: Iterable[Any],
        lefts: Iterable[Any],
        rights: Iterable[Any],
        times: Sequence[int],
        marks: Iterable[int],
        windows: Iterable[Any] = repeat(None),
    ) -> None:
        """Give results: as many as there are times."""
        self.values += _bulk.make(len(times), keys, lefts, rights, windows)
        self.times += times
        self.marks += marks

    # --------------------------------------------------------------------------------------------------- snapshots

    def header(self) -> object:
        return list(self.arrived)
