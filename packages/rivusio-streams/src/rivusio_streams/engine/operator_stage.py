"""Runs an operator: hands it items and time, and pushes what it gives."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from itertools import compress, repeat
from time import perf_counter
from typing import Any, TypeAlias

import anyio
from anyio.abc import TaskGroup
from typing_extensions import Unpack

from rivusio_core.engine.notes import Notes
from rivusio_core.engine.stage import Barrier, Chunk, End, Keeper, Signal
from rivusio_core.errors import PipeError, StateError
from rivusio_streams.engine.keyed_stage import KeyedSettings, KeyedStage
from rivusio_streams.engine.marks import highest_of
from rivusio_streams.engine.meter import Meter
from rivusio_streams.engine.operator import Operator
from rivusio_streams.engine.origin import KEY, MARK, SIDE, TIME, TIMED
from rivusio_streams.engine.rows import RowBatch, RowFailed
from rivusio_streams.engine.signals import Stop, Watermark
from rivusio_streams.engine.treatment import picked, treat
from rivusio_streams.moment import FOREVER, NEVER

__all__ = ["OperatorStage"]

_log = logging.getLogger("rivusio")

_Outcome: TypeAlias = tuple[int, int, PipeError | None]
"""How many items of a chunk were taken, how many of them failed, and the error that ends the run."""


class OperatorStage(KeyedStage):
    """One step that keeps something.

    Lateness is judged, and event time passes, item by item with the watermark just before the item: what comes out does
    not depend on how items are cut into chunks.

    Args:
        operator: what it does.
        keyed: items have keys.
        inputs: how many streams it joins; 1 where it joins none.
        takes: how many columns items have.
        settings: see `KeyedStage`.
        meter: holds what is kept against limits, if there are any.
    """

    def __init__(
        self,
        operator: Operator,
        *,
        keyed: bool,
        inputs: int,
        takes: int,
        meter: Meter | None = None,
        **settings: Unpack[KeyedSettings],
    ) -> None:
        super().__init__(operator, **settings)
        operator.timed, operator.followed = takes == TIMED, meter is not None
        self._keyed, self._inputs, self._takes, self._meter = keyed, inputs, takes, meter
        self._changed: dict[Any, None] = {}
        """What changed since the last snapshot, as far as the meter has looked; in order."""
        self._over = False
        self._followed = False
        """There was a snapshot: the next one needs only what changed."""
        self._shift = 0
        """What the operator's clock is ahead of that of the run, microseconds."""
        self._lock = anyio.Lock() if operator.clocked else None
        self._planned = FOREVER
        self._rescheduled = anyio.Event()

    @property
    def metered(self) -> bool:
        """What is kept is held against limits, chunk by chunk."""
        return self._meter is not None

    async def open(self, group: TaskGroup) -> None:
        if self.operator.clocked:
            group.start_soon(self._watch_clock, name=f"{self.name}: timers")

    # -------------------------------------------------------------------------------------------------- in and out

    async def take(self, chunk: Chunk) -> None:
        async with self._turn():
            await self._take(chunk)
        self.heard()

    async def _take(self, chunk: Chunk) -> None:
        operator, began, notes = self.operator, perf_counter(), Notes()
        held, filtered = operator.held, operator.filtered
        forgotten = operator.forgotten
        late = bytearray(len(chunk))
        taken, failures, fatal = self._add_each(chunk, notes) if operator.one_to_one else self._add(chunk, late, notes)
        if taken and self._takes == TIMED:
            operator.watermark = max(operator.watermark, self._reached(chunk, taken))
        notes.tally(self.name).taken += taken
        self._count(notes, taken - failures, late.count(1), held, filtered)
        if operator.forgotten > forgotten:
            self._count_forgotten(notes, forgotten)
        notes.seconds = perf_counter() - began
        await self.context.absorb(notes)
        if 1 in late:
            await self.refuse(picked(chunk, late))
        await self._push()
        if fatal is not None:
            raise fatal from fatal.cause

    async def took(self, taken: int, late: Chunk | None, before: tuple[int, int], notes: Notes) -> None:
        """Items were handed to the operator itself: the rest is done as for a chunk.

        Args:
            taken: how many.
            late: those that were refused.
            before: `held` and `filtered` before them.
            notes: of theirs so far.
        """
        notes.tally(self.name).taken += taken
        self._count(notes, taken, 0 if late is None else len(late), *before)
        await self.context.absorb(notes)
        if late is not None:
            await self.refuse(late)
        await self._push()
        self.heard()

    def gave_each(self, chunk: Chunk, done: int) -> None:
        """The operator took the first items of a chunk, and gave a result `(key, ...)` for each: note the rest."""
        operator = self.operator
        if self._followed or self._meter is not None:
            operator.touched.update(key for key, *_ in operator.values)
        if done and self._takes == TIMED:
            operator.times, operator.marks = [*chunk.columns[TIME][:done]], [*chunk.columns[MARK][:done]]
            operator.watermark = max(operator.watermark, self._reached(chunk, done))

    @staticmethod
    def _reached(chunk: Chunk, taken: int) -> int:
        """How far event time has come behind so many items; what comes behind all of them is told by a signal, too."""
        marks = chunk.columns[MARK]
        return highest_of(marks) if taken == len(marks) else marks[taken - 1]

    def _add(self, chunk: Chunk, late: bytearray, notes: Notes) -> _Outcome:
        batch, failures = self._batch(chunk), 0
        while True:
            try:
                self.operator.add_batch(batch, late)
                return len(chunk), failures, None
            except RowFailed as failed:
                if isinstance(failed.error, StateError):
                    raise failed.error from failed.error.__cause__  # no item is at fault
                failures += 1
                fatal = self._treat(chunk, failed.index, failed.error, notes)
                if fatal is not None:
                    return failed.index + 1, failures, fatal

    def _add_each(self, chunk: Chunk, notes: Notes) -> _Outcome:
        """As `_add`; times and marks of the results are those of the items that did not fail."""
        operator, count, columns = self.operator, len(chunk), chunk.columns
        given, values, bad = operator.values, chunk.values, list[int]()
        fatal: PipeError | None = None
        pairs = zip(columns[KEY] if self._keyed else repeat(None), values)  # noqa: B905  # repeat goes on for ever
        if self._followed or self._meter is not None:  # all at once, since this costs less than one by one
            operator.touched.update(columns[KEY] if self._keyed else (None,))
        while fatal is None:
            try:
                operator.add_each(pairs)
                break
            except Exception as error:  # noqa: BLE001  # `treat` says what becomes of it
                bad.append(len(given) + len(bad))
                fatal = self._treat(chunk, bad[-1], error, notes)
        taken = count if fatal is None else bad[-1] + 1
        if self._takes == TIMED and bad:
            good = [True] * taken
            for index in bad:
                good[index] = False
            operator.times, operator.marks = [*compress(columns[TIME], good)], [*compress(columns[MARK], good)]
        elif self._takes == TIMED:
            operator.times, operator.marks = [*columns[TIME]], [*columns[MARK]]
        return taken, len(bad), fatal

    def _treat(self, chunk: Chunk, index: int, error: Exception, notes: Notes) -> PipeError | None:
        columns = tuple(column[index] for column in chunk.columns)
        return treat(notes, self.name, chunk.values[index], columns, error, self.context)

    def _batch(self, chunk: Chunk) -> RowBatch:
        columns, count = chunk.columns, len(chunk)
        if self._takes == TIMED:
            times, marks = columns[TIME], columns[MARK]
        else:  # items of which nothing says when they happened: now
            times, marks = [self.context.clock.wall()] * count, [NEVER] * count
        side = 0 if self._inputs == 1 else columns[SIDE][0]  # a chunk comes by one input
        return RowBatch(times, marks, columns[KEY] if self._keyed else None, chunk.values, side)

    def _count(self, notes: Notes, done: int, late: int, held: int, filtered: int) -> None:
        tally, operator = notes.tally(self.name), self.operator
        kept, lost = operator.held - held, operator.filtered - filtered
        tally.late += late
        tally.filtered += lost
        tally.held += kept
        tally.passed += done - late - lost - kept
        tally.given += len(operator.values)

    def _count_forgotten(self, notes: Notes, before: int) -> None:
        count = self.operator.forgotten
        notes.tally(self.name).forgotten += count - before
        if before == 0:
            _log.warning("step %r: there are more keys than its limit; those used longest ago are forgotten", self.name)

    async def signal(self, signal: Signal) -> None:
        async with self._turn():
            operator = self.operator
            if isinstance(signal, Watermark):
                await self._pass_time(signal.time)
                signal = Watermark(signal.time - operator.delay) if operator.delay else signal
            elif isinstance(signal, Stop):
                signal.holding |= operator.held > 0
                self._over = True
            elif isinstance(signal, End):
                held, filtered = operator.held, operator.filtered
                if self._followed and operator.bounded is not None:
                    operator.touched.update(operator.cells())  # the next snapshot must hear that they are gone
                operator.finish()
                self._over = True
                await self._flush(held, filtered)
            elif isinstance(signal, Barrier):
                if signal.keeper is not None:
                    self.keep(signal.keeper)
                else:
                    signal.holding |= operator.held > 0
            if self.late_out is not None and isinstance(signal, End | Barrier):
                await self.late_out.signal(signal)
            await self.out.signal(signal)
        self.heard()

    async def _pass_time(self, watermark: int) -> None:
        operator = self.operator
        operator.before, operator.watermark = operator.watermark, max(operator.watermark, watermark)
        if watermark >= operator.next:
            held, filtered = operator.held, operator.filtered
            operator.advance(watermark)
            await self._flush(held, filtered)

    async def _flush(self, held: int, filtered: int) -> None:
        notes = Notes()
        self._count(notes, 0, 0, held, filtered)
        await self.context.absorb(notes)
        await self._push()

    async def _push(self) -> None:
        operator = self.operator
        if self._meter is not None and not self._over:
            ids = dict.fromkeys(operator.changed())
            operator.settle()
            if self._followed:
                self._changed |= ids
            self._meter.account(operator, ids)
        elif not self._followed:
            operator.touched.clear()  # nobody asks for it
        if operator.values:
            values, times, marks = operator.values, operator.times, operator.marks
            operator.values, operator.times, operator.marks = [], [], []
            await self.give(values, times, marks)

    # -------------------------------------------------------------------------------------------------- the clock

    @asynccontextmanager
    async def _turn(self) -> AsyncGenerator[None, None]:
        """One at a time, upstream or the clock; afterwards the clock's task hears of what has become due."""
        if self._lock is None:
            yield
            return
        async with self._lock:
            self._read_clock()
            yield
            if self.operator.due != self._planned:
                self._planned = self.operator.due
                self._rescheduled.set()

    def _read_clock(self) -> None:
        self.operator.now, self.operator.wall = self._now(), self.context.clock.wall()

    def _now(self) -> int:
        return round(self.context.clock.monotonic() * 1_000_000) + self._shift

    async def _watch_clock(self) -> None:
        while True:
            self._rescheduled = anyio.Event()
            left = self._planned - self._now()
            if self._planned == FOREVER:
                await self._rescheduled.wait()
            elif left > 0:
                with self.context.clock.deadline(left / 1_000_000):
                    await self._rescheduled.wait()
            else:
                await self.tick()

    async def tick(self) -> None:
        """The clock may have come to something that was waited for."""
        async with self._turn():
            if not self._over and self.operator.due <= self.operator.now:
                held, filtered = self.operator.held, self.operator.filtered
                self.operator.tick()
                await self._flush(held, filtered)
        self.heard()

    def explain(self) -> dict[str, object]:
        return self.operator.explain()

    # -------------------------------------------------------------------------------------------------- snapshots

    def keep(self, keeper: Keeper) -> None:
        operator = self.operator
        ids: Iterable[Any] = operator.cells()
        if self._followed and not keeper.whole:
            ids = {**self._changed, **dict.fromkeys(operator.changed())}
        header = {
            "given": self.given,
            "watermark": operator.watermark,
            "held": operator.held,
            "now": self._now(),
            "operator": operator.header(),
        }
        keeper.keep(self.name, header, ((each, operator.cell(each)) for each in ids))
        operator.settle()
        self._changed.clear()
        self._followed = operator.followed = True

    def restore(self, header: Any, cells: Mapping[Any, Any]) -> None:
        operator = self.operator
        self.given, operator.watermark, operator.held = header["given"], header["watermark"], header["held"]
        self._shift = header["now"] - self._now()
        self._read_clock()
        operator.restore(header["operator"], cells)
        if self._meter is not None:
            self._meter.account(operator, operator.cells())
        operator.touched.clear()
        self._planned = operator.due
        self._followed = operator.followed = True
