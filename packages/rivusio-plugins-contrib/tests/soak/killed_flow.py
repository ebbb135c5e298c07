"""What is killed: a flow from numbers to a table, with checkpoints every 50 ms.

Run as a program: `killed_flow.py KIND PLACE COUNT`, the place being a folder or a connection string.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from rivusio_plugins_contrib.postgres import PostgresStore, PostgresTable
from rivusio_plugins_contrib.sqlite import SqliteTable
from rivusio_streams import RunConfig, Stream
from rivusio_streams.checkpoint import CheckpointStore, FolderStore, SqliteStore
from rivusio_streams.sink import BaseSink
from rivusio_streams.source import EndOfPartition, Partition, Position, Source

PAUSE = 0.001
"""Seconds between batches, so that there is time to be killed in."""


class Row(BaseModel):
    number: int
    total: int


class Numbers(Source[int]):
    """So many numbers, ten at once, each at its place."""

    replay = "seekable"

    def __init__(self, count: int) -> None:
        self.count = count

    def open_partition(self, partition: str, position: Position | None) -> Partition[int]:
        return Counting(position if isinstance(position, int) else 0, self.count)


class Counting(Partition[int]):
    def __init__(self, at: int, end: int) -> None:
        self.at, self.end = at, end

    def next_batch(self, maximum: int) -> list[int]:
        import time

        if self.at >= self.end:
            raise EndOfPartition
        time.sleep(PAUSE)
        batch = list(range(self.at, min(self.at + min(maximum, 10), self.end)))
        self.at += len(batch)
        return batch

    def position(self) -> Position:
        return self.at


class Appended(SqliteTable[Row]):
    """The control: says that it appends, and so takes part in no protocol."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.commit = "append"


def parts(kind: str, place: str) -> tuple[BaseSink[Row], CheckpointStore]:
    """Sink and store."""
    if kind.startswith("postgres"):
        dsn, _, folder = place.partition("|")
        store = PostgresStore(dsn) if kind == "postgres-joint" else FolderStore(folder)
        return PostgresTable(dsn, "results", Row), store
    file = Path(place) / "results.db"
    table = Appended if kind == "sqlite-append" else SqliteTable[Row]
    return table(file, "results", Row), SqliteStore(file) if kind == "sqlite-joint" else FolderStore(f"{place}/state")


def main(kind: str, place: str, count: int) -> None:
    sink, store = parts(kind, place)
    totals = Stream.read(Numbers(count)).key_by(lambda n: n % 3).scan((0, 0), lambda seen, n: (n, seen[1] + n))
    flow = totals.map(lambda each: Row(number=each[1][0], total=each[1][1])).write(sink)
    flow.run(RunConfig(checkpoint=store, every="50ms"))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
