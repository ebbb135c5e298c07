"""Crashes at every operation: each sound cell of the table of guarantees holds, planted unsound protocols do not."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import JsonValue

from rivusio_core import pipe
from rivusio_streams import JsonLines, Session, Stream, Tumbling, agg
from rivusio_streams.checkpoint import FolderStore, SqliteStore
from rivusio_streams.delivery import guarantee
from rivusio_streams.flow import Flow
from rivusio_streams.plan import Plan
from rivusio_streams.sink import Sink, TransactionalSink, TwoPhaseSink
from rivusio_streams.source import AsyncPartition, AsyncSource, EndOfPartition, Position
from rivusio_streams.testing import crash_check

SECOND = 1_000_000
NUMBERS = [1, 3, 2, 9, 11, 14, 12, 25, 31]


@pipe(concurrency=3)
async def doubled(number: int) -> int:
    return number * 2


def windows(place: Path) -> Flow:
    """Windows, an async step, and running state, from a list to a file."""
    return (
        Stream.read(NUMBERS)
        .through(doubled)
        .event_time(lambda n: n * SECOND, out_of_order="4s")
        .key_by(lambda n: n % 3)
        .window(Tumbling("10s"), allowed_lateness="5s")
        .aggregate(agg.total())
        .map(lambda each: f"{each.key} {each.window.start:%M:%S} {each.value} {each.pane.index}")
        .write(JsonLines(place / "out.jsonl"))
        .named("windows")
    )


def running(place: Path) -> Flow:
    return (
        Stream.read(NUMBERS)
        .key_by(lambda n: n % 2)
        .scan(0, lambda total, n: total + n)
        .write(JsonLines(place / "out.jsonl"))
    )


def sessions(place: Path) -> Flow:
    read = Stream.read(NUMBERS).event_time(lambda n: n * SECOND, out_of_order="3s")
    late = JsonLines(place / "late.jsonl")
    return (
        read.window(Session("4s"), late_to=late)
        .collect()
        .map(lambda each: each.value)
        .write(JsonLines(place / "out.jsonl"))
    )


def two_sinks(place: Path) -> Flow:
    small, large = Stream.read(NUMBERS).split(lambda n: n < 10)
    return Flow.of(small.batch(2).write(JsonLines(place / "out.jsonl")), large.write(JsonLines(place / "large.jsonl")))


def joined(place: Path) -> Flow:
    left = Stream.read(NUMBERS).event_time(lambda n: n * SECOND, out_of_order="3s").key_by(lambda n: n % 2)
    right = Stream.read([2, 4, 9, 12]).event_time(lambda n: n * SECOND, out_of_order="3s").key_by(lambda n: n % 2)
    pairs = left.interval_join(right, lower="-3s", upper="3s", how="outer")
    return pairs.map(lambda each: [each.left, each.right]).write(JsonLines(place / "out.jsonl"))


def lines(place: Path) -> list[Any]:
    """What is to be seen in all files."""
    found = list[Any]()
    for path in sorted(place.glob("*.jsonl")):
        found += [f"{path.name}: {line}" for line in path.read_text().splitlines()]
    return found


@pytest.mark.parametrize("make", [windows, running, sessions, two_sinks, joined])
def test_seekable_to_two_phase_is_exactly_once(make: Callable[[Path], Flow]) -> None:
    report = crash_check(make, lines)
    assert (report.lost, report.duplicated) == (0, 0)
    assert report.crashes > 2 * report.operations


def test_so_it_is_after_two_crashes() -> None:
    report = crash_check(running, lines, kinds=("after",), pairs=7)
    assert (report.lost, report.duplicated) == (0, 0)


def test_so_it_is_with_checkpoints_in_sqlite() -> None:
    report = crash_check(running, lines, store=lambda place: SqliteStore(place / "checkpoints.db"), kinds=("after",))
    assert (report.lost, report.duplicated) == (0, 0)


# ----------------------------------------------------------------------------------------------- other cells


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


def to(
    sink: Callable[[Path], Sink[Any]], source: Callable[[Path], Any] = lambda place: NUMBERS
) -> Callable[[Path], Flow]:
    return lambda place: Stream.read(source(place)).map(lambda n: n + 100).write(sink(place))


def test_seekable_to_append_is_at_least_once_and_not_more() -> None:
    """Promise: outcome unknown: a sink that only appends may have duplicates, and the guarantee says so."""
    make = to(lambda place: Appended(place / "out.jsonl"))
    report = crash_check(make, lines, delivery="at_least_once")
    assert report.lost == 0
    assert report.duplicated > 0
    with pytest.raises(AssertionError, match="exactly_once does not hold after a crash"):
        crash_check(make, lines)


def test_seekable_to_keyed_is_exactly_once() -> None:
    report = crash_check(
        to(lambda place: Upserted(place / "rows")),
        lambda place: sorted(each.read_text() for each in (place / "rows").glob("*")),
    )
    assert (report.lost, report.duplicated) == (0, 0)


@dataclass(frozen=True)
class Queue(AsyncSource[int]):
    """Files in a folder: each is delivered until it was acknowledged, which deletes it."""

    folder: Path
    replay = "redelivered"

    async def open_partition(self, partition: str, position: Position | None) -> AsyncPartition[int]:
        return QueuePartition(self.folder)


class QueuePartition(AsyncPartition[int]):
    def __init__(self, folder: Path) -> None:
        if not folder.exists():
            folder.mkdir()
            for number in NUMBERS:
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


@pytest.mark.parametrize("store", [None, "checkpoints"])
def test_redelivered_to_append_is_at_least_once(store: str | None) -> None:
    make = to(lambda place: Appended(place / "out.jsonl"), lambda place: Queue(place / "queue"))
    report = crash_check(
        make, lines, delivery="at_least_once", store=lambda place: FolderStore(place / store) if store else None
    )
    assert report.lost == 0
    assert report.duplicated > 0


def test_redelivered_to_two_phase_is_at_least_once() -> None:
    make = to(lambda place: JsonLines(place / "out.jsonl", append=True), lambda place: Queue(place / "queue"))
    report = crash_check(make, lines, delivery="at_least_once")
    assert report.lost == 0


class Gone(AsyncSource[int]):
    """What was read is gone."""

    def __init__(self, path: Path) -> None:
        self.path = path

    async def open_partition(self, partition: str, position: Position | None) -> AsyncPartition[int]:
        return GonePartition(self.path)


class GonePartition(AsyncPartition[int]):
    def __init__(self, path: Path) -> None:
        self.path = path

    async def next_batch(self, maximum: int) -> list[int]:
        done = int(self.path.read_text()) if self.path.exists() else 0
        batch = NUMBERS[done : done + maximum]
        if not batch:
            raise EndOfPartition
        self.path.write_text(str(done + len(batch)))
        return batch


def test_without_replay_it_is_at_most_once() -> None:
    make = to(lambda place: JsonLines(place / "out.jsonl"), lambda place: Gone(place / "read"))
    report = crash_check(make, lines, delivery="at_most_once")
    assert report.lost > 0
    assert report.duplicated == 0


class Joint(TransactionalSink[Any]):
    """Rows in the file of the checkpoints."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def database(self) -> str:
        return SqliteStore(self.path).database

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


