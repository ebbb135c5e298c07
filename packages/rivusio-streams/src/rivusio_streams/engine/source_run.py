"""Reading a source: all of its partitions at the same time, each in a task of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import anyio

from rivusio_core.engine.stage import Barrier, End, Keeper
from rivusio_core.errors import RunError, SourceError
from rivusio_streams.engine.blocking import Blocking
from rivusio_streams.engine.foreign import describe
from rivusio_streams.engine.open_partition import OpenPartition
from rivusio_streams.engine.reader import Feed, Reader, ReaderState
from rivusio_streams.engine.signals import Stop
from rivusio_streams.moment import NEVER
from rivusio_streams.source import AsyncPartition, AsyncSource, Partition, Position, Source

__all__ = ["SourceRun"]

_FEW = 8
"""Partitions of a source that may share threads with everything else; more get threads of their own, lest their waiting
keeps pipes with `thread=True` from being called."""


class SourceRun:
    """A source at work: opens its partitions, reads them at the same time, and says when all of it is over.

    Args:
        feed: source, name and settings; `feed.out` is set before `run`.
    """

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.readers: list[Reader] = []
        self.keys: list[str] = []
        """Of the partitions, as the source calls them."""
        self.stopping: Stop | None = None
        self.settle: Callable[[], Awaitable[None]] | None = None
        """Makes safe, and acknowledges, what was read so far."""
        self._over = False
        self._opening = Blocking(f"source {feed.name}", feed.patience)

    @property
    def stuck(self) -> bool:
        """A call has not returned though the run was cancelled."""
        return bool(self._opening.stuck) or any(each.partition.stuck for each in self.readers)

    async def open(self, origins: Callable[[str, str], int], start: Mapping[str, ReaderState]) -> None:
        """Open all partitions; `origins` numbers them, `start` says where to go on, by their keys.

        Raises:
            SourceError: one cannot be opened; those that were are in `readers`.
        """
        feed, source, own = self.feed, self.feed.source, self.feed.name
        try:
            if isinstance(source, AsyncSource):
                keys = await source.partitions()
            elif isinstance(source, Source):
                keys = await self._opening.call("listing partitions", source.partitions)
            else:
                raise SourceError(f"source {own!r}: derive sources from Source or AsyncSource")
            limiter = None if len(keys) <= _FEW else anyio.CapacityLimiter(len(keys))
            for key in keys:
                earlier = start.get(key)
                position = None if earlier is None else earlier.position
                if isinstance(source, AsyncSource):
                    opened: Partition[Any] | AsyncPartition[Any] = await source.open_partition(key, position)
                else:
                    opened = await self._opening.call(
                        "opening", partial(source.open_partition, key, position), lambda each: each.close()
                    )
                name = f"{own}[{key}]" if len(keys) > 1 else own
                reader = Reader(
                    OpenPartition(name, opened, Blocking(f"source {name}", feed.patience, limiter)),
                    origins(own, key),
                    feed,
                    earlier,
                )
                self.readers.append(reader)
                self.keys.append(key)
                feed.readers += 1
        except RunError:
            raise
        except Exception as error:
            raise SourceError(f"source {own!r}: opening failed: {describe(error)}") from error

    def stop(self) -> None:
        """Read no more."""
        self.stopping = self.stopping or Stop()
        for reader in self.readers:
            reader.stop()

    async def run(self, ahead: bool) -> None:
        """Read everything, then push the end, or the stop; `ahead`: see `Reader.read`."""
        feed = self.feed
        async with anyio.create_task_group() as beside:
            for reader in self.readers:
                partition = reader.partition.partition
                if isinstance(partition, AsyncPartition) and type(partition).work is not AsyncPartition[Any].work:
                    beside.start_soon(self._work, reader, partition)
            async with anyio.create_task_group() as group:
                for reader in self.readers:
                    group.start_soon(partial(reader.read, ahead=ahead), name=f"{reader.partition.name}: reading")
            if self.settle is not None and self.stopping is None and feed.source.replay == "redelivered":
                await self.settle()  # at the end all state goes: what then came again would not be known
            beside.cancel_scope.cancel()
        for reader in self.readers:
            await reader.push_rest()
        async with feed.gate.turn(NEVER):
            self._over = True
            over = all(reader.ended for reader in self.readers)
            await feed.out.signal(End() if over or self.stopping is None else self.stopping)

    async def _work(self, reader: Reader, partition: AsyncPartition[Any]) -> None:
        try:
            await partition.work()
        except RunError:
            raise
        except Exception as error:
            raise SourceError(f"source {reader.partition.name}: reading failed: {describe(error)}") from error

    def keep(self, keeper: Keeper) -> None:
        """Hand over how far each partition was read, by its key."""
        keeper.keep(self.feed.name, {key: each.state() for key, each in zip(self.keys, self.readers, strict=True)})

    async def barrier(self, barrier: Barrier) -> list[tuple[OpenPartition, Position]]:
        """Push a barrier between two batches; gives the positions it stands for."""
        feed = self.feed
        async with feed.gate.turn(NEVER):
            positions: list[tuple[OpenPartition, Position]] = [
                (each.partition, each.pushed) for each in self.readers if each.pushed is not None
            ]
            if barrier.keeper is not None:
                self.keep(barrier.keeper)
            if not self._over:  # nothing follows the end
                await feed.out.signal(barrier)
        return positions
