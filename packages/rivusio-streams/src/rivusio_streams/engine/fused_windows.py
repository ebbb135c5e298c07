"""Event time, key and window in one loop, where nothing else can move the watermark.

Three stages hand lists of times and keys to one another; the usual item needs neither. This is an acceleration and
nothing else: what is out of the ordinary (several partitions, times that are no plain integers, an item that fails)
goes through the stages themselves, from that item on.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import length_hint
from time import perf_counter
from typing import Any

from rivusio_core.engine.notes import Notes
from rivusio_core.engine.stage import Chunk, Stage
from rivusio_core.listener import Tally
from rivusio_streams.engine.event_time_stage import EventTimeStage
from rivusio_streams.engine.operator_stage import OperatorStage
from rivusio_streams.engine.operators.gridded import Filling, GriddedOperator
from rivusio_streams.engine.origin import ORIGIN, UNTIMED
from rivusio_streams.engine.timed_folding import TimedFolding, Untimed, timed_folding
from rivusio_streams.moment import FIRST, LAST

__all__ = ["FusedWindows"]


class FusedWindows(Stage):
    """Stands before the three stages.

    Args:
        timing: gives items their times.
        of: the function that it does so by.
        key: of an item.
        key_step: name of the step that works it out.
        windows: the windows.
        operator: theirs.
    """

    def __init__(
        self,
        timing: EventTimeStage,
        of: Callable[[Any], Any],
        key: Callable[[Any], Any],
        key_step: str,
        windows: OperatorStage,
        operator: GriddedOperator,
    ) -> None:
        self.out: Stage = timing
        self._timing, self._key_step = timing, key_step
        self._windows, self._operator = windows, operator
        self._off = False
        self._of, self._key = of, key
        self._made: tuple[object, TimedFolding] | None = None

    def _folding(self) -> TimedFolding:
        """The loop; another one once a checkpoint was taken up, which has its own numbers of keys."""
        folding = self._operator.folding
        if self._made is None or self._made[0] is not folding:
            self._made = folding, timed_folding(self._of, self._key, self._operator.fold, folding.number)
        return self._made[1]

    async def take(self, chunk: Chunk) -> None:
        origins, timing, operator = chunk.columns[ORIGIN], self._timing, self._operator
        origin = origins[0]
        mark = None
        if not self._off and origins.count(origin) == len(origins):
            mark = timing.alone(origin)
        if mark is None:
            await timing.take(chunk)
            return
        began, notes, before = perf_counter(), Notes(), (operator.held, operator.filtered)
        work = _Work(chunk, operator, mark, timing.spec.out_of_order)
        work.run(self._folding())
        for step in (timing.name, self._key_step):
            notes.tallies[step] = Tally(taken=work.done, passed=work.done, given=work.done)
        notes.seconds = perf_counter() - began
        if work.done:
            timing.went_by(origin, work.latest)
            operator.watermark = max(operator.watermark, work.latest - timing.spec.out_of_order)
        await self._windows.took(work.done, work.refused(), before, notes)
        await timing.say()
        if work.broken is not None:  # no item is at fault
            raise work.broken
        self._off = work.untimed and not work.done
        if work.done < len(chunk):
            rest = tuple(column[work.done :] for column in chunk.columns)
            await timing.take(Chunk(chunk.values[work.done :], rest))


class _Work:
    """A chunk in the loop.

    Args:
        chunk: items of one partition.
        operator: has the windows.
        mark: the watermark before them.
        bound: microseconds by which the watermark is behind the latest item.

    Attributes:
        done: how many items were dealt with.
        latest: the latest time so far, whichever chunk had it.
        untimed: the item behind those has a time that is not a plain integer.
        broken: what closing a window raised.
    """

    def __init__(self, chunk: Chunk, operator: GriddedOperator, mark: int, bound: int) -> None:
        self.done, self.latest, self.untimed = 0, mark + bound, False
        self.broken: Exception | None = None
        self._chunk, self._operator, self._mark, self._bound = chunk, operator, mark, bound
        self._left = iter(chunk.values)
        self._filling = Filling(operator, self._left)
        self._late: list[tuple[int, int, int, Any]] = []
        self._late_before, self._next_end = operator.pass_mark(mark)

    def run(self, loop: TimedFolding) -> None:
        """Take items, up to one that is out of the ordinary."""
        operator, filling, failed = self._operator, self._filling, 0
        try:
            loop(self._left, self.latest, self._switch, self._leave)
            operator.held += filling.count()
        except Exception as error:  # noqa: BLE001  # the stages find it again, and treat the item
            self.untimed, failed = isinstance(error, Untimed), 1
            operator.held += filling.fail()
        self.done = len(self._chunk) - length_hint(self._left) - failed

    def _switch(
        self, time: int, key: Any, value: Any, latest: int
    ) -> tuple[int, int, dict[Any, Any] | None, dict[Any, Any], dict[Any, int]]:
        operator, filling, mark = self._operator, self._filling, max(self._mark, latest - self._bound)
        operator.held += filling.count(failed=True)
        if mark >= self._next_end:
            self._late_before, self._next_end = operator.pass_mark(mark)
        if mark >= operator.next:
            filling.leave()
            self._advance(mark)
        if time < self._late_before:
            filling.leave()
            if not operator.take_late(time, mark, key, value):
                self._late.append((len(self._chunk) - length_hint(self._left) - 1, time, mark, key))
            return 0, 0, None, {}, {}
        if not FIRST <= time <= LAST:
            filling.leave()
            raise Untimed
        # Windows that hold the place close only behind an item outside of it, and with that comes a switch.
        return filling.place_of_taken(time)

    def _advance(self, mark: int) -> None:
        try:
            self._operator.advance(mark)
        except Exception as error:
            self.broken = error
            raise

    def _leave(self, latest: int) -> None:
        self.latest = latest

    def refused(self) -> Chunk | None:
        """The items that came too late, with all that travels beside them."""
        if not self._late:
            return None
        indices, times, marks, keys = zip(*self._late, strict=True)
        columns = tuple([column[index] for index in indices] for column in self._chunk.columns[:UNTIMED])
        return Chunk([self._chunk.values[index] for index in indices], (*columns, [*times], [*marks], [*keys]))