def results(place: Path) -> list[Any]:
    with closing(sqlite3.connect(place / "all.db")) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'results'").fetchall():
            return []
        return connection.execute("SELECT value FROM results ORDER BY rowid").fetchall()


def joint_windows(place: Path) -> Flow:
    left, right = (Stream.read(each).event_time(lambda n: n * SECOND, out_of_order="9s") for each in (NUMBERS, [4, 33]))
    sums = left.merge(right).key_by(lambda n: n % 3).window(Tumbling("10s")).aggregate(agg.total())
    return sums.map(lambda each: [each.key, each.value]).write(Joint(place / "all.db"))


@pytest.mark.parametrize("make", [to(lambda place: Joint(place / "all.db")), joint_windows])
def test_seekable_to_the_transaction_of_the_checkpoint_is_exactly_once(make: Callable[[Path], Flow]) -> None:
    report = crash_check(make, results, store=lambda place: SqliteStore(place / "all.db"))
    assert (report.lost, report.duplicated) == (0, 0)


def test_so_it_is_with_a_key_that_would_do_without() -> None:
    """The promise is that of the stronger protocol."""
    keyed = Joint(Path("all.db"))
    keyed.commit = "keyed"
    plan = Plan.of(Stream.read(NUMBERS).write(keyed).ends)
    for database, protocol in ((keyed.database, "joint"), ("other", "direct"), (None, "direct")):
        promised = guarantee(plan, checkpoints=True, database=database)
        (promise,) = promised.promises
        assert (promise.protocol, promised.delivery) == (protocol, "exactly_once")


# --------------------------------------------------------------------------------------- planted unsound protocols


class AppendThenCheckpoint(TwoPhaseSink[Any]):
    """Says two-phase, and appends before there is a checkpoint."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def recover(self, owner: str, tokens: Sequence[JsonValue]) -> None:
        self.staged: list[Any] = []

    def write(self, batch: Sequence[Any]) -> None:
        self.staged += batch

    def stage(self) -> JsonValue:
        with self.path.open("a") as file:
            file.writelines(f"{json.dumps(each)}\n" for each in self.staged)
        self.staged = []
        return None

    def publish(self, token: JsonValue) -> None: ...


class CheckpointThenAppend(AppendThenCheckpoint):
    """Keeps in memory what it stages, and appends it when there is a checkpoint."""

    def recover(self, owner: str, tokens: Sequence[JsonValue]) -> None:
        self.staged, self.waiting = [], []

    def stage(self) -> JsonValue:
        self.waiting, self.staged = self.staged, []
        return "waiting"

    def publish(self, token: JsonValue) -> None:
        self.staged, rest = self.waiting, self.staged
        super().stage()
        self.staged = rest


class Forgetful(JsonLines[Any]):
    """Throws away what was staged and not published when the process died."""

    def recover(self, owner: str, tokens: Sequence[JsonValue]) -> None:
        for each in self.path.parent.glob(f".{self.path.name}.*"):
            each.unlink()
        super().recover(owner, [])


@pytest.mark.parametrize(
    ("sink", "told"),
    [(AppendThenCheckpoint, "too much"), (CheckpointThenAppend, "lost"), (Forgetful, "lost")],
)
def test_unsound_protocols_are_caught(sink: type[Any], told: str) -> None:
    extra: dict[str, Any] = {"append": True} if sink is Forgetful else {}
    with pytest.raises(AssertionError, match=told):
        crash_check(to(lambda place: sink(place / "out.jsonl", **extra)), lines)


def test_a_lost_checkpoint_costs_a_file_nothing() -> None:
    """The one before it is used: the file goes back to what that one has."""

    class Lossy(FolderStore):
        def put(self, name: str, data: bytes) -> None:
            if not name.startswith("000000000002"):
                super().put(name, data)

    report = crash_check(running, lines, store=lambda place: Lossy(place / "checkpoints"), kinds=("after",))
    assert (report.lost, report.duplicated) == (0, 0)
