"""The table of guarantees, cell by cell: what is promised, and what crashes at every operation leave of it.

A promise must hold, and must not be weaker than need be: where it allows for duplicates or losses, there are some.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
from protocols import Appended, Gone, Joint, Queue, Upserted, lines, results, rows

from rivusio_streams import JsonLines, Stream
from rivusio_streams.checkpoint import CheckpointStore, FolderStore, SqliteStore
from rivusio_streams.delivery import Delivery, guarantee
from rivusio_streams.flow import Flow
from rivusio_streams.plan import Plan
from rivusio_streams.sink import Sink
from rivusio_streams.testing import CrashReport, crash_check
from rivusio_streams.testing.faults import How

NUMBERS = (1, 3, 2, 9)
MORE = (*NUMBERS, 11, 14)
ALL: Sequence[How] = ("before", "after", "partial", "hang")
QUICK: Sequence[How] = ("after", "partial", "hang")
"""Before an operation is after the one before it, but for what goes on beside it: that is tried with `MORE`."""

Source = Literal["seekable", "redelivered", "none"]
Target = Literal["transactional", "two_phase", "keyed", "append"]

SOURCES: dict[Source, Callable[[Path, tuple[int, ...]], Any]] = {
    "seekable": lambda place, numbers: list(numbers),
    "redelivered": lambda place, numbers: Queue(place / "queue", numbers),
    "none": lambda place, numbers: Gone(place / "read", numbers),
}
TARGETS: dict[Target, tuple[Callable[[Path], Sink[Any]], Callable[[Path], Sequence[Any]]]] = {
    "transactional": (lambda place: Joint(place / "all.db"), results),
    "two_phase": (lambda place: JsonLines(place / "out.jsonl", append=True), lines),
    "keyed": (lambda place: Upserted(place / "rows"), rows),
    "append": (lambda place: Appended(place / "out.jsonl"), lines),
}
PROMISED: dict[Source, dict[Target, Delivery]] = {
    "seekable": {
        "transactional": "exactly_once",
        "two_phase": "exactly_once",
        "keyed": "exactly_once",
        "append": "at_least_once",
    },
    "redelivered": {
        "transactional": "at_least_once",  # see below: exactly once with a stable id
        "two_phase": "at_least_once",
        "keyed": "exactly_once",
        "append": "at_least_once",
    },
    "none": {
        "transactional": "at_most_once",
        "two_phase": "at_most_once",
        "keyed": "at_most_once",
        "append": "at_most_once",
    },
}
"""As SEMANTICS has it."""
CELLS = [(source, target) for source, row in PROMISED.items() for target in row]
SOUND = [(source, target) for source, target in CELLS if PROMISED[source][target] == "exactly_once"]


def flow(source: Source, target: Target, numbers: tuple[int, ...] = NUMBERS) -> Callable[[Path], Flow]:
    def make(place: Path) -> Flow:
        stream = Stream.read(SOURCES[source](place, numbers)).map(lambda n: n + 100)
        return stream.write(TARGETS[target][0](place))

    return make


def store(target: Target) -> Callable[[Path], CheckpointStore]:
    if target == "transactional":
        return lambda place: SqliteStore(place / "all.db")
    return lambda place: FolderStore(place / "checkpoints")


def promise(make: Callable[[Path], Flow], kept: Callable[[Path], CheckpointStore] | None, place: Path) -> Delivery:
    database = None if kept is None else kept(place).database
    return guarantee(Plan.of(make(place).ends), checkpoints=kept is not None, database=database).delivery


def as_promised(promised: Delivery, report: CrashReport) -> None:
    assert (report.lost > 0) == (promised == "at_most_once")
    assert (report.duplicated > 0) == (promised == "at_least_once")


@pytest.mark.parametrize(("source", "target"), CELLS)
def test_each_cell_keeps_its_promise(source: Source, target: Target, tmp_path: Path) -> None:
    make, kept, read = flow(source, target), store(target), TARGETS[target][1]
    promised = PROMISED[source][target]
    assert promise(make, kept, tmp_path) == promised
    report = crash_check(make, read, delivery=promised, store=kept, kinds=QUICK)
    assert report.crashes > 2 * report.operations
    as_promised(promised, report)


@pytest.mark.slow
@pytest.mark.parametrize(("source", "target"), CELLS)
def test_so_it_does_with_more_items_and_every_kind_of_crash(source: Source, target: Target) -> None:
    make, promised, read = flow(source, target, MORE), PROMISED[source][target], TARGETS[target][1]
    report = crash_check(make, read, delivery=promised, store=store(target), kinds=ALL)
    assert report.crashes > 3 * report.operations
    as_promised(promised, report)


@pytest.mark.slow
@pytest.mark.parametrize(("source", "target"), SOUND)
def test_each_sound_cell_stands_all_pairs_of_crashes(source: Source, target: Target) -> None:
    make, read = flow(source, target, (1, 2)), TARGETS[target][1]
    report = crash_check(make, read, store=store(target), kinds=("after",), pairs=1)
    assert report.crashes > report.operations**2 / 2
    as_promised("exactly_once", report)


def deduplicated(place: Path) -> Flow:
    stream = Stream.read(Queue(place / "queue", NUMBERS)).distinct(lambda n: n)
    return stream.write(Joint(place / "all.db"))


def test_a_stable_id_makes_redelivered_items_count_once(tmp_path: Path) -> None:
    """The ids that were seen are state, and so in the transaction of the results."""
    kept = store("transactional")
    assert promise(deduplicated, kept, tmp_path) == "exactly_once"
    as_promised("exactly_once", crash_check(deduplicated, results, store=kept, kinds=QUICK))


@pytest.mark.slow
def test_so_they_do_after_two_crashes() -> None:
    kept = store("transactional")
    as_promised("exactly_once", crash_check(deduplicated, results, store=kept, kinds=("after",), pairs=3))


@pytest.mark.parametrize(("source", "target"), [each for each in CELLS if each[1] in ("keyed", "append")])
def test_so_it_is_without_checkpoints(source: Source, target: Target, tmp_path: Path) -> None:
    make, read = flow(source, target), TARGETS[target][1]
    promised = promise(make, None, tmp_path)
    assert promised == PROMISED[source][target]
    as_promised(promised, crash_check(make, read, delivery=promised, store=lambda _: None, kinds=QUICK))
