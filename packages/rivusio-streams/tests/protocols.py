"""Sources and sinks of every kind in the table of guarantees, as small as can be."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from rivusio_streams.checkpoint import SqliteStore
from rivusio_streams.sink import Sink, TransactionalSink
from rivusio_streams.source import AsyncPartition, AsyncSource, EndOfPartition, Position

__all__ = ["Appended", "Gone", "Joint", "Queue", "Upserted", "lines", "results", "rows"]


class Appended(Sink[Any]):
    """Appends lines, at once."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, batch: Sequence[Any]) -> None:
        with self.path.open("a") as file:
            file.writelines(f"{json.dumps(each)}\n" for each in batch)


class Upserted(Sink[Any]):
    """A file for each item, by its key."""

    commit = "keyed"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, batch: Sequence[Any]) -> None:
        self.folder.mkdir(exist_ok=True)
        for each in batch:
            (self.folder / str(each)).write_text(json.dumps(each))


@dataclass(frozen=True)
class Queue(AsyncSource[int]):
    """Files in a folder: each is delivered until it was acknowledged, which deletes it."""

    folder: Path
    numbers: tuple[int, ...]
    replay = "redelivered"

    async def open_partition(self, partition: str, position: Position | None) -> AsyncPartition[int]:
        return QueuePartition(self.folder, self.numbers)


class QueuePartition(AsyncPartition[int]):
    def __init__(self, folder: Path, numbers: Sequence[int]) -> None:
        if not folder.exists():
            folder.mkdir()
            for number in numbers:
                (folder / f"{number:03}").touch()
        self.left = sorted(folder.iterdir())
        self.given: list[Path] = []

    async def next_batch(self, maximum: int) -> list[int]:
        if not self.left:
            raise EndOfPartition
        batch, self.left = self.left[:maximum], self.left[maximum:]
        self.given += batch
        return [int(each.name) for each in batch]

    def position(self) -> Position:
        return len(self.given)

    async def acknowledge(self, position: Position) -> None:
        assert isinstance(position, int)
        for each in self.given[:position]:
            each.unlink(missing_ok=True)


class Gone(AsyncSource[int]):
    """What was read is gone."""

    def __init__(self, path: Path, numbers: Sequence[int]) -> None:
        self.path, self.numbers = path, numbers

    async def open_partition(self, partition: str, position: Position | None) -> AsyncPartition[int]:
        return GonePartition(self.path, self.numbers)


class GonePartition(AsyncPartition[int]):
    def __init__(self, path: Path, numbers: Sequence[int]) -> None:
        self.path, self.numbers = path, numbers

    async def next_batch(self, maximum: int) -> list[int]:
        done = int(self.path.read_text()) if self.path.exists() else 0
        batch = [*self.numbers[done : done + maximum]]
        if not batch:
            raise EndOfPartition
        self.path.write_text(str(done + len(batch)))
        return batch


class Joint(TransactionalSink[Any]):
    """Rows in the file of the checkpoints."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def database(self) -> str:
        database = SqliteStore(self.path).database
        assert database is not None
        return database

    def open(self) -> None:
        self.waiting = list[tuple[str]]()
        self.connection = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None)
        self.connection.execute("CREATE TABLE IF NOT EXISTS results (value TEXT)")

    def begin(self) -> None: ...

    def write(self, batch: Sequence[Any]) -> None:
        self.waiting += [(json.dumps(each),) for each in batch]

    def commit_with(self, put: Callable[[Any], None]) -> None:
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            self.connection.executemany("INSERT INTO results VALUES (?)", self.waiting)
            put(self.connection)
            self.connection.execute("COMMIT")
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.waiting = []

    def close(self) -> None:
        self.connection.close()

    def recover(self, owner: str, tokens: Sequence[JsonValue]) -> None:
        raise AssertionError("it does not stage here")

    def stage(self) -> JsonValue:
        raise AssertionError("it does not stage here")

    def publish(self, token: JsonValue) -> None:
        raise AssertionError("it does not stage here")


# ------------------------------------------------------------------------------------------- what is to be seen


def lines(place: Path) -> list[Any]:
    """What is to be seen in all files."""
    found = list[Any]()
    for path in sorted(place.glob("*.jsonl")):
        found += [f"{path.name}: {line}" for line in path.read_text().splitlines()]
    return found


def rows(place: Path) -> list[Any]:
    """What is to be seen in the files of `Upserted`."""
    return sorted(each.read_text() for each in (place / "rows").glob("*"))


def results(place: Path) -> list[Any]:
    """What is to be seen in the table of `Joint`."""
    with closing(sqlite3.connect(place / "all.db")) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'results'").fetchall():
            return []
        return connection.execute("SELECT value FROM results ORDER BY rowid").fetchall()
