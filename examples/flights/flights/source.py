"""The flights as a source that a run can go back in."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

from flights.data import Row, departures
from rivusio_streams import EndOfPartition, Partition, Position, Source

__all__ = ["Departures"]


@dataclass(frozen=True)
class Departures(Source[Row]):
    """The rows of the zipped `flights.csv` in departure order.

    A position is the number of flights before it. It can be gone back to, since the order is the same every time.
    """

    path: Path
    replay = "seekable"

    def open_partition(self, partition: str, position: Position | None) -> Partition[Row]:  # there is one
        return _Reading(self.path, position if isinstance(position, int) else 0)


class _Reading(Partition[Row]):
    def __init__(self, path: Path, start: int) -> None:
        self._read = start
        self._rows = departures(path, start)

    def next_batch(self, maximum: int) -> list[Row]:
        rows = list(itertools.islice(self._rows, maximum))
        if not rows:
            raise EndOfPartition
        self._read += len(rows)
        return rows

    def position(self) -> Position:
        return self._read
