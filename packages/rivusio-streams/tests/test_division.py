"""Sinks that refuse single items of a batch: the others are written, once and in order."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from doubles import Event, Partitions, at, micros
from hypothesis import given
from hypothesis import strategies as st

from rivusio_core import BadRecord, ConfigError, DefinitionError, Fatal, ItemRefused, SinkError, Transient
from rivusio_streams import AsyncSink, Csv, Envelope, Flow, JsonLines, MemoryStore, Restart, RunConfig, Sink, Stream
from rivusio_streams.engine.division import write_divided
from rivusio_streams.testing import crash_check

pytestmark = pytest.mark.anyio


class DataError(Exception):
    """As databases call it."""


@dataclass(eq=False)
class Picky(AsyncSink[int]):
    """Takes a batch or refuses it, with an error of a kind, because of the items in it that it does not like."""

    refuses: frozenset[int] = frozenset()
    error: Exception = field(default_factory=lambda: ValueError("a secret"))
    items: list[int] = field(default_factory=list[int])
    calls: list[int] = field(default_factory=list[int])
    divisible = True

    async def write(self, batch: Sequence[int]) -> None:
        self.calls.append(len(batch))
        if self.refuses & set(batch):
            raise self.error
        self.items.extend(batch)


@dataclass(eq=False)
class BlockingPicky(Sink[int]):
    """The same, called in threads."""

    items: list[int]
    divisible = True

    def write(self, batch: Sequence[int]) -> None:
        if 3 in batch:
            raise KeyError(3)
        self.items.extend(batch)


@given(size=st.integers(0, 200), refused=st.sets(st.integers(0, 199), max_size=12))
def test_all_that_can_be_written_is_written_once_and_in_order(size: int, refused: set[int]) -> None:
    bad, written, calls = {each for each in refused if each < size}, list[int](), 0

    async def write(batch: Sequence[int]) -> None:
        nonlocal calls
        calls += 1
        if bad & set(batch):
            raise ItemRefused("no")
        written.extend(batch)

    found = asyncio.run(write_divided(write, range(size)))
    assert [index for index, _ in found] == sorted(bad)
    assert written == [each for each in range(size) if each not in bad]
    assert calls <= 1 + 2 * len(bad) * (math.ceil(math.log2(max(size, 1))) or 1)


async def test_what_is_not_the_fault_of_an_item_is_not_divided() -> None:
    calls = 0

    async def write(batch: Sequence[int]) -> None:
        nonlocal calls
        calls += 1
        raise SinkError("the disk is full")

    with pytest.raises(SinkError, match="full"):
        await write_divided(write, range(100))
    assert calls == 1


@pytest.mark.parametrize(
    "error", [ValueError("a secret"), TypeError(), KeyError(1), OverflowError(), DataError(), ItemRefused("no")]
)
async def test_only_the_refused_items_are_dead_letters(error: Exception) -> None:
    letters: list[Envelope] = []
    sink = Picky(frozenset({2, 7}), error)
    source = Partitions([range(10)])
    report = await Stream.read(source).write(sink, on_error="dead_letter").arun(RunConfig(dead_letters=letters))
    assert sink.items == [0, 1, 3, 4, 5, 6, 8, 9]
    assert [(each.value, each.position, each.step) for each in letters] == [(2, 2, "Picky"), (7, 7, "Picky")]
    assert {each.errors[-1] for each in letters} == {type(error).__name__}
    assert "secret" not in str(letters)
    tally = report.steps["Picky"]
    assert (tally.taken, tally.passed, tally.dead, tally.failed) == (10, 8, 2, 0)
    assert report.ledger.unaccounted == 0
    assert source.acknowledged == {"0": 10}


async def test_a_bad_record_of_a_sink_keeps_its_words() -> None:
    letters: list[Envelope] = []
    flow = Stream.read([1, 2]).write(Picky(frozenset({2}), BadRecord("too even")), on_error="dead_letter")
    await flow.arun(RunConfig(dead_letters=letters))
    assert [(each.value, each.reason, each.step) for each in letters] == [(2, "too even", "Picky")]


async def test_a_blocking_sink_is_divided_too() -> None:
    items: list[int] = []
    report = await Stream.read(range(8)).write(BlockingPicky(items), on_error="skip").arun()
    assert items == [0, 1, 2, 4, 5, 6, 7]
    assert report.steps["BlockingPicky"].skipped == 1


@pytest.mark.parametrize(
    "error", [OSError("gone"), ConnectionError(), SinkError("full"), Transient("later"), Fatal("x")]
)
async def test_other_failures_end_the_run_and_nothing_is_acknowledged(error: Exception) -> None:
    source, sink, letters = Partitions([range(100)]), Picky(frozenset({50}), error), list[Envelope]()
    with pytest.raises((SinkError, Transient, Fatal)):
        await Stream.read(source).write(sink, on_error="dead_letter").arun(RunConfig(dead_letters=letters))
    assert (letters, source.acknowledged) == ([], {})
    *taken, last = sink.calls  # so it was tried once, as a whole
    assert sink.items == list(range(sum(taken)))
    assert last > 1


async def test_a_transient_failure_is_still_what_a_run_begins_again_from() -> None:
    class Flaky(Picky):
        async def write(self, batch: Sequence[int]) -> None:
            if not self.calls:
                self.calls.append(0)
                raise ConnectionError
            await super().write(batch)

    letters: list[Envelope] = []
    sink = Flaky(frozenset({2}))
    settings = RunConfig(dead_letters=letters, restart=Restart("0s"))
    report = await Stream.read(range(4)).write(sink, on_error="dead_letter").arun(settings)
    assert (sink.items, [each.value for each in letters], report.restarts) == ([0, 1, 3], [2], 1)


async def test_a_run_does_not_begin_again_because_of_a_refused_item() -> None:
    sink = Picky(frozenset({2}))
    with pytest.raises(ItemRefused, match="sink 'Picky': writing failed: ValueError"):
        await Stream.read(range(4)).write(sink).arun(RunConfig(restart=Restart("0s")))
    assert sum(sink.calls) <= 4


async def test_behind_a_tee_all_items_go_on() -> None:
    out: list[int] = []
    sink = Picky(frozenset({2}))
    report = await Stream.read(range(4)).tee(sink, on_error="skip").write(out).arun()
    assert (sink.items, out) == ([0, 1, 3], [0, 1, 2, 3])
    assert (report.steps["Picky"].passed, report.steps["Picky"].skipped) == (3, 1)
    assert report.ledger.unaccounted == 0


async def test_the_letter_of_a_sink_knows_the_time() -> None:
    class Refusing(AsyncSink[Event]):
        divisible = True

        async def write(self, batch: Sequence[Event]) -> None:
            raise ValueError

    letters: list[Envelope] = []
    stream = Stream.read([Event(1), Event(2)]).event_time(micros)
    await stream.write(Refusing(), on_error="dead_letter").arun(RunConfig(dead_letters=letters))
    assert [(each.time, each.position) for each in letters] == [(at(1), 0), (at(2), 1)]


def test_a_sink_that_cannot_be_divided_is_refused_before_the_start() -> None:
    class Plain(AsyncSink[int]):
        async def write(self, batch: Sequence[int]) -> None:
            raise AssertionError

    with pytest.raises(DefinitionError, match=r"on_error='skip' needs a sink .* Plain does not say so"):
        Stream.read([1]).write(Plain(), on_error="skip").run()


def test_dead_letters_need_a_place() -> None:
    flow = Stream.read([1]).write(Picky(), on_error="dead_letter")
    with pytest.raises(DefinitionError, match=r"Picky: .*RunConfig\(dead_letters=\.\.\.\)"):
        flow.run()


@pytest.mark.parametrize("method", ["write", "tee"])
def test_an_unknown_treatment_is_refused(method: Literal["write", "tee"]) -> None:
    wrong: Any = "ignore"
    with pytest.raises(ConfigError, match="on_error: must be 'fail', 'skip' or 'dead_letter'"):
        getattr(Stream.read([1]), method)(Picky(), on_error=wrong)


@pytest.mark.parametrize("checkpoints", [False, True])
async def test_lines_of_json_leave_out_what_is_none(tmp_path: Path, checkpoints: bool) -> None:
    path, letters = tmp_path / "out.jsonl", list[Envelope]()
    items: list[object] = [{"n": number} for number in range(9)]
    items[4] = {"n": object()}
    settings = RunConfig(dead_letters=letters, checkpoint=MemoryStore() if checkpoints else None)
    await Stream.read(items).write(JsonLines[object](path), on_error="dead_letter").arun(settings)
    assert [json.loads(line)["n"] for line in path.read_text().splitlines()] == [0, 1, 2, 3, 5, 6, 7, 8]
    assert [(each.position, each.value is items[4]) for each in letters] == [(4, True)]


@pytest.mark.parametrize("bad", [{"n": 0, "more": 1}, {"n": "\ud800"}, 7])
@pytest.mark.parametrize("at", [1, 2, 60])
@pytest.mark.parametrize("checkpoints", [False, True])
async def test_a_csv_file_has_its_header_whatever_is_refused(
    tmp_path: Path, bad: object, at: int, checkpoints: bool
) -> None:
    path = tmp_path / "out.csv"
    items: list[Any] = [{"n": number} for number in range(100)]
    items.insert(at, bad)
    settings = RunConfig(checkpoint=MemoryStore() if checkpoints else None)
    report = await Stream.read(items).write(Csv(path, dict[str, int]), on_error="skip").arun(settings)
    assert path.read_text().split() == ["n", *map(str, range(100))]
    assert report.steps["out.csv"].skipped == 1


@pytest.mark.parametrize("bad", [{"n": 0, "more": 1}, {"n": "\ud800"}, 7])
def test_a_refused_first_batch_leaves_nothing_of_a_csv_file_behind(tmp_path: Path, bad: Any) -> None:
    sink = Csv(tmp_path / "out.csv", dict[str, int])
    sink.open()
    with pytest.raises((ItemRefused, ValueError)):
        sink.write([{"n": 1}, bad])
    sink.write([{"n": 1}])
    sink.flush()
    sink.close()
    assert (tmp_path / "out.csv").read_text() == "n\n1\n"


def test_all_others_are_written_once_whatever_crashes() -> None:
    def flow(place: Path) -> Flow:
        (place / "in.jsonl").write_text("".join(f"{n}\n" for n in range(7)))
        numbers = Stream.read(JsonLines(place / "in.jsonl", int))
        bad = numbers.map(lambda n: object() if n in (2, 3, 5) else n)
        return bad.write(JsonLines[object](place / "out.jsonl"), on_error="skip").named("numbers")

    def read(place: Path) -> list[str]:
        return (place / "out.jsonl").read_text().splitlines()

    report = crash_check(flow, read)
    assert report.crashes >= report.operations > 7
    assert (report.lost, report.duplicated) == (0, 0)
