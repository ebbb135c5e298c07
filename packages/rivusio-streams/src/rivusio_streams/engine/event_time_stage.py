"""Gives items their times, and says how far event time has come."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import groupby
from time import perf_counter
from typing import Any

from rivusio_core.engine.context import RunContext
from rivusio_core.engine.notes import Notes
from rivusio_core.engine.stage import Chunk, Signal, Stage
from rivusio_core.errors import PipeError
from rivusio_core.listener import Tally
from rivusio_streams.engine.origin import ORIGIN, TIME, UNTIMED
from rivusio_streams.engine.signals import Cut, Idle, PartitionEnded, PartitionIdle, Watermark
from rivusio_streams.engine.treatment import extract
from rivusio_streams.event_time import EventTime, Watermarks
from rivusio_streams.moment import FIRST, LAST, NEVER, moment

__all__ = ["EventTimeStage"]


class EventTimeStage(Stage):
    """Adds the time and mark columns; watermarks follow each chunk that moves them.

    Args:
        name: of the step.
        spec: how.
        origins: the partitions that feed it.
        context: of the run.
        cuts: send a `Cut` behind every chunk.
        reached: told of the watermark of a partition, so that the one furthest behind is read first.
        out: the next stage.
    """

    def __init__(
        self,
        name: str,
        spec: EventTime,
        origins: Iterable[int],
        context: RunContext,
        cuts: bool,
        reached: Callable[[int, int], None],
        out: Stage,
    ) -> None:
        self.out = out
        self.name = name
        self.ahead = 0
        """Items whose time was too far in the future to move the watermark."""
        self._spec, self._context, self._cuts, self._reached = spec, context, cuts, reached
        self._origins = frozenset(origins)
        self._watermarks = Watermarks(sorted(self._origins), spec.out_of_order)
        self._said = NEVER
        self._idle = False

    async def take(self, chunk: Chunk) -> None:
        began, notes = perf_counter(), Notes()
        timed, times, fatal = self._times(chunk, notes)
        notes.seconds = perf_counter() - began
        await self._context.absorb(notes)
        if times:
            await self._pass_on(timed, times)
        if fatal is not None:
            raise fatal from fatal.cause

    def _times(self, chunk: Chunk, notes: Notes) -> tuple[Chunk, list[int], PipeError | None]:
        of, known = self._spec.of, chunk.columns[TIME] if self._spec.of is None else ()
        if of is None:
            count = len(chunk)
            notes.tallies[self.name] = Tally(taken=count, passed=count, given=count)
            return chunk, list(known), None
        try:
            given: list[Any] = [of(value) for value in chunk.values]
            if set(map(type, given)) != {int} or min(given) < FIRST or max(given) > LAST:
                given = [moment(value) for value in given]
        except Exception:  # noqa: BLE001  # rare: once more, item by item, to find which
            return extract(_converting(of), chunk, self.name, notes, self._context)
        notes.tallies[self.name] = Tally(taken=len(given), passed=len(given), given=len(given))
        return chunk, given, None

    async def _pass_on(self, chunk: Chunk, times: list[int]) -> None:
        origins, values = chunk.columns[ORIGIN], chunk.values
        self._idle = False
        if origins[0] == origins[-1] and origins.count(origins[0]) == len(times):
            marks = self._marks(origins[0], times)
        else:  # a concurrent step joined the results of several partitions
            marks, start = list[int](), 0
            for origin, run in groupby(origins):
                stop = start + len(list(run))
                marks += self._marks(origin, times[start:stop])
                start = stop
        await self.out.take(Chunk(values, (*chunk.columns[:UNTIMED], times, marks)))
        await self._say()
        if self._cuts:
            await self.out.signal(Cut())

    def _marks(self, origin: int, times: list[int]) -> list[int]:
        moving: list[int] | None = None
        if self._spec.max_future is not None:
            limit = self._context.clock.wall() + self._spec.max_future
            if max(times) > limit:
                moving = [time if time <= limit else NEVER for time in times]
                self.ahead += moving.count(NEVER)
        marks = self._watermarks.pass_items(origin, times, moving)
        self._reached(origin, self._watermarks.reached(origin))
        return marks

    async def _say(self) -> None:
        reached = self._watermarks.combined
        if reached > self._said:
            self._said = reached
            self._context.listeners.watermark_moved(self._context.info, self.name, reached, self._context.clock.wall())
            await self.out.signal(Watermark(reached))

    async def signal(self, signal: Signal) -> None:
        if isinstance(signal, Watermark | Idle):
            return  # of an event time that this step replaces
        if isinstance(signal, PartitionIdle) and signal.origin in self._origins:
            if signal.after == self._spec.idle_after:
                self._watermarks.go_idle(signal.origin)
                await self._say()
                if self._watermarks.all_idle and not self._idle:
                    self._idle = True
                    await self.out.signal(Idle())
        elif isinstance(signal, PartitionEnded) and signal.origin in self._origins:
            self._watermarks.end(signal.origin)
            await self._say()
        await self.out.signal(signal)


def _converting(of: Callable[[Any], Any]) -> Callable[[Any], int]:
    def time(value: Any) -> int:
        given = of(value)
        try:
            return moment(given)
        except (TypeError, ValueError) as error:
            raise PipeError(str(error)) from None

    return time
