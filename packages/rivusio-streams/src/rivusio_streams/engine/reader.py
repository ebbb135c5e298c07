"""Reading a source: one task per partition, which pushes what it reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
from rivusio_core.engine.context import RunContext
from rivusio_core.engine.feed import Growth
from rivusio_core.engine.notes import Notes
from rivusio_core.engine.stage import Chunk, End, Stage
from rivusio_core.errors import RunError, SourceError, describe
from rivusio_streams.engine.gate import Gate
from rivusio_streams.engine.signals import Barrier, PartitionEnded, PartitionIdle, Stop
from rivusio_streams.engine.treatment import treat
from rivusio_streams.moment import NEVER
from rivusio_streams.source import (
    AsyncPartition,
    AsyncSource,
    BaseSource,
    EndOfPartition,
    Partition,
    Position,
    Rejected,
    Source,
)

__all__ = ["Reader", "SourceRun"]

_FEW = 8
"""Partitions of a source that may share threads with everything else; more get threads of their own, lest their waiting
keeps pipes with `thread=True` from being called."""
_PATIENCE = 0.05
"""Seconds before a partition that had nothing is asked again."""


class OpenPartition:
    """Calls a partition as its contract says: a blocking one in a thread, one call at a time.

    Args:
        name: for messages.
        partition: what to call.
        limiter: of the threads; None: the one that everything shares.
    """

    def __init__(
        self, name: str, partition: Partition[Any] | AsyncPartition[Any], limiter: anyio.CapacityLimiter | None
    ) -> None:
        self.name, self.partition = name, partition
        self._lock = anyio.Lock()
        self._limiter = limiter

    @property
    def acknowledges(self) -> bool:
        """It wants to be told what is safe."""
        return type(self.partition).acknowledge not in (Partition[Any].acknowledge, AsyncPartition[Any].acknowledge)

    async def next_batch(self, maximum: int) -> list[Any] | None:
        """The next items; None at the end.

        Raises:
            SourceError: reading failed.
        """
        try:
            if isinstance(self.partition, AsyncPartition):
                return await self.partition.next_batch(maximum)
            async with self._lock:
                return await anyio.to_thread.run_sync(self.partition.next_batch, maximum, limiter=self._limiter)
        except EndOfPartition:
            return None
        except RunError:
            raise
        except Exception as error:
            raise SourceError(f"source {self.name}: reading failed: {describe(error)}") from error

    async def acknowledge(self, position: Position) -> None:
        """Tell it what is safe.

        Raises:
            SourceError: it could not take that.
        """
        try:
            if isinstance(self.partition, AsyncPartition):
                await self.partition.acknowledge(position)
            else:
                async with self._lock:
                    await anyio.to_thread.run_sync(self.partition.acknowledge, position, limiter=self._limiter)
        except RunError:
            raise
        except Exception as error:
            raise SourceError(f"source {self.name}: acknowledging failed: {describe(error)}") from error

    async def close(self) -> None:
        """Close it.

        Raises:
            SourceError: closing failed.
        """
        try:
            if isinstance(self.partition, AsyncPartition):
                await self.partition.close()
            else:
                async with self._lock:
                    await anyio.to_thread.run_sync(self.partition.close, limiter=self._limiter)
        except RunError:
            raise
        except Exception as error:
            raise SourceError(f"source {self.name}: closing failed: {describe(error)}") from error


class Reader:
    """Reads one partition and pushes what there is, so much at once as is dealt with quickly.

    Args:
        partition: what to read.
        origin: which it is.
        run: the source it belongs to.
    """

    def __init__(self, partition: OpenPartition, origin: int, run: SourceRun) -> None:
        self.partition, self.origin, self._run = partition, origin, run
        self.pushed: Position | None = None
        """The position after everything that was pushed."""
        self.watermark = NEVER
        """How far its event time has come, where a step says so; the reader furthest behind goes first."""
        self.ended = False
        self._count = 0
        self._growth = Growth()
        self._reading = anyio.CancelScope()
        self._stopping = False

    def stop(self) -> None:
        """Read no more. What was read already is still pushed."""
        self._stopping = True
        self._reading.cancel()

    async def read(self) -> None:
        """Read until the end, or until stopped."""
        run = self._run
        while not self._stopping:
            batch = await self._next()
            if batch is None:
                if self.ended:
                    async with run.gate.turn(self.watermark):
                        await run.out.signal(PartitionEnded(self.origin))
                return
            began, waited = perf_counter(), run.sink_seconds()
            async with run.gate.turn(self.watermark):
                await self._push(batch)
                self.pushed = self.partition.partition.position()
            # Waiting for sinks says nothing of how long a chunk keeps the event loop busy.
            self._growth.adapt(perf_counter() - began - (run.sink_seconds() - waited))
            await anyio.lowlevel.checkpoint()

    async def _next(self) -> list[Any] | None:
        """The next items; None at the end or when stopped."""
        self._reading = anyio.CancelScope()
        with self._reading:
            if not self._run.idle_after:
                return await self._wait_for_items()
            async with anyio.create_task_group() as group:
                for after in self._run.idle_after:
                    group.start_soon(self._grow_idle, after)
                batch = await self._wait_for_items()
                group.cancel_scope.cancel()
                return batch
        return None

    async def _wait_for_items(self) -> list[Any] | None:
        most = min(self._growth.size, self._run.chunk)
        while True:
            batch = await self.partition.next_batch(most)
            if batch is None:
                self.ended = True
            if batch is None or batch or self.partition.partition.rejected():
                return batch
            await self._run.context.clock.sleep(_PATIENCE)

    async def _grow_idle(self, after: int) -> None:
        # The clock runs only while the partition is waited for, not while the run holds it back.
        await self._run.context.clock.sleep(after / 1_000_000)
        with anyio.CancelScope(shield=True):
            async with self._run.gate.turn(self.watermark):
                await self._run.out.signal(PartitionIdle(self.origin, after))

    async def _push(self, batch: list[Any]) -> None:
        run, partition = self._run, self.partition.partition
        rejected, times = partition.rejected(), partition.times() if run.source.timed else None
        if run.source.timed and (times is None or len(times) != len(batch)):
            raise SourceError(f"source {self.partition.name}: it says that it knows event times, and gave not one for each item")
        start = 0
        for each in rejected:
            await self._push_items(batch, start, each.index, times)
            start = max(start, each.index)
            await self._reject(each)
        await self._push_items(batch, start, len(batch), times)

    async def _push_items(self, batch: list[Any], start: int, stop: int, times: Sequence[int] | None) -> None:
        count = stop - start
        if count <= 0:
            return
        run = self._run
        notes = Notes()
        tally = notes.tally(run.name)
        tally.taken = tally.passed = tally.given = count
        await run.context.absorb(notes)
        positions = range(self._count, self._count + count)
        self._count += count
        columns: tuple[Sequence[Any], ...] = (positions, [self.origin] * count)
        if times is not None:
            columns = (*columns, times[start:stop])
        await run.out.take(Chunk(batch if count == len(batch) else batch[start:stop], columns))

    async def _reject(self, rejected: Rejected) -> None:
        run, notes = self._run, Notes()
        columns = (self._count, self.origin)
        error = rejected.error
        self._count += 1
        notes.tally(run.name).taken = 1
        fatal = treat(notes, run.name, rejected.raw, columns, error, run.context, run.source.on_error)
        await run.context.absorb(notes)
        if fatal is not None:
            raise fatal from fatal.cause


class SourceRun:
    """A source at work: opens its partitions, reads them at the same time, and says when all of it is over.

    Args:
        name: of the step.
        source: what to read.
        context: of the run.
        chunk: items pushed at once at most.
        idle_after: microseconds after which steps want to know that a partition gives nothing.
        sink_seconds: how long sinks have kept the run waiting so far.
    """

    def __init__(
        self,
        name: str,
        source: BaseSource[Any],
        context: RunContext,
        chunk: int,
        idle_after: Sequence[int],
        sink_seconds: Callable[[], float],
    ) -> None:
        self.name, self.source, self.context, self.chunk = name, source, context, chunk
        self.idle_after = tuple(sorted(set(idle_after)))
        self.sink_seconds = sink_seconds
        self.gate = Gate()
        self.readers: list[Reader] = []
        self.stopping: Stop | None = None
        self.out: Stage

    async def open(self, origins: Callable[[str, str], int]) -> None:
        """Open all partitions; `origins` numbers them.

        Raises:
            SourceError: one cannot be opened; those that were are in `readers`.
        """
        source = self.source
        try:
            if isinstance(source, AsyncSource):
                keys = await source.partitions()
            elif isinstance(source, Source):
                keys = await anyio.to_thread.run_sync(source.partitions)
            else:
                raise SourceError(f"source {self.name!r}: derive sources from Source or AsyncSource")
            limiter = None if len(keys) <= _FEW else anyio.CapacityLimiter(len(keys))
            for key in keys:
                if isinstance(source, AsyncSource):
                    opened: Partition[Any] | AsyncPartition[Any] = await source.open_partition(key, None)
                else:
                    opened = await anyio.to_thread.run_sync(source.open_partition, key, None)
                name = f"{self.name}[{key}]" if len(keys) > 1 else self.name
                self.readers.append(Reader(OpenPartition(name, opened, limiter), origins(self.name, key), self))
        except RunError:
            raise
        except Exception as error:
            raise SourceError(f"source {self.name!r}: opening failed: {describe(error)}") from error

    def stop(self) -> None:
        """Read no more."""
        self.stopping = self.stopping or Stop()
        for reader in self.readers:
            reader.stop()

    async def run(self) -> None:
        """Read everything, then push the end, or the stop."""
        async with anyio.create_task_group() as beside:
            for reader in self.readers:
                partition = reader.partition.partition
                if isinstance(partition, AsyncPartition) and type(partition).work is not AsyncPartition[Any].work:
                    beside.start_soon(self._work, reader, partition)
            async with anyio.create_task_group() as group:
                for reader in self.readers:
                    group.start_soon(reader.read)
            beside.cancel_scope.cancel()
        async with self.gate.turn(NEVER):
            over = all(reader.ended for reader in self.readers)
            await self.out.signal(End() if over or self.stopping is None else self.stopping)

    async def _work(self, reader: Reader, partition: AsyncPartition[Any]) -> None:
        try:
            await partition.work()
        except RunError:
            raise
        except Exception as error:
            raise SourceError(f"source {reader.partition.name}: reading failed: {describe(error)}") from error

    async def barrier(self, barrier: Barrier) -> list[tuple[OpenPartition, Position]]:
        """Push a barrier between two batches; gives the positions it stands for."""
        async with self.gate.turn(NEVER):
            positions: list[tuple[OpenPartition, Position]] = [
                (each.partition, each.pushed) for each in self.readers if each.pushed is not None
            ]
            await self.out.signal(barrier)
        return positions

