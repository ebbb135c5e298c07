"""An open partition, called from the event loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import anyio
import anyio.to_thread

from rivusio_core.errors import RunError, SourceError
from rivusio_streams.engine.foreign import describe
from rivusio_streams.source import AsyncPartition, EndOfPartition, Partition, Position, Rejected

__all__ = ["Lot", "OpenPartition"]


@dataclass(frozen=True, slots=True)
class Lot:
    """What was read at once.

    Attributes:
        items: of the batch.
        rejected: the records of it that could not be decoded.
        times: of the items, where the partition knows them.
        position: of the partition behind them.
        watermark: which the partition promises behind them, where it does.
    """

    items: list[Any]
    rejected: Sequence[Rejected]
    times: Sequence[int] | None
    position: Position
    watermark: int | None


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

    async def next_lot(self, maximum: int) -> Lot | None:
        """What there is, maybe nothing; None at the end.

        Raises:
            SourceError: reading failed.
        """
        try:
            if isinstance(self.partition, AsyncPartition):
                items = await self.partition.next_batch(maximum)
            else:
                async with self._lock:
                    items = await anyio.to_thread.run_sync(self.partition.next_batch, maximum, limiter=self._limiter)
            part = self.partition
            return Lot(items, part.rejected(), part.times(), part.position(), part.watermark())
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
