"""Telling sources what is safe: barriers go through all stages, and when every sink has flushed, positions are sent.

No item is tracked by itself; filtered and dead-lettered ones are covered, and the order of completion does not matter.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import anyio

from rivusio_core.clock import Clock
from rivusio_core.engine.stage import Barrier, Keeper
from rivusio_streams.engine.open_partition import OpenPartition
from rivusio_streams.engine.source_run import SourceRun
from rivusio_streams.source import Position

__all__ = ["Acknowledger"]


class Acknowledger:
    """Sends a barrier from time to time, one after the other.

    While a step holds items that came before the barrier (an open window), nothing is acknowledged: those items have
    reached no sink, and there is no checkpoint that would keep them.

    Args:
        sources: what is told.
        sinks: how many sinks a barrier reaches: those that are not at their end.
        flush_dead_letters: makes dead letters durable, too.
    """

    def __init__(
        self, sources: Sequence[SourceRun], sinks: Callable[[], int], flush_dead_letters: Callable[[], Awaitable[None]]
    ) -> None:
        self._sources, self._sinks, self._flush_dead_letters = sources, sinks, flush_dead_letters
        self._missing = 0
        self._holding = False
        self._current = 0
        self._one = anyio.Lock()
        self._told: dict[OpenPartition, Position] = {}
        self._all_reached = anyio.Event()

    @property
    def needed(self) -> bool:
        """A source wants to be told before the end."""
        return any(reader.partition.acknowledges for source in self._sources for reader in source.readers)

    async def run(self, clock: Clock, every: float) -> None:
        """Do it until cancelled, every so many seconds."""
        while True:
            await clock.sleep(every)
            await self.once()

    async def once(self) -> None:
        """Send one barrier, wait until it is through, and acknowledge."""
        positions = await self._send(None)
        if not self._holding:
            await self._flush_dead_letters()
            for partition, position in positions:
                await self._tell(partition, position)

    async def _tell(self, partition: OpenPartition, position: Position) -> None:
        if partition not in self._told or self._told[partition] != position:
            self._told[partition] = position
            await partition.acknowledge(position)

    async def snapshot(self, keeper: Keeper) -> None:
        """Have a keeper take what every step holds and how far every partition was read, at one place of the stream."""
        await self._send(keeper)

    async def _send(self, keeper: Keeper | None) -> list[tuple[OpenPartition, Position]]:
        async with self._one:
            self._current += 1
            self._missing, self._holding, self._all_reached = self._sinks(), False, anyio.Event()
            if not self._missing:
                if keeper is None:
                    return []  # the end is acknowledged by itself
                self._all_reached.set()
            positions = list[tuple[OpenPartition, Position]]()
            for source in self._sources:
                barrier = Barrier(self._current, keeper=keeper)
                positions += await source.barrier(barrier)
            await self._all_reached.wait()
            return positions

    def reached(self, barrier: Barrier) -> None:
        """A sink has flushed what came before a barrier."""
        if barrier.number == self._current and self._missing:
            self._holding |= barrier.holding
            self._missing -= 1
            if self._missing == 0:
                self._all_reached.set()

    async def acknowledge_all(self) -> None:
        """All that was read is safe: at the end of a run."""
        for source in self._sources:
            for reader in source.readers:
                if reader.pushed is not None:
                    await self._tell(reader.partition, reader.pushed)
