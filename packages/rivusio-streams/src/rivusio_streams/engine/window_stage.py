"""Folds items into windows by key and gives the results as event time passes.

Lateness is judged and windows are closed item by item, with the watermark just before the item: what comes out does
not depend on how items are cut into chunks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from operator import itemgetter
from time import perf_counter
from typing import Any

from rivusio_core.engine.context import RunContext
from rivusio_core.engine.notes import Notes
from rivusio_core.engine.stage import Chunk, End, Signal, Stage
from rivusio_core.errors import PipeError
from rivusio_streams.aggregate import Aggregator
from rivusio_streams.engine.origin import KEY, MARK, TIME
from rivusio_streams.engine.signals import Barrier, Stop, Watermark
from rivusio_streams.engine.treatment import picked, treat
from rivusio_streams.graph import AggregateNode
from rivusio_streams.moment import FOREVER, as_datetime
from rivusio_streams.windows import Pane, Tumbling, Window, Windowed
from rivusio_streams.windows.window import Timing

__all__ = ["WindowStage"]

_NOTHING = object()


@dataclass(slots=True)
class _Open:
    """A window that is open, or closed and still takes late items.

    Attributes:
        window: its interval.
        held: items that wait for this window to close.
        closed: its on-time result was given.
        accumulators: by key, in the order in which keys were first seen.
        panes: how many results were given, by key.
    """

    window: Window
    held: int = 0
    closed: bool = False
    accumulators: dict[Any, Any] = field(default_factory=dict[Any, Any])
    panes: dict[Any, int] = field(default_factory=dict[Any, int])


class _RowFailed(Exception):  # tells which item failed
    def __init__(self, index: int, error: Exception) -> None:
        super().__init__(index)
        self.index, self.error = index, error


class WindowStage(Stage):
    """One windowed aggregation.

    Args:
        name: of the step.
        node: what it does.
        origin: what its results are said to come from.
        context: of the run.
        out: takes results.
        late_out: takes late items, if anything does.
    """

    def __init__(
        self, name: str, node: AggregateNode, origin: int, context: RunContext, out: Stage, late_out: Stage | None
    ) -> None:
        self.out = out
        self.name = name
        self._node, self._origin, self._context, self._late_out = node, origin, context, late_out
        self._windows = node.windows
        assert isinstance(node.windows, Tumbling)
        self._size, self._allowed = node.windows.length, node.allowed_lateness
        self._fold = _Ordered(node.aggregator) if node.aggregator.ordered else node.aggregator
        self._timeless = node.aggregator.timeless and not node.aggregator.ordered
        self._open: dict[int, _Open] = {}
        self._closing: list[int] = []
        self._dropping: list[int] = []
        self._next = FOREVER
        """The watermark at which something is to be closed or dropped next."""
        self._held = self._given = 0
        self._results: list[Any] = []
        self._times: list[int] = []
        self._marks: list[int] = []

    # -------------------------------------------------------------------------------------------------- in and out

    async def take(self, chunk: Chunk) -> None:
        began, notes = perf_counter(), Notes()
        held, given = self._held, self._given
        keys = chunk.columns[KEY] if self._node.keyed else [None] * len(chunk)
        late = [False] * len(chunk)
        rows = enumerate(zip(chunk.columns[TIME], chunk.columns[MARK], keys, chunk.values, strict=True))
        fatal: PipeError | None = None
        taken = failures = 0
        while fatal is None:
            try:
                self._fold_rows(rows, late)
                taken = len(chunk)
                break
            except _RowFailed as failed:
                failures, taken = failures + 1, failed.index + 1
                columns = tuple(column[failed.index] for column in chunk.columns)
                fatal = treat(notes, self.name, chunk.values[failed.index], columns, failed.error, self._context)
        self._count(notes, taken - failures, sum(late), held, given)
        notes.tally(self.name).taken += taken
        notes.seconds = perf_counter() - began
        await self._context.absorb(notes)
        if self._late_out is not None and any(late):
            await self._late_out.take(picked(chunk, late))
        await self._push()
        if fatal is not None:
            raise fatal from fatal.cause

    def _fold_rows(self, rows: Iterator[tuple[int, tuple[int, int, Any, Any]]], late: list[bool]) -> None:
        """Add items to their windows, and close windows between them; the shortest way for what is usual."""
        open_, fold, nothing = self._open, self._fold, _NOTHING
        create, add, add_at = fold.create, fold.add, None if self._timeless else fold.add_at
        aligned = self._windows if isinstance(self._windows, Tumbling) else None
        size, offset = (aligned.length, aligned.offset) if aligned is not None else (1, 0)
        index, added = -1, 0
        try:
            for index, (time, mark, key, value) in rows:
                if mark >= self._next:
                    self._advance(mark)
                found = open_.get(time - (time - offset) % size) if aligned is not None else None
                if found is None or found.closed:
                    late[index] = not self._put(time, mark, key, value)
                    continue
                accumulators = found.accumulators
                accumulator = accumulators.get(key, nothing)
                if accumulator is nothing:
                    accumulator = create()
                accumulators[key] = add(accumulator, value) if add_at is None else add_at(accumulator, value, time)
                found.held += 1
                added += 1
        except Exception as error:
            raise _RowFailed(index, error) from error
        finally:
            self._held += added

    def _count(self, notes: Notes, done: int, late: int, held: int, given: int) -> None:
        tally, kept = notes.tally(self.name), self._held - held
        tally.late += late
        tally.held += kept
        tally.passed += done - late - kept
        tally.given += self._given - given

    async def signal(self, signal: Signal) -> None:
        if isinstance(signal, Watermark) or (isinstance(signal, End) and not isinstance(signal, Stop)):
            held, given = self._held, self._given
            self._advance(signal.time if isinstance(signal, Watermark) else FOREVER)
            if (held, given) != (self._held, self._given):
                notes = Notes()
                self._count(notes, 0, 0, held, given)
                await self._context.absorb(notes)
            await self._push()
        elif isinstance(signal, Barrier | Stop) and self._held:
            signal.holding = True
        if self._late_out is not None and isinstance(signal, End | Barrier):
            await self._late_out.signal(signal)
        await self.out.signal(signal)

    async def _push(self) -> None:
        if self._results:
            count = len(self._results)
            positions = range(self._given - count, self._given)
            columns = (positions, [self._origin] * count, self._times, self._marks)
            chunk = Chunk(self._results, columns)
            self._results, self._times, self._marks = [], [], []
            await self.out.take(chunk)

    # --------------------------------------------------------------------------------------------------- one item

    def _put(self, time: int, mark: int, key: Any, value: Any) -> bool:
        """Add an item to its windows; False when every one of them refuses it as late."""
        starts = [start for start, _ in self._windows.assign(time)]
        waiting: _Open | None = None
        taken = not starts
        for start in starts:
            end = start + self._size
            if mark < end:
                found = self._open.get(start)
                if found is None:
                    found = self._new(start)
                accumulator = found.accumulators.get(key, _NOTHING)
                if accumulator is _NOTHING:
                    accumulator = self._fold.create()
                found.accumulators[key] = self._fold.add_at(accumulator, value, time)
                waiting = found
            elif mark < end + self._allowed:
                self._late_pane(start, mark, key, value, time)
                taken = True
        if waiting is not None:
            waiting.held += 1
            self._held += 1
            return True
        return taken

    def _new(self, start: int, *, closed: bool = False) -> _Open:
        window = Window(as_datetime(start), as_datetime(start + self._size))
        made = self._open[start] = _Open(window, closed=closed)
        heappush(self._dropping if closed else self._closing, start)
        self._schedule()
        return made

    def _schedule(self) -> None:
        closing = self._closing[0] + self._size if self._closing else FOREVER
        dropping = self._dropping[0] + self._size + self._allowed if self._dropping else FOREVER
        self._next = min(closing, dropping)

    def _late_pane(self, start: int, mark: int, key: Any, value: Any, time: int) -> None:
        found = self._open.get(start) or self._new(start, closed=True)
        accumulator = found.accumulators.get(key, _NOTHING)
        if accumulator is _NOTHING:
            accumulator = self._fold.create()
        found.accumulators[key] = self._fold.add_at(accumulator, value, time)
        self._give(start, found, key, mark, "late")

    # ------------------------------------------------------------------------------------------------- time passes

    def _advance(self, watermark: int) -> None:
        """Close the windows that end by `watermark`, in the order of their ends, and drop those that are over.

        A result goes with its own time as its mark: all later results of closing windows have that time or more, and
        where the watermark jumped from does depend on what was filtered out before.
        """
        while self._closing and self._closing[0] + self._size <= watermark:
            start = heappop(self._closing)
            found = self._open[start]
            self._held -= found.held
            found.held, found.closed = 0, True
            for key in list(found.accumulators):
                self._give(start, found, key, start + self._size - 1, "on_time")
            if self._allowed:
                heappush(self._dropping, start)
            else:
                del self._open[start]
        while self._dropping and self._dropping[0] + self._size + self._allowed <= watermark:
            del self._open[heappop(self._dropping)]
        self._schedule()

    def _give(self, start: int, found: _Open, key: Any, mark: int, timing: Timing) -> None:
        index = found.panes.get(key, 0)
        try:
            value = self._fold.result(found.accumulators[key])
        except Exception as error:  # no single item is at fault: not to be skipped, even as a BadRecord
            raise PipeError(pipe=self.name, cause=error) from error
        if self._allowed:
            found.panes[key] = index + 1
            if not self._node.accumulate:
                del found.accumulators[key]
        self._results.append(Windowed(key, found.window, value, Pane(index, timing)))
        self._times.append(start + self._size - 1)
        self._marks.append(mark)
        self._given += 1


class _Ordered(Aggregator[Any, "list[tuple[int, Any]]", Any]):
    """Keeps the values of a window and folds them in the order of (event time, arrival) for each result."""

    def __init__(self, aggregator: Aggregator[Any, Any, Any]) -> None:
        self._aggregator = aggregator

    def create(self) -> list[tuple[int, Any]]:
        return []

    def add(self, accumulator: list[tuple[int, Any]], value: Any) -> list[tuple[int, Any]]:
        return self.add_at(accumulator, value, 0)

    def add_at(self, accumulator: list[tuple[int, Any]], value: Any, time: int) -> list[tuple[int, Any]]:
        accumulator.append((time, value))
        return accumulator

    def merge(self, left: list[tuple[int, Any]], right: list[tuple[int, Any]]) -> list[tuple[int, Any]]:
        return left + right

    def result(self, accumulator: list[tuple[int, Any]]) -> Any:
        inner, folded = self._aggregator, self._aggregator.create()
        for time, value in _sorted(accumulator):
            folded = inner.add_at(folded, value, time)
        return inner.result(folded)


def _sorted(values: list[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
    return iter(sorted(values, key=itemgetter(0)))
