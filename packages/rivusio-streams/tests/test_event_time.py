"""How items get their times, and how far event time has come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from rivusio_core import PipeError, pipe
from rivusio_core.errors import ConfigError, DefinitionError
from rivusio_streams import Punctuated, Stream, Tumbling, WatermarkStrategy, agg
from rivusio_streams.testing import Harness, Input

SECOND = 1_000_000


def at(seconds: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


def starts(results: list[Any]) -> list[int]:
    return [round(each.window.start.timestamp()) for each in results]


@pytest.mark.parametrize(
    "time",
    [
        datetime(1970, 1, 1, 1, 0, 3, tzinfo=timezone(timedelta(hours=1))),
        at(3),
        3 * SECOND,
    ],
)
def test_a_time_is_an_aware_datetime_or_microseconds(time: datetime | int) -> None:
    items = Input[int]("items")
    with Harness(Stream.read(items).event_time(lambda _: time).window(Tumbling("1s")).collect()) as h:
        h.send(items, 1)
        h.end()
        assert starts(h.output) == [3]


@pytest.mark.parametrize(
    ("time", "told"),
    [
        (at(0).replace(tzinfo=None), "naive"),
        (3.5, "not float"),
        ("now", "not str"),
        (10**19, "years 1 to 9999"),
        (True, "bool"),
    ],
)
def test_other_times_are_errors_that_say_what_to_do(time: Any, told: str) -> None:
    items = Input[int]("items")
    with Harness(Stream.read(items).event_time(lambda _: time).window(Tumbling("1s")).collect()) as h:
        with pytest.raises(PipeError, match=told) as raised:
            h.send(items, 1)
        assert raised.value.pipe == "event_time"


def test_times_before_1970_are_times_like_others() -> None:
    items = Input[int]("items")
    stream = Stream.read(items).event_time(lambda n: n).window(Tumbling(timedelta(microseconds=10))).collect()
    with Harness(stream) as h:
        for time in (-21, -20, -1, 0, 9, 10):
            h.send(items, time)
        h.end()
        assert [each.value for each in h.output] == [[-21], [-20], [-1], [0, 9], [10]]


def test_the_watermark_follows_at_a_distance_and_never_goes_back() -> None:
    items = Input[int]("items")
    stream = Stream.read(items).event_time(lambda n: n * SECOND, out_of_order="5s").window(Tumbling("10s")).collect()
    with Harness(stream) as h:
        for second in (14, 3, 9):
            h.send(items, second)
        assert h.take() == []  # 14 - 5 = 9
        h.send(items, 15)
        assert [each.value for each in h.take()] == [[3, 9]]
        h.send(items, 2)
        assert h.late == [2]
        h.send(items, 12)
        assert h.take() == []
        h.end()
        assert [each.value for each in h.take()] == [[12, 14, 15]]


@dataclass(frozen=True)
class Reading:
    second: int
    promise: int | None = None


def test_punctuated_watermarks_come_with_the_items_that_carry_them() -> None:
    items = Input[Reading]("items", partitions=2)
    strategy = Punctuated[Reading](lambda each: None if each.promise is None else at(each.promise))
    stream = Stream.read(items).event_time(lambda each: at(each.second), watermarks=strategy)
    for restarts in (0, 1, 3):
        with Harness(stream.window(Tumbling("10s")).aggregate(agg.count()), interleave_restarts=restarts) as h:
            h.send(items, Reading(5))
            h.send(items, Reading(500))
            h.send(items, Reading(6, promise=10))
            assert h.take() == []
            h.send(items, Reading(1, promise=20), partition=1)
            assert [each.value for each in h.take()] == [3]
            h.send(items, Reading(9))
            assert h.late == [Reading(9)]


class Slowest(WatermarkStrategy[Reading, list[int]]):
    """The smallest of the last three times."""

    def create(self) -> list[int]:
        return []

    def on_item(self, state: list[int], item: Reading, time: int) -> tuple[list[int], int | None]:
        state = [*state, time][-3:]
        return state, min(state) if len(state) == 3 else None


@pytest.mark.parametrize("restarts", [0, 1, 3])
def test_own_strategies_keep_what_they_remember_of_each_partition(restarts: int) -> None:
    items = Input[Reading]("items", partitions=2)
    stream = Stream.read(items).event_time(lambda each: at(each.second), watermarks=Slowest())
    with Harness(stream.window(Tumbling("10s")).aggregate(agg.count()), interleave_restarts=restarts) as h:
        for second in (1, 2, 30, 31):
            h.send(items, Reading(second))
        h.idle(items, partition=1)
        assert h.take() == []
        h.send(items, Reading(32))
        assert [each.value for each in h.take()] == [2]


def test_a_strategy_that_fails_ends_the_run_and_is_named() -> None:
    items = Input[int]("items")
    strategy = Punctuated[int](lambda n: 1 // n)
    with Harness(Stream.read(items).event_time(lambda n: n, watermarks=strategy)) as h:
        h.send(items, 1)
        with pytest.raises(PipeError, match="Punctuated"):
            h.send(items, 0)


def test_a_strategy_goes_without_a_bound() -> None:
    with pytest.raises(ConfigError, match="leave out_of_order to it"):
        Stream.read([1]).event_time(lambda n: n, watermarks=Punctuated(lambda n: n), out_of_order="1s")


def test_what_lies_too_far_in_the_future_moves_no_watermark() -> None:
    items = Input[int]("items")
    now = 1_000 * SECOND
    stream = Stream.read(items).event_time(lambda n: n * SECOND, max_future="1m").window(Tumbling("10s")).collect()
    with Harness(stream, now=now) as h:
        h.send(items, 1_005)
        h.send(items, 9_999)
        h.send(items, 1_007)
        h.send(items, 1_010)
        assert [each.value for each in h.take()] == [[1_005, 1_007]]
        assert h.late == []
        h.end()
        assert [each.value for each in h.take()] == [[1_010], [9_999]]


def test_what_lies_just_not_too_far_moves_it_also_beside_what_does() -> None:
    items = Input[list[int]]("items")
    now = 1_000 * SECOND
    each = Stream.read(items).flat_map(lambda several: several).event_time(lambda n: n * SECOND, max_future="1m")
    with Harness(each.window(Tumbling("10s")).collect(), now=now) as h:
        h.send(items, [1_005])
        h.send(items, [1_060, 1_061])
        assert [each.value for each in h.take()] == [[1_005]]


def test_an_ended_partition_holds_nothing_back() -> None:
    short, long = Input[int]("short"), Input[int]("long")
    both = Stream.read(short).merge(Stream.read(long)).event_time(lambda n: n * SECOND)
    with Harness(both.window(Tumbling("10s")).collect()) as h:
        h.send(short, 1)
        h.send(long, 25)
        assert h.take() == []
        h.end(short)
        assert [each.value for each in h.take()] == [[1]]


def test_an_item_of_the_last_microsecond_of_a_window_by_the_clock_belongs_to_it() -> None:
    items = Input[str]("items")
    with Harness(Stream.read(items).processing_time().window(Tumbling("10s")).collect(), now=10 * SECOND - 1) as h:
        h.send(items, "just in time")
        h.advance("1s")
        assert [(each.window.start, each.value) for each in h.take()] == [(at(0), ["just in time"])]
        assert h.late == []


def test_partitions_silent_from_the_start_hold_back_until_idle_after() -> None:
    items = Input[int]("items", partitions=3)
    stream = Stream.read(items).event_time(lambda n: n * SECOND, idle_after="10s").window(Tumbling("10s")).collect()
    with Harness(stream) as h:
        h.send(items, 5)
        h.send(items, 25)
        h.advance("5s")
        h.send(items, 15, partition=1)
        assert h.take() == []
        h.advance("5s")  # partition 2 never gave anything
        assert [each.value for each in h.take()] == [[5]]
        h.advance("5s")  # partition 1 is silent, and so is partition 0
        assert h.take() == []
        h.send(items, 40)
        assert [each.value for each in h.take()] == [[15], [25]]
        h.send(items, 27, partition=1)  # wakes up with old data
        assert h.late == [27]
        h.send(items, 45, partition=2)
        h.send(items, 60)
        assert h.take() == []  # partition 1 is back at 15, the watermark stays
        h.advance("10s")
        h.send(items, 61)
        h.end()
        assert [each.value for each in h.take()] == [[40, 45], [60, 61]]


def test_when_all_are_idle_event_time_stands_still() -> None:
    items = Input[int]("items", partitions=2)
    stream = Stream.read(items).event_time(lambda n: n * SECOND, idle_after="10s").window(Tumbling("10s")).collect()
    with Harness(stream) as h:
        h.send(items, 5)
        h.send(items, 99, partition=1)
        h.idle(items, partition=1)
        h.idle(items, partition=0)
        h.advance("1h")
        assert h.take() == []
        h.send(items, 7)
        assert h.late == []
        h.end()
        assert [each.value for each in h.take()] == [[5, 7], [99]]


def test_windows_of_processing_time_close_by_the_clock() -> None:
    items = Input[str]("items")
    stream = Stream.read(items).processing_time().key_by(len).window(Tumbling("10s")).aggregate(agg.count())
    for restarts in (0, 1, 3):
        with Harness(stream, now=0, interleave_restarts=restarts) as h:
            h.send(items, "a")
            h.advance("4s")
            h.send(items, "b")
            h.advance("5999ms")
            assert h.take() == []
            h.advance("1ms")
            assert [(each.key, each.value) for each in h.take()] == [(1, 2)]
            h.send(items, "c")
            h.advance("1d")
            assert starts(h.take()) == [10]


def test_an_item_in_an_async_step_is_not_overtaken_by_the_clock() -> None:
    @pipe(concurrency=2)
    async def slow(word: str) -> str:
        await h.clock.sleep(25)
        return word

    items = Input[str]("items")
    stream = Stream.read(items).processing_time().through(slow).window(Tumbling("10s")).aggregate(agg.count())
    with Harness(stream, now=0) as h:
        h.send(items, "a")
        h.advance("24s")
        assert h.take() == []
        h.advance("1s")
        assert [each.value for each in h.take()] == [1]
        assert h.late == []


def test_ingestion_time_stays_with_the_item() -> None:
    @pipe(concurrency=2)
    async def slow(word: str) -> str:
        await h.clock.sleep(25)
        return word

    items = Input[str]("items")
    read = Stream.read(items).processing_time()
    with Harness(read.through(slow).window(Tumbling("10s")).collect(), now=0) as h:
        h.send(items, "a")
        h.end()
        assert starts(h.output) == [0]
    with Harness(read.through(slow).processing_time().window(Tumbling("10s")).collect(), now=0) as h:
        h.send(items, "a")
        h.end()
        assert starts(h.output) == [20]


def test_a_later_event_time_replaces_an_earlier_one() -> None:
    items = Input[int]("items")
    stream = Stream.read(items).event_time(lambda n: n * SECOND).event_time(lambda n: -n * SECOND, out_of_order="1h")
    with Harness(stream.window(Tumbling("10s")).collect()) as h:
        for second in (5, 55, 6):
            h.send(items, second)
        h.end()
        assert starts(h.output) == [-60, -10]


def test_the_source_must_know_times_where_nothing_else_says_them() -> None:
    flow = Stream.read([1]).event_time().window(Tumbling("1s")).collect().write([])
    with pytest.raises(DefinitionError, match="give event_time a function"):
        flow.run()


def test_streams_are_routed_to_the_first_predicate_that_holds() -> None:
    items = Input[int]("items")
    small, even, rest = Stream.read(items).route(lambda n: n < 3, lambda n: n % 2 == 0)
    tagged = small.map(lambda n: ("small", n)).merge(even.map(lambda n: ("even", n)), rest.map(lambda n: ("rest", n)))
    with Harness(tagged) as h:
        for number in range(6):
            h.send(items, number)
        assert h.take() == [("small", 0), ("small", 1), ("small", 2), ("rest", 3), ("even", 4), ("rest", 5)]
    with Harness(even) as h:
        for number in range(6):
            h.send(items, number)
        assert h.take() == [4]
        assert h.ledger.steps["route"].filtered == 5
    with pytest.raises(DefinitionError, match="at least one"):
        Stream.read([1]).route()
