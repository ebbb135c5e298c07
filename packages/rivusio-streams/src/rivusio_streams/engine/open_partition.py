"""An open partition, called from the event loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from rivusio_core.errors import RunError, SourceError
from rivusio_streams.engine.blocking import Blocking
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
        blocking: calls it, if it is sync.
    """

    def __init__(self, name: str, partition: Partition[Any] | AsyncPartition[Any], blocking: Blocking) -> None:
        self.name, self.partition = name, partition
        self._blocking = blocking
        self._left = list[list[Any]]()

    @property
    def stuck(self) -> bool:
        """A call has not returned though the run was cancelled."""
        return bool(self._blocking.stuck)

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
                read = partial(self.partition.next_batch, maximum)
                items = await self._blocking.call("reading", read, self._left.append)
            return self._lot(items)
        except EndOfPartition:
            return None
        except RunError:
            raise
        except Exception as error:
            raise SourceError(f"source {self.name}: reading failed: {describe(error)}") from error

    def left(self) -> Lot | None:
        """What was fetched and given to nobody, since reading was stopped meanwhile; None: nothing."""
        if isinstance(self.partition, AsyncPartition):
            self._left.append(self.partition.fetched_ahead())
        items = self._left.pop() if self._left else []
        return self._lot(items) if items else None

    def _lot(self, items: list[Any]) -> Lot:
        part = self.partition
        return Lot(items, part.rejected(), part.times(), part.position(), part.watermark())

    async def acknowledge(self, position: Position) -> None:
        """Tell it what is safe.

        Raises:
            SourceError: it could not take that.
        """
        try:
            if isinstance(self.partition, AsyncPartition):
                await self.partition.acknowledge(position)
            else:
                await self._blocking.call("acknowledging", partial(self.partition.acknowledge, position))
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
            elif not self.stuck:
                await self._blocking.call("closing", self.partition.close)
        except RunError:
            raise
        except Exception as error:
            raise SourceError(f"source {self.name}: closing failed: {describe(error)}") from error
