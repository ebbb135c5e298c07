"""Barriers, and what follows when one has come through: a checkpoint, publishing, acknowledging.

No item is tracked by itself; filtered and dead-lettered ones are covered, and the order of completion does not matter.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeAlias

import anyio
from pydantic import JsonValue

from rivusio_core.clock import Clock
from rivusio_core.engine.stage import Barrier, End, Keeper, Signal, Stateful
from rivusio_core.errors import CheckpointError
from rivusio_streams.engine.journal import Journal
from rivusio_streams.engine.keeper import StateKeeper
from rivusio_streams.engine.open_partition import OpenPartition
from rivusio_streams.engine.signals import Stop
from rivusio_streams.engine.sink_stage import SinkStage
from rivusio_streams.engine.source_run import SourceRun
from rivusio_streams.source import Position

__all__ = ["Checkpointer"]

_Positions: TypeAlias = list[tuple[OpenPartition, Position]]


class Checkpointer:
    """Sends a barrier from time to time, one after the other, and makes a checkpoint of each.

    Without a journal, barriers only tell sources what is safe. While a step then holds items that came before the
    barrier (an open window), nothing is acknowledged: they have reached no sink, and no checkpoint has them.

    Args:
        sources: are told what is safe.
        sinks: all of them.
        stages: all of the run.
        flush_dead_letters: makes dead letters durable.
        journal: keeps checkpoints, if the run has any.
        tokens: what the checkpoint that the run goes on from has of two-phase sinks, by step.
    """

    def __init__(
        self,
        sources: Sequence[SourceRun],
        sinks: Sequence[SinkStage],
        stages: Sequence[object],
        flush_dead_letters: Callable[[], Awaitable[None]],
        journal: Journal | None,
        tokens: Mapping[str, Sequence[JsonValue]],
    ) -> None:
        self._sources, self._sinks, self._journal = sources, sinks, journal
        self._stateful = [each for each in stages if isinstance(each, Stateful)]
        self._flush_dead_letters = flush_dead_letters
        self._number = 0
        self._one = anyio.Lock()
        self._missing: set[SinkStage] = set()
        """Sinks that the barrier under way has not reached."""
        self._through = anyio.Event()
        self._holding = False
        self._ended: set[SinkStage] = set()
        self._stopped = self._left = False
        """The run was asked to stop; a step then still held something."""
        self.all_ended = anyio.Event()
        """Set when the end has reached every sink."""
        self._tokens: dict[str, list[JsonValue]] = {}
        """Staged, and to be in the checkpoint of the barrier under way."""
        self._later: dict[str, list[JsonValue]] = {}
        """Staged behind the barrier under way."""
        self._kept = {name: own[-1] for name, own in tokens.items() if own}
        """The last token of each sink that is in a checkpoint: the next one must say it again if there is none since,
        or the sink would be told that it has nothing."""
        self._committed = anyio.Event()
        self._told: dict[OpenPartition, Position] = {}
        self._from = {each.partition: each.pushed for source in sources for each in source.readers}
        self.advanced = False
        """Something that was read in this run is safe."""
        joint = [each.writer for each in sinks if each.writer.protocol == "joint"]
        self._joint = joint[0] if joint else None

    @property
    def needed(self) -> bool:
        """There is something to do before the end."""
        wanted = any(reader.partition.acknowledges for source in self._sources for reader in source.readers)
        return wanted or self._journal is not None

    async def run(self, clock: Clock, every: float) -> None:
        """Do it until cancelled, every so many seconds."""
        while True:
            await clock.sleep(every)
            await self.once()

    async def once(self) -> bool:
        """Send one barrier, wait until it is through, make a checkpoint, publish and acknowledge; False: it failed."""
        async with self._one:
            if self._journal is None:
                positions = await self._send(None)
                if not self._holding:
                    await self._flush_dead_letters()
                    await self._acknowledge(positions)
            elif not self.all_ended.is_set():  # else what comes is the last one
                keeper = self._journal.keeper()
                positions = await self._send(keeper)
                return await self._commit(self._journal, keeper, positions)
        return True

    async def settle(self) -> None:
        """Make a checkpoint and acknowledge what it has, at once; again, where the store failed.

        Raises:
            CheckpointWriteError: it failed several times.
        """
        while not await self.once():
            pass

    async def snapshot(self, keeper: Keeper) -> None:
        """Have a keeper take what every step holds and how far every partition was read, at one place of the stream."""
        async with self._one:
            await self._send(keeper)
            self._committed.set()

    async def save(self, name: str) -> int:
        """Make a checkpoint now, and keep it under a name; gives its number.

        Raises:
            CheckpointError: the run keeps none, or is about to end.
            CheckpointWriteError: it could not be made or kept.
        """
        if self._journal is None:
            raise CheckpointError("a run without checkpoints has no savepoints either: RunConfig(checkpoint=...)")
        await self.once()
        async with self._one:
            return await self._journal.save(name)

    async def finish(self) -> None:
        """Everything has come to its end: the last checkpoint, publishing, acknowledging."""
        async with self._one:
            await self._flush_dead_letters()
            positions = [(each.partition, each.pushed) for source in self._sources for each in source.readers]
            if self._journal is not None:
                keeper = self._journal.keeper()
                for source in self._sources:
                    source.keep(keeper)
                await self._commit(self._journal, keeper, positions, last=True)
            elif not self._left:
                await self._acknowledge(positions)

    # ------------------------------------------------------------------------------------------------- barriers

    async def _send(self, keeper: Keeper | None) -> _Positions:
        self._number += 1
        self._missing = {each for each in self._sinks if each not in self._ended}
        self._holding, self._through, self._committed = False, anyio.Event(), anyio.Event()
        self._tokens = _joined(self._tokens, self._later)
        self._later = {}
        if not self._missing:
            if keeper is None:
                return []  # the end is acknowledged by itself
            self._through.set()
        positions = _Positions()
        for source in self._sources:
            positions += await source.barrier(Barrier(self._number, keeper=keeper))
        await self._through.wait()
        return positions

    def reached(self, sink: SinkStage, signal: Signal, token: JsonValue) -> anyio.Event | None:
        """A sink has made durable what came before a barrier or the end; gives what it must wait for."""
        # An end that comes without the barrier under way comes before it: its sources were at their ends already.
        late = isinstance(signal, End) and sink not in self._missing
        if token is not None:
            (self._later if late else self._tokens).setdefault(sink.writer.name, []).append(token)
        if isinstance(signal, Barrier):
            self._holding |= signal.holding
        elif isinstance(signal, End):
            if isinstance(signal, Stop):
                self._stopped, self._left = True, self._left or signal.holding
            self._ended.add(sink)
            if len(self._ended) == len(self._sinks):
                self.all_ended.set()
        if sink in self._missing:
            self._missing.discard(sink)
            if not self._missing:
                self._through.set()
        return self._committed if isinstance(signal, Barrier) and sink.writer is self._joint else None

    # ------------------------------------------------------------------------------------------------- committing

    async def _commit(
        self, journal: Journal, keeper: StateKeeper, positions: _Positions, *, last: bool = False
    ) -> bool:
        ended = last and not self._stopped
        if last:
            self._tokens, self._later = _joined(self._tokens, self._later), {}
        else:
            await self._flush_dead_letters()
        if not ended:
            for stage in self._stateful:  # those that are at their end: the barrier did not come by there
                if stage.name not in keeper.steps:
                    stage.keep(keeper)
        told = {**{name: [token] for name, token in self._kept.items()}, **self._tokens}
        safe = await journal.commit(keeper, told, ended=ended, last=last, joint=self._joint)
        if safe:
            tokens, self._tokens = self._tokens, {}
            self._kept = {name: own[-1] for name, own in told.items()}
            for sink in self._sinks:
                for token in tokens.get(sink.writer.name, []):
                    await sink.writer.publish(token)
            await self._acknowledge(positions)
        self._committed.set()
        return safe

    async def _acknowledge(self, positions: _Positions) -> None:
        for partition, position in positions:
            if position is not None and (partition not in self._told or self._told[partition] != position):
                self._told[partition] = position
                self.advanced |= position != self._from.get(partition)
                await partition.acknowledge(position)


def _joined(one: dict[str, list[JsonValue]], two: dict[str, list[JsonValue]]) -> dict[str, list[JsonValue]]:
    return {name: [*one.get(name, []), *two.get(name, [])] for name in {**one, **two}}
