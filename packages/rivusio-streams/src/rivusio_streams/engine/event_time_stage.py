"""Gives items their times, and says how far event time has come."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import groupby, repeat
from time import perf_counter
from typing import Any

from rivusio_core.engine.context import RunContext
from rivusio_core.engine.notes import Notes
from rivusio_core.engine.stage import Barrier, Chunk, Keeper, Signal, Stage, Stateful
from rivusio_core.errors import PipeError
from rivusio_core.listener import Tally
from rivusio_streams.engine.marks import Span
from rivusio_streams.engine.origin import ORIGIN, TIME, UNTIMED
from rivusio_streams.engine.signals import Cut, Idle, PartitionEnded, PartitionIdle, PartitionWatermark, Watermark
from rivusio_streams.engine.treatment import extract
from rivusio_streams.event_time import EventTime, Watermarks
from rivusio_streams.moment import FIRST, FOREVER, LAST, NEVER, as_datetime, moment
from rivusio_streams.watermark import WatermarkStrategy

__all__ = ["EventTimeStage"]


class EventTimeStage(Stage, Stateful):
    """Adds the time and mark columns; watermarks follow each chunk that moves them.

    Args:
        step: its name; for a source that knows times, that of the source, which counts the items itself.
        spec: how.
        origins: the partitions that feed it, with names that are the same in every run.
        told: those of them that say themselves how far their event time has come.
        context: of the run.
        cuts: send a `Cut` behind every chunk.
        reached: told of the watermark of a partition, so that the one furthest behind is read first.
        out: the next stage.
        of_source: it belongs to a source.
    """

    def __init__(
        self,
        step: str,
        spec: EventTime,
        origins: Mapping[int, str],
        told: Collection[int],
        context: RunContext,
        cuts: bool,
        reached: Callable[[int, int], None],
        out: Stage,
        *,
        of_source: bool = False,
    ) -> None:
        self.out = out
        self.name = f"{step}: times" if of_source else step
        self.step, self._counts = step, not of_source
        self.ahead = 0
        """Items whose time was too far in the future to move the watermark."""
        self.spec, self._context, self._cuts, self._reached = spec, context, cuts, reached
        self._origins, self._told = origins, told
        self._watermarks = Watermarks(sorted(origins), spec.out_of_order)
        self._states = {} if spec.strategy is None else {origin: spec.strategy.create() for origin in origins}
        self._moved: dict[int, int] = {}
        self._said = NEVER
        self._idle = False

    @property
    def said(self) -> int:
        """How far event time has come behind it."""
        return self._said

    def alone(self, origin: int) -> int | None:
        """The watermark, where the items of this partition move it, and nothing else does; None: it is not so."""
        plain = self.spec.strategy is None and self.spec.max_future is None and origin not in self._told
        return self._watermarks.reached(origin) if plain and self._watermarks.alone(origin) else None

    def went_by(self, origin: int, latest: int) -> None:
        """Items of a partition that is `alone` went another way; this is the latest time of theirs."""
        before = self._watermarks.reached(origin)
        self._idle = False
        self._watermarks.pass_latest(origin, latest)
        self._note(origin, before, self._context.clock.wall())

    async def take(self, chunk: Chunk) -> None:
        began, notes = perf_counter(), Notes()
        timed, times, span, fatal = self._times(chunk, notes)
        notes.seconds = perf_counter() - began
        await self._context.absorb(notes)
        if times:
            await self._pass_on(timed, times, span)
        if fatal is not None:
            raise fatal from fatal.cause

    def _times(self, chunk: Chunk, notes: Notes) -> tuple[Chunk, list[int], Span | None, PipeError | None]:
        """The items that have a time, these, the smallest and largest if known, and what ends the run."""
        of, known = self.spec.of, chunk.columns[TIME] if self.spec.of is None else ()
        if of is None:
            count = len(chunk)
            if self._counts:
                notes.tallies[self.name] = Tally(taken=count, passed=count, given=count)
            return chunk, list(known), None, None
        try:
            given: list[Any] = [of(value) for value in chunk.values]
            span = None
            if set(map(type, given)) == {int}:
                span = min(given), max(given)
            if span is None or span[0] < FIRST or span[1] > LAST:
                given, span = [moment(value) for value in given], None
        except Exception:  # noqa: BLE001  # rare: once more, item by item, to find which
            timed, times, fatal = extract(_converting(of), chunk, self.name, notes, self._context)
            return timed, times, None, fatal
        notes.tallies[self.name] = Tally(taken=len(given), passed=len(given), given=len(given))
        return chunk, given, span, None

    async def _pass_on(self, chunk: Chunk, times: list[int], span: Span | None) -> None:
        origins, values = chunk.columns[ORIGIN], chunk.values
        self._idle = False
        if origins[0] == origins[-1] and origins.count(origins[0]) == len(times):
            marks = self._marks(origins[0], times, values, span)
        else:  # a concurrent step joined the results of several partitions
            joined, start = list[int](), 0
            for origin, run in groupby(origins):
                stop = start + len(list(run))
                joined += self._marks(origin, times[start:stop], values[start:stop])
                start = stop
            marks = joined
        await self.out.take(Chunk(values, (*chunk.columns[:UNTIMED], times, marks)))
        await self.say()
        if self._cuts:
            await self.out.signal(Cut())

    def _marks(self, origin: int, times: list[int], values: list[Any], span: Span | None = None) -> Sequence[int]:
        moving: list[int] | None = None
        wall = self._context.clock.wall()
        if self.spec.max_future is not None:
            limit = wall + self.spec.max_future
            if max(times) > limit:
                moving = [time if time <= limit else NEVER for time in times]
                self.ahead += moving.count(NEVER)
        before = self._watermarks.reached(origin)
        if origin in self._told:
            marks = self._watermarks.pass_given(origin, repeat(NEVER, len(times)))
        elif self.spec.strategy is not None:
            marks = self._watermarks.pass_given(origin, self._after(origin, self.spec.strategy, times, values, moving))
        else:
            marks = self._watermarks.pass_items(origin, times, moving, span)
        self._note(origin, before, wall)
        return marks

    def _after(
        self,
        origin: int,
        strategy: WatermarkStrategy[Any, Any],
        times: list[int],
        values: list[Any],
        moving: list[int] | None,
    ) -> list[int]:
        state, found = self._states[origin], list[int]()
        for value, time, counted in zip(values, times, moving or times, strict=True):
            if counted == NEVER:  # too far in the future to be believed
                found.append(NEVER)
                continue
            try:
                state, after = strategy.on_item(state, value, time)
            except Exception as error:
                raise PipeError(f"the watermark strategy {strategy!r} failed", pipe=self.name, cause=error) from error
            found.append(NEVER if after is None else after)
        self._states[origin] = state
        return found

    def _note(self, origin: int, before: int, wall: int) -> None:
        """Remember when a watermark moved, and tell the reader, so that the one furthest behind is read first."""
        reached = self._watermarks.reached(origin)
        if reached > before:
            self._moved[origin] = wall
        self._reached(origin, reached)

    async def say(self) -> None:
        """Let the steps behind know how far event time has come."""
        reached = self._watermarks.combined
        if reached > self._said:
            self._said = reached
            self._context.listeners.watermark_moved(self._context.info, self.step, reached, self._context.clock.wall())
            await self.out.signal(Watermark(reached))

    async def signal(self, signal: Signal) -> None:
        if isinstance(signal, Watermark | Idle):
            return  # of an event time that this step replaces
        if isinstance(signal, PartitionIdle) and signal.origin in self._origins:
            if signal.after is None or signal.after == self.spec.idle_after:
                self._watermarks.go_idle(signal.origin)
                await self.say()
                if self._watermarks.all_idle and not self._idle:
                    self._idle = True
                    await self.out.signal(Idle())
        elif isinstance(signal, PartitionWatermark) and signal.origin in self._origins:
            before = self._watermarks.reached(signal.origin)
            self._watermarks.reach(signal.origin, signal.time)
            self._note(signal.origin, before, self._context.clock.wall())
            self._idle = False
            await self.say()
        elif isinstance(signal, PartitionEnded) and signal.origin in self._origins:
            self._watermarks.end(signal.origin)
            await self.say()
        elif isinstance(signal, Barrier) and signal.keeper is not None:
            self.keep(signal.keeper)
        await self.out.signal(signal)

    # --------------------------------------------------------------------------------------------------- snapshots

    def keep(self, keeper: Keeper) -> None:
        origins = self._origins
        header = {
            "partitions": {origins[origin]: own for origin, own in self._watermarks.snapshot().items()},
            "strategy": {origins[origin]: own for origin, own in self._states.items()},
            "moved": {origins[origin]: own for origin, own in self._moved.items()},
            "combined": self._watermarks.combined,
            "said": self._said,
            "idle": self._idle,
            "ahead": self.ahead,
        }
        keeper.keep(self.name, header)

    def restore(self, header: Any, cells: Mapping[Any, Any]) -> None:
        state = header
        named = {name: origin for origin, name in self._origins.items()}

        def known(found: Mapping[str, Any]) -> dict[int, Any]:
            return {named[name]: own for name, own in found.items() if name in named}

        self._watermarks.restore(known(state["partitions"]), state["combined"])
        self._states.update(known(state["strategy"]))
        self._moved.update(known(state["moved"]))
        self._said, self._idle, self.ahead = state["said"], state["idle"], state["ahead"]
        for origin in self._origins:
            self._reached(origin, self._watermarks.reached(origin))

    def explain(self) -> list[dict[str, object]]:
        """By partition: its watermark, since when it stands there, and whether it holds the others back."""
        found = list[dict[str, object]]()
        for origin, (reached, idle) in self._watermarks.snapshot().items():
            moved = self._moved.get(origin)
            found.append(
                {
                    "partition": self._origins[origin],
                    "watermark": None if reached == NEVER else "end" if reached == FOREVER else _text(reached),
                    "since": None if moved is None else _text(moved),
                    "idle": idle,
                    "holds": not idle and reached <= self._watermarks.combined < FOREVER,
                }
            )
        return found


def _text(time: int) -> str:
    return as_datetime(time).isoformat()


def _converting(of: Callable[[Any], Any]) -> Callable[[Any], int]:
    def time(value: Any) -> int:
        given = of(value)
        try:
            return moment(given)
        except (TypeError, ValueError) as error:
            raise PipeError(str(error)) from None

    return time
