"""Reading one partition."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import anyio

from rivusio_core.engine.context import RunContext
from rivusio_core.engine.feed import Growth
from rivusio_core.engine.notes import Notes
from rivusio_core.engine.stage import Chunk, Stage
from rivusio_core.errors import SourceError
from rivusio_core.listener import Tally
from rivusio_streams.engine.gate import Gate
from rivusio_streams.engine.open_partition import Lot, OpenPartition
from rivusio_streams.engine.signals import PartitionEnded, PartitionIdle, PartitionWatermark
from rivusio_streams.engine.treatment import treat
from rivusio_streams.moment import NEVER
from rivusio_streams.source import BaseSource, Position, Rejected

__all__ = ["Feed", "Reader", "ReaderState"]

_PATIENCE = 0.05
"""Seconds before a partition that had nothing is asked again."""


@dataclass
class Feed:
    """What the readers of a source share.

    Attributes:
        name: of the step.
        source: what is read.
        context: of the run.
        chunk: items pushed at once at most.
        idle_after: microseconds after which steps want to know that a partition gives nothing.
        patience: seconds for which a blocking call is waited for after the run was cancelled.
        sink_seconds: how long sinks have kept the run waiting so far.
        readers: how many there are.
        out: what is pushed.
        gate: one reader at a time.
    """

    name: str
    source: BaseSource[Any]
    context: RunContext
    chunk: int
    idle_after: Sequence[int]
    patience: float
    sink_seconds: Callable[[], float]
    readers: int = 0
    out: Stage = field(init=False)
    gate: Gate = field(default_factory=Gate)


@dataclass(frozen=True)
class ReaderState:
    """How far reading a partition has come.

    Attributes:
        position: behind everything that was pushed; None: nothing was, or there is no going back.
        count: items pushed or rejected.
        waited: seconds for which the partition has given nothing.
    """

    position: Position
    count: int
    waited: float


class Reader:
    """Reads one partition and pushes what there is, so much at once as is dealt with quickly.

    Args:
        partition: what to read.
        origin: which it is.
        feed: what the readers of a source share.
        start: how far another run had come.
    """

    def __init__(self, partition: OpenPartition, origin: int, feed: Feed, start: ReaderState | None = None) -> None:
        self.partition, self.origin, self._feed = partition, origin, feed
        self.pushed: Position | None = None if start is None else start.position
        """The position after everything that was pushed."""
        self.watermark = NEVER
        """How far its event time has come, where a step says so; the reader furthest behind goes first."""
        self.ended = False
        self._count = 0 if start is None else start.count
        self._waited = 0.0 if start is None else start.waited
        self._waiting_since: float | None = None
        self._growth = Growth(feed.context.budget.lot)
        self._reading = anyio.CancelScope()
        self._stopping = False

    def state(self) -> ReaderState:
        """How far it has come; called between two pushes."""
        return ReaderState(self.pushed, self._count, self.waited)

    def stop(self) -> None:
        """Read no more. What was read already is still pushed."""
        self._stopping = True
        self._reading.cancel()

    async def read(self, *, ahead: bool) -> None:
        """Read and push until the end, or until stopped.

        Args:
            ahead: read the next lot while one is pushed. Where several readers take turns, each then has something to
                push when its turn comes, so that really the one furthest behind goes next.
        """
        if ahead:
            async with anyio.create_task_group() as group:
                slot = _Slot()
                group.start_soon(self._fill, slot)
                while (lot := await self._measured(slot.get())) is not None:
                    await self._push(lot)
        else:
            while (lot := await self._measured(self._next())) is not None:
                await self._push(lot)
        if self.ended:
            async with self._feed.gate.turn(self.watermark):
                await self._feed.out.signal(PartitionEnded(self.origin))

    async def _measured(self, getting: Awaitable[Lot | None]) -> Lot | None:
        profiler, feed = self._feed.context.profiler, self._feed
        if profiler is None:
            return await getting
        lot = await profiler.watch(profiler.source(feed.name, feed.readers), getting)
        if lot is not None:
            profiler.pushed(feed.name, len(lot.items))
        return lot

    async def push_rest(self) -> None:
        """Push what was fetched before a stop and is given to nobody yet; nothing fetches any more."""
        while self._stopping and not self.ended and (lot := self.partition.left()) is not None:
            await self._push(lot)

    async def _fill(self, slot: _Slot) -> None:
        lot: Lot | None = None
        while True:
            await slot.wait_empty()
            lot = await self._next()
            slot.put(lot)
            if lot is None:
                return

    # --------------------------------------------------------------------------------------------------------- reading

    async def _next(self) -> Lot | None:
        """The next lot; None at the end, or when stopped."""
        if self._stopping or self.ended:
            return None
        self._reading = anyio.CancelScope()
        lot: Lot | None = None  # what was read before a stop is there also if the stop came while the timers ended
        with self._reading:
            if not self._feed.idle_after:
                return await self._wait_for_items()
            self._waiting_since = self._feed.context.clock.monotonic()
            async with anyio.create_task_group() as group:
                for after in self._feed.idle_after:
                    if after / 1_000_000 > self._waited:
                        group.start_soon(self._grow_idle, after)
                lot = await self._wait_for_items()
                group.cancel_scope.cancel()
            self._waiting_since, self._waited = None, 0.0
        return lot

    async def _wait_for_items(self) -> Lot | None:
        most = min(self._growth.size, self._feed.chunk)
        while True:
            lot = await self.partition.next_lot(most)
            if lot is None:
                self.ended = True
            if lot is None or lot.items or lot.rejected or lot.watermark is not None:
                return lot
            await self._feed.context.clock.sleep(_PATIENCE)

    async def _grow_idle(self, after: int) -> None:
        # The clock runs only while the partition is waited for, not while the run holds it back.
        await self._feed.context.clock.sleep(after / 1_000_000 - self._waited)
        await self.declare_idle(after)

    async def declare_idle(self, after: int | None = None) -> None:
        """Say that the partition gave nothing for so long; None: for as long as anybody wants it to."""
        with anyio.CancelScope(shield=True):
            async with self._feed.gate.turn(self.watermark):
                await self._feed.out.signal(PartitionIdle(self.origin, after))

    @property
    def waited(self) -> float:
        """Seconds for which the partition has been waited for."""
        clock = self._feed.context.clock
        return self._waited + (0.0 if self._waiting_since is None else clock.monotonic() - self._waiting_since)

    # --------------------------------------------------------------------------------------------------------- pushing

    async def _push(self, lot: Lot) -> None:
        feed = self._feed
        times = lot.times if feed.source.timed else None
        if feed.source.timed and lot.items and (times is None or len(times) != len(lot.items)):
            raise SourceError(
                f"source {self.partition.name}: it says that it knows event times, and gave not one for each item"
            )
        async with feed.gate.turn(self.watermark):
            began, waited = perf_counter(), feed.sink_seconds()
            start = 0
            for each in lot.rejected:
                await self._push_items(lot.items, start, each.index, times)
                start = max(start, each.index)
                await self._reject(each)
            await self._push_items(lot.items, start, len(lot.items), times)
            if lot.watermark is not None and feed.source.watermarks:
                await feed.out.signal(PartitionWatermark(self.origin, lot.watermark))
            self.pushed = lot.position
            # Waiting for sinks says nothing of how long a chunk keeps the event loop busy.
            self._growth.adapt(perf_counter() - began - (feed.sink_seconds() - waited), lot.items)
        await feed.gate.checkpoint()

    async def _push_items(self, items: list[Any], start: int, stop: int, times: Sequence[int] | None) -> None:
        count = stop - start
        if count <= 0:
            return
        feed = self._feed
        await feed.context.absorb(Notes({feed.name: Tally(taken=count, passed=count, given=count)}))
        positions = range(self._count, self._count + count)
        self._count += count
        columns: tuple[Sequence[Any], ...] = (positions, [self.origin] * count)
        if times is not None:
            columns = (*columns, times[start:stop])
        await feed.out.take(Chunk(items if count == len(items) else items[start:stop], columns))

    async def _reject(self, rejected: Rejected) -> None:
        feed, notes = self._feed, Notes()
        notes.tally(feed.name).taken = 1
        columns = (self._count, self.origin)
        self._count += 1
        fatal = treat(notes, feed.name, rejected.raw, columns, rejected.error, feed.context, feed.source.on_error)
        await feed.context.absorb(notes)
        if fatal is not None:
            raise fatal from fatal.cause


class _Slot:
    """Room for one lot that is read ahead."""

    def __init__(self) -> None:
        self._full = False
        self._lot: Lot | None = None
        self._changed = anyio.Event()

    def put(self, lot: Lot | None) -> None:
        self._full, self._lot = True, lot
        self._change()

    async def get(self) -> Lot | None:
        while not self._full:
            await self._changed.wait()
        self._full = False
        self._change()
        return self._lot

    async def wait_empty(self) -> None:
        while self._full:
            await self._changed.wait()

    def _change(self) -> None:
        changed, self._changed = self._changed, anyio.Event()
        changed.set()
