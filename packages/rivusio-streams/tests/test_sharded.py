"""Keys spread over worker processes: the same results, in order for each key, through restarts with other numbers."""

from __future__ import annotations

import itertools
import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from local_shards import spread
from processors import Silent
from sharded_steps import anywhere, busy, dies, refuses, where
from test_crashes import NUMBERS, lines

from rivusio_core import DefinitionError, RunError
from rivusio_streams import (
    Context,
    Count,
    Global,
    Hopping,
    JsonLines,
    Processor,
    RunConfig,
    Session,
    Sliding,
    Stream,
    Timer,
    Tumbling,
    agg,
)
from rivusio_streams.engine.sharding import stable_hash
from rivusio_streams.flow import Flow
from rivusio_streams.testing import Harness, Input, crash_check
from rivusio_streams.trigger import EarlyCount

SECOND = 1_000_000
Event = tuple[int, str]
"""Seconds, and a key."""


def seconds(event: Event) -> int:
    return event[0] * SECOND


def key(event: Event) -> str:
    return event[1]


class Counting(Processor[str, Event, int, Any]):
    """Counts the items of a key, and says how many there were when none has come for a while."""

    def create(self) -> int:
        return 0

    def on_item(self, item: Event, context: Context[str, int]) -> Iterator[Any]:
        context.state += 1
        context.set_timer(context.time + 3 * SECOND)
        yield context.key, context.state, context.time, context.watermark

    def on_timer(self, timer: Timer, context: Context[str, int]) -> Iterator[Any]:
        yield context.key, context.state, timer.at


KINDS: dict[str, Callable[[Any], Any]] = {
    "tumbling": lambda s: s.window(Tumbling("5s")).aggregate(agg.collect()),
    "late panes": lambda s: s.window(Tumbling("5s"), allowed_lateness="4s").aggregate(agg.count()),
    "early panes": lambda s: s.window(Tumbling("9s"), trigger=EarlyCount(2)).aggregate(agg.count()),
    "hopping": lambda s: s.window(Hopping("6s", every="2s")).aggregate(agg.count()),
    "sessions": lambda s: s.window(Session("3s"), allowed_lateness="2s").aggregate(agg.collect()),
    "sliding": lambda s: s.window(Sliding("4s")).aggregate(agg.count()),
    "count": lambda s: s.window(Count(2)).aggregate(agg.collect()),
    "global": lambda s: s.window(Global()).aggregate(agg.count()),
    "scan": lambda s: s.scan(0, lambda total, event: total + event[0]),
    "distinct": lambda s: s.distinct(within="4s"),
    "process": lambda s: s.process(Counting(), ttl="6s"),
}


def by_key(values: list[Any]) -> dict[str, list[Any]]:
    found = defaultdict[str, list[Any]](list)
    for value in values:
        found[getattr(value, "key", None) or next(each for each in value if isinstance(each, str))].append(value)
    return dict(found)


events = st.lists(st.tuples(st.integers(0, 25), st.sampled_from("abcde")), max_size=30)


@pytest.mark.parametrize("kind", KINDS)
@given(events, st.integers(0, 4), st.integers(1, 4), st.data())
@settings(max_examples=25, deadline=None)
def test_results_are_those_of_one_process(
    kind: str, found: list[Event], bound: int, restarts: int, data: st.DataObject
) -> None:
    lots = data.draw(st.lists(st.integers(1, 6), min_size=1, max_size=5)) if found else [1]
    numbers = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))

    def outcome(shards: list[int]) -> tuple[Any, Any, Any]:
        with pytest.MonkeyPatch.context() as patch:
            if shards:
                spread(patch, itertools.cycle(shards))
            source = Input[Event]("events")
            timed = Stream.read(source).event_time(seconds, out_of_order=f"{bound}s").key_by(key)
            with Harness(KINDS[kind](timed), interleave_restarts=restarts) as h:
                rest, sizes = list(found), itertools.cycle(lots)
                while rest:
                    size = next(sizes)
                    h.send_many(source, rest[:size])
                    del rest[:size]
                h.end()
            return by_key(h.output), sorted(h.late), h.ledger

    assert outcome(numbers) == outcome([])


lots = st.lists(
    st.tuples(st.integers(0, 1), st.lists(st.tuples(st.integers(0, 25), st.sampled_from("abcde")), max_size=9))
)
SPREAD = [(0, "a"), (0, "b"), (0, "c"), (9, "a"), (9, "b"), (9, "c"), (25, "a")]


@given(lots, st.integers(0, 3), st.lists(st.integers(1, 3), min_size=1, max_size=3))
@example([(0, SPREAD), (1, SPREAD)], 0, [2])
@settings(max_examples=60, deadline=None)
def test_a_window_behind_it_finds_nothing_late_that_was_not(
    found: list[tuple[int, list[Event]]], bound: int, shards: list[int]
) -> None:
    def outcome(shards: list[int]) -> tuple[Any, Any]:
        with pytest.MonkeyPatch.context() as patch:
            if shards:
                spread(patch, itertools.cycle(shards))
            source = Input[Event]("events", partitions=2)
            timed = Stream.read(source).event_time(seconds, out_of_order=f"{bound}s")
            counts = timed.key_by(key).window(Tumbling("2s"), allowed_lateness="3s").aggregate(agg.count())
            with Harness(counts.window(Tumbling("4s")).aggregate(agg.total(lambda each: each.value))) as h:
                for partition, lot in found:
                    h.send_many(source, lot, partition=partition)
                h.end()
            return h.output, sorted(h.late, key=repr)

    assert outcome(shards) == outcome([])


