"""Telling sources what is safe: barriers go through all stages, and when every sink has flushed, positions are sent.

No item is tracked by itself; filtered and dead-lettered ones are covered, and the order of completion does not matter.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import anyio

from rivusio_core.clock import Clock
from rivusio_streams.engine.signals import Barrier
from rivusio_streams.engine.source_run import SourceRun

__all__ = ["Acknowledger"]


class Acknowledger:
    """Sends a barrier from time to time, one after the other.

    While a step holds items that came before the barrier (an open window), nothing is acknowledged: those items have
    reached no sink, and there is no checkpoint that would keep them.

    Args:
        sources: what is told.
        sinks: how many sinks must have flushed.
        flush_dead_letters: makes dead letters durable, too.
    """

    def __init__(
        self, sources: Sequence[SourceRun], sinks: int, flush_dead_letters: Callable[[], Awaitable[None]]
    ) -> None:
        self._sources, self._sinks, self._flush_dead_letters = sources, sinks, flush_dead_letters
        self._missing = 0
        self._holding = False
        self._current = 0
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
        self._current += 1
        self._missing, self._holding, self._all_reached = self._sinks, False, anyio.Event()
        positions = [pair for source in self._sources for pair in await source.barrier(Barrier(self._current))]
        await self._all_reached.wait()
        if not self._holding:
            await self._flush_dead_letters()
            for partition, position in positions:
                await partition.acknowledge(position)

    def reached(self, barrier: Barrier) -> None:
        """A sink has flushed what came before a barrier."""
        if barrier.number == self._current:
            self._holding |= barrier.holding
            self._missing -= 1
            if self._missing == 0:
                self._all_reached.set()

    async def acknowledge_all(self) -> None:
        """All that was read is safe: at the end of a run."""
        for source in self._sources:
            for reader in source.readers:
                if reader.pushed is not None:
                    await reader.partition.acknowledge(reader.pushed)
