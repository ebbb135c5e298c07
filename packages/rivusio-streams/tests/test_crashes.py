"""Crashes at every operation: each sound cell of the table of guarantees holds, planted unsound protocols do not."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from protocols import Appended, Joint, lines, results
from pydantic import JsonValue

from rivusio_core import pipe
from rivusio_streams import JsonLines, Session, Stream, Tumbling, agg
from rivusio_streams.checkpoint import FolderStore, SqliteStore
from rivusio_streams.delivery import guarantee
from rivusio_streams.flow import Flow
from rivusio_streams.plan import Plan
from rivusio_streams.sink import Sink, TwoPhaseSink
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


@pytest.mark.parametrize("make", [windows, running, sessions, two_sinks, joined])
def test_seekable_to_two_phase_is_exactly_once(make: Callable[[Path], Flow]) -> None:
    report = crash_check(make, lines)
    assert (report.lost, report.duplicated) == (0, 0)
    assert 2 * report.crashes > 3 * report.operations


@pytest.mark.slow
def test_so_it_is_after_two_crashes() -> None:
    report = crash_check(running, lines, kinds=("after",), pairs=7)
    assert (report.lost, report.duplicated) == (0, 0)


def test_so_it_is_with_checkpoints_in_sqlite() -> None:
    report = crash_check(running, lines, store=lambda place: SqliteStore(place / "checkpoints.db"), kinds=("after",))
    assert (report.lost, report.duplicated) == (0, 0)


def to(
    sink: Callable[[Path], Sink[Any]], source: Callable[[Path], Any] = lambda place: NUMBERS
) -> Callable[[Path], Flow]:
    return lambda place: Stream.read(source(place)).map(lambda n: n + 100).write(sink(place))


def joint_windows(place: Path) -> Flow:
    left, right = (Stream.read(each).event_time(lambda n: n * SECOND, out_of_order="9s") for each in (NUMBERS, [4, 33]))
    sums = left.merge(right).key_by(lambda n: n % 3).window(Tumbling("10s")).aggregate(agg.total())
    return sums.map(lambda each: [each.key, each.value]).write(Joint(place / "all.db"))


def test_windows_and_their_results_are_one_transaction() -> None:
    report = crash_check(joint_windows, results, store=lambda place: SqliteStore(place / "all.db"))
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


def test_a_claim_that_is_too_strong_is_refuted() -> None:
    """Promise: outcome unknown: a sink that only appends may have duplicates, and the guarantee says so."""
    make = to(lambda place: Appended(place / "out.jsonl"))
    with pytest.raises(AssertionError, match="exactly_once does not hold after a crash"):
        crash_check(make, lines)


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