def test_the_clock_of_the_run_is_that_of_the_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    spread(monkeypatch, itertools.cycle([3]))
    words = Input[str]("words")
    with Harness(Stream.read(words).key_by(lambda word: word[0]).process(Silent(by_clock=True))) as h:
        h.send_many(words, ["apple", "bear", "avocado"])
        h.advance("9s")
        assert h.output == []
        h.send(words, "bee")
        h.advance("1s")
        assert [each[0] for each in h.output] == ["a"]
        h.restart()
        h.advance("9s")
        assert [(each[0], each[3]) for each in h.output] == [("a", 2), ("b", 2)]


def test_what_is_held_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    spread(monkeypatch, itertools.cycle([2]))
    source = Input[Event]("events")
    windows = Stream.read(source).event_time(seconds).key_by(key).window(Tumbling("10s")).aggregate(agg.count())
    with Harness(windows) as h:
        h.send_many(source, [(1, "a"), (2, "b"), (3, "a")])
        [step] = [step for step in h.explain().steps if step.name == "aggregate"]
        assert step.state == {"held": 3, "processes": 2}
        assert "aggregate holds 3 items until the watermark is 1970-01-01T00:00:10+00:00" in h.explain().findings


def test_crashes_lose_and_double_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    spread(monkeypatch, itertools.cycle([2, 3, 1]))

    def windows(folder: Path) -> Flow:
        timed = Stream.read(NUMBERS).event_time(lambda n: n * SECOND, out_of_order="4s").key_by(lambda n: n % 3)
        panes = timed.window(Tumbling("10s"), allowed_lateness="5s").aggregate(agg.total())
        texts = panes.map(lambda each: f"{each.key} {each.window.start:%M:%S} {each.value} {each.pane.index}")
        return texts.write(JsonLines(folder / "out.jsonl")).named("windows")

    report = crash_check(windows, lambda folder: sorted(lines(folder)))
    assert (report.lost, report.duplicated) == (0, 0)
    assert report.crashes > report.operations


def test_equal_keys_are_one_key() -> None:
    class Name(str):
        __slots__ = ()

    assert stable_hash(1) == stable_hash(True) == stable_hash(1.0)
    assert stable_hash("a") == stable_hash(Name("a")) != stable_hash("b")
    assert stable_hash(("a", 1)) == stable_hash((Name("a"), 1.0)) != stable_hash((1, "a"))
    assert {stable_hash(2 * number) % 2 for number in range(100)} == {0, 1}


# ---------------------------------------------------------------------------------------------------- real processes


def windowed(numbers: range) -> Any:
    timed = Stream.read(numbers).event_time(lambda n: n * SECOND // 10).key_by(lambda n: n % 7)
    return timed.window(Tumbling("10s"))


def test_other_processes_do_it() -> None:
    out, expected, told = list[Any](), list[Any](), list[Any]()
    report = windowed(range(2_000)).aggregate(agg.total(busy)).write(out).run(RunConfig(parallelism=2))
    windowed(range(2_000)).aggregate(agg.total(busy)).write(expected).run()
    assert by_number(out) == by_number(expected)
    assert (report.steps["aggregate"].taken, report.ledger.unaccounted) == (2_000, 0)
    Stream.read(range(100)).key_by(lambda n: n).scan((0, 0), where).write(told).run(RunConfig(parallelism=2))
    assert sorted(number for _, (number, _) in told) == [*range(100)]
    assert len({process for _, (_, process) in told} - {os.getpid()}) == 2


def by_number(results: list[Any]) -> dict[int, list[Any]]:
    return {key: [each for each in results if each.key == key] for key in range(7)}


def test_what_fails_there_is_treated_here() -> None:
    letters, out = list[Any](), list[Any]()
    windows = windowed(range(1_000)).aggregate(agg.total(refuses)).write(out)
    report = windows.run(RunConfig(parallelism=2, dead_letters=letters))
    assert [(letter.value, letter.position) for letter in letters] == [(17, 17)]
    assert sum(each.value for each in out) == sum(range(1_000)) - 17
    assert report.steps["aggregate"].dead == 1
    with pytest.raises(RunError, match=r"'aggregate' failed on item 1017: ValueError at sharded_steps\.py") as caught:
        windowed(range(2_000)).aggregate(agg.total(refuses)).write([]).run(RunConfig(parallelism=2))
    assert "the secret" not in str(caught.value)


def test_a_shard_that_dies_is_named_and_checkpoints_bring_it_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def flow() -> Flow:
        numbers = Stream.read(range(200)).key_by(lambda n: n % 5)
        return numbers.process(dies, state=anywhere).write(JsonLines(tmp_path / "out.jsonl")).named("dying")

    settings = RunConfig(parallelism=2, chunk=10, checkpoint=str(tmp_path / "checkpoints.db"))
    with pytest.raises(RunError, match=r"'process'.*its worker process died \(exit code 3"):
        flow().run(settings)
    flow().run(settings)
    found = [int(line) for line in (tmp_path / "out.jsonl").read_text().split()]
    assert sorted(found) == [*range(200)]


def test_what_no_process_can_import_is_refused_by_name() -> None:
    with pytest.raises(DefinitionError, match=r"step 'scan' cannot be sent to a worker process.*at module level"):
        Stream.read([1]).key_by(lambda n: n).scan(0, lambda a, b: a + b).write([]).run(RunConfig(parallelism=2))
