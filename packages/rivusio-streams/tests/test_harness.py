"""The testing kit, tested as its users use it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import anyio
import pytest

from rivusio_core import BadRecord, pipe
from rivusio_core.errors import ConfigError, DefinitionError, PipeError
from rivusio_streams import RunConfig, Stream, Tumbling, agg
from rivusio_streams.testing import Deadlock, Harness, Input, Sent, shuffle_check

SECOND = 1_000_000


def counted(source: Input[str], **settings: Any) -> Any:
    return Stream.read(source).key_by(lambda word: word).window(Tumbling("10s"), **settings).aggregate(agg.count())


def test_each_call_returns_when_all_is_computed() -> None:
    words = Input[str]("words")
    with Harness(Stream.read(words).map(str.upper)) as h:
        h.send(words, "a")
        assert h.take() == ["A"]
        assert h.take() == []
        h.send(words, "b")
        assert h.take() == ["B"]
        assert h.output == ["A", "B"]


def test_times_may_be_datetimes_or_microseconds() -> None:
    words = Input[str]("words")
    with Harness(counted(words)) as h:
        h.send(words, "a", at=datetime(1970, 1, 1, 0, 0, 3, tzinfo=UTC))
        h.send(words, "a", at=4 * SECOND)
        h.send(words, "b", at=10 * SECOND)
        assert [(each.key, each.value) for each in h.take()] == [("a", 2)]


def test_a_missing_time_is_an_error_only_where_one_is_needed() -> None:
    words = Input[str]("words")
    with Harness(counted(words)) as h, pytest.raises(DefinitionError, match="say when the item happened"):
        h.send(words, "a")
    timed = Stream.read(words).event_time(lambda word: len(word) * SECOND).window(Tumbling("10s")).collect()
    with Harness(timed) as h:
        h.send(words, "a")
        h.end()
        assert [each.value for each in h.take()] == [["a"]]


def test_manual_watermarks_are_left_to_the_test() -> None:
    words = Input[str]("words", partitions=2, watermarks="manual")
    with Harness(counted(words)) as h:
        h.send(words, "a", at=5 * SECOND)
        h.send(words, "a", at=500 * SECOND)
        h.send(words, "a", at=6 * SECOND, partition=1)
        assert h.take() == []
        h.watermark(words, 10 * SECOND, partition=0)
        assert h.take() == []
        h.watermark(words, 10 * SECOND - 1, partition=1)
        assert h.take() == []
        h.watermark(words, 10 * SECOND)
        assert [each.value for each in h.take()] == [2]
        h.watermark(words, 9 * SECOND)  # never goes back
        h.send(words, "a", at=9 * SECOND)
        assert h.late == ["a"]


def test_manual_watermarks_stay_manual_behind_event_time() -> None:
    numbers = Input[int]("numbers", watermarks="manual")
    stream = Stream.read(numbers).event_time(lambda n: n * SECOND).window(Tumbling("10s")).collect()
    with Harness(stream) as h:
        h.send(numbers, 5)
        h.send(numbers, 50)
        assert h.take() == []
        h.watermark(numbers, 10 * SECOND)
        assert [each.value for each in h.take()] == [[5]]


def test_watermarks_are_refused_for_inputs_that_make_their_own() -> None:
    words = Input[str]("words")
    with Harness(counted(words)) as h, pytest.raises(DefinitionError, match="watermarks='manual'"):
        h.watermark(words, 5)


def test_an_idle_partition_holds_nobody_back() -> None:
    words = Input[str]("words", partitions=2)
    with Harness(counted(words)) as h:
        h.send(words, "a", at=1 * SECOND)
        h.send(words, "a", at=20 * SECOND)
        assert h.take() == []
        h.idle(words, partition=1)
        assert [each.value for each in h.take()] == [1]
        h.send(words, "b", at=2 * SECOND, partition=1)  # awake again, and too late
        assert h.late == ["b"]


def test_advance_moves_the_clock_and_makes_partitions_idle() -> None:
    words = Input[str]("words", partitions=2)
    stream = Stream.read(words).event_time(idle_after="30s").window(Tumbling("10s")).aggregate(agg.count())
    for restarts in (0, 1, 3):
        with Harness(stream, interleave_restarts=restarts) as h:
            h.send(words, "a", at=1 * SECOND)
            h.advance("20s")
            h.send(words, "a", at=20 * SECOND)
            h.advance("9s")
            assert h.take() == []
            h.advance("1s")
            assert [each.value for each in h.take()] == [1]


def test_a_day_takes_no_time() -> None:
    @pipe
    async def slow(word: str) -> str:
        await h.clock.sleep(86_400)
        return word

    words = Input[str]("words")
    with Harness(Stream.read(words).through(slow)) as h:
        h.send(words, "a")
        assert h.take() == []
        h.advance("23h")
        assert h.take() == []
        h.advance("1h")
        assert h.take() == ["a"]


def test_end_lets_time_pass_until_all_is_done() -> None:
    words = Input[str]("words")
    with Harness(Stream.read(words).batch(3, within="1h")) as h:
        h.send(words, "a")
        h.end()
        assert h.take() == [["a"]]


def test_single_inputs_can_end() -> None:
    left, right = Input[str]("left"), Input[str]("right")
    merged = Stream.read(left).merge(Stream.read(right)).window(Tumbling("10s")).aggregate(agg.count())
    with Harness(merged) as h:
        h.send(left, "a", at=5 * SECOND)
        h.send(right, "b", at=100 * SECOND)
        assert h.take() == []
        h.end(left)
        assert [each.value for each in h.take()] == [1]
        h.end()
        assert [each.value for each in h.take()] == [1]


@pytest.mark.parametrize("restarts", [0, 1, 3])
def test_restarts_keep_everything(restarts: int) -> None:
    words = Input[str]("words", partitions=2)
    read = Stream.read(words).event_time(out_of_order="5s", idle_after="1m")
    long, short = read.split(lambda word: len(word) > 1)
    stream = long.merge(short).key_by(lambda word: word).window(Tumbling("10s"), allowed_lateness="5s").collect()
    batched = stream.batch(2)
    with Harness(batched, interleave_restarts=restarts) as h:
        for number in range(40):
            h.send(words, "ab"[: 1 + number % 2], at=number * SECOND, partition=number % 2)
        h.idle(words, partition=1)
        h.send(words, "a", at=41 * SECOND)
        h.send(words, "a", at=34 * SECOND)
        h.send(words, "a", at=21 * SECOND)
        h.end()
        values = [
            (each.key, each.window.start.second, len(each.value), each.pane.index) for pair in h.output for each in pair
        ]
        assert values == [
            ("a", 0, 5, 0),
            ("ab", 0, 5, 0),
            ("a", 10, 5, 0),
            ("ab", 10, 5, 0),
            ("a", 20, 5, 0),
            ("ab", 20, 5, 0),
            ("a", 30, 6, 0),
            ("ab", 30, 5, 0),
            ("a", 40, 1, 0),
        ]
        assert h.late == ["a"]
        assert h.ledger.steps["collect"].taken == 43
        assert h.ledger.steps["collect"].late == 1


def test_a_restart_reads_nothing_twice_and_writes_nothing_twice() -> None:
    words, written = Input[str]("words"), list[str]()
    with Harness(Stream.read(words).write(written)) as h:
        h.send(words, "a")
        h.restart()
        h.send(words, "b")
        h.restart()
        h.restart()
    assert written == ["a", "b"]
    assert h.output == ["a", "b"]


def test_state_of_the_thrown_away_run_is_not_shared_with_the_next() -> None:
    words = Input[str]("words")
    stream = Stream.read(words).window(Tumbling("10s")).aggregate(agg.collect(lambda word: [word]))
    with Harness(stream) as h:
        h.send(words, "a", at=1)
        run = h._run
        h.restart()
        assert run is not h._run
        h.send(words, "b", at=2)
        h.end()
        assert [each.value for each in h.take()] == [[["a"], ["b"]]]


def test_items_in_flight_leave_before_a_restart() -> None:
    @pipe(concurrency=4)
    async def slow(word: str) -> str:
        await h.clock.sleep(5)
        return word

    words = Input[str]("words")
    with Harness(Stream.read(words).through(slow)) as h:
        h.send(words, "a")
        h.send(words, "b")
        assert h.take() == []
        h.restart()
        assert h.take() == ["a", "b"]


def test_errors_of_the_run_are_raised_where_they_are_caused() -> None:
    words = Input[str]("words")
    with Harness(Stream.read(words).map(int)) as h:
        h.send(words, "1")
        with pytest.raises(PipeError, match="int"):
            h.send(words, "one")
        assert h.take() == [1]


def test_dead_letters_are_kept() -> None:
    @pipe(on_error="dead_letter")
    def parse(word: str) -> int:
        if not word.isdigit():
            raise BadRecord("no number")
        return int(word)

    words = Input[str]("words")
    with Harness(Stream.read(words).through(parse)) as h:
        h.send(words, "1")
        h.send(words, "one")
        assert [each.step for each in h.dead_letters] == ["parse"]
        assert h.ledger.steps["parse"].dead == 1
        assert h.ledger.unaccounted == 0


def test_a_deadlock_is_told_with_the_names_of_who_waits() -> None:
    @pipe(concurrency=2)
    async def stuck(word: str) -> str:
        await anyio.Event().wait()
        return word

    words = Input[str]("words")
    with Harness(Stream.read(words).through(stuck)) as h:
        h.send(words, "a")
        with pytest.raises(Deadlock, match="in stuck") as raised:
            h.end()
    assert any("the run" in line for line in raised.value.waiting)


def test_a_step_that_takes_nothing_more_is_a_deadlock_at_once() -> None:
    @pipe
    async def stuck(word: str) -> str:
        await anyio.Event().wait()
        return word

    words = Input[str]("words")
    with Harness(Stream.read(words).through(stuck)) as h, pytest.raises(Deadlock, match="in stuck"):
        h.send(words, "a")


def test_flows_write_to_their_own_sinks_too() -> None:
    words, first, late = Input[str]("words"), list[Any](), list[str]()
    windows = Stream.read(words).window(Tumbling("10s"), late_to=late).aggregate(agg.count())
    with Harness(windows.write(first)) as h:
        h.send(words, "a", at=5 * SECOND)
        h.send(words, "b", at=15 * SECOND)
        h.send(words, "c", at=5 * SECOND)
        assert h.output == first
        assert [each.value for each in first] == [1]
        assert h.late == late == ["c"]


def test_inputs_that_are_not_read_are_refused() -> None:
    words, other = Input[str]("words"), Input[str]("other")
    with Harness(Stream.read(words)) as h, pytest.raises(DefinitionError, match="does not read"):
        h.send(other, "a")


@pytest.mark.parametrize("settings", [{"partitions": 0}, {"watermarks": "some"}])
def test_wrong_inputs_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(settings))):
        Input("words", **settings)


def test_it_says_so_where_a_loop_runs_already() -> None:
    async def main() -> None:
        with pytest.raises(DefinitionError, match="not async"), Harness(Stream.read(Input[str]())):
            pass

    asyncio.run(main())


def test_the_wall_clock_can_be_set() -> None:
    words = Input[str]("words")
    stream = Stream.read(words).processing_time().window(Tumbling("1m")).aggregate(agg.count())
    with Harness(stream, now=datetime(2024, 2, 29, 12, 0, 30, tzinfo=UTC)) as h:
        h.send(words, "a")
        h.advance("29s")
        assert h.take() == []
        h.advance("1s")
        [only] = h.take()
        assert only.window.start == datetime(2024, 2, 29, 12, 0, tzinfo=UTC)
        h.advance("1d")
        assert h.take() == []


def test_sources_beside_inputs_go_on_where_they_were() -> None:
    words = Input[str]("words")
    with Harness(Stream.read(words).merge(Stream.read(["x", "y"]))) as h:
        assert h.take() == ["x", "y"]
        h.restart()
        h.send(words, "a")
        assert h.take() == ["a"]
        h.end()


def test_shuffle_check_passes_where_the_order_of_arrival_does_not_show() -> None:
    words = Input[str]("words")

    @pipe
    async def through(word: str) -> str:
        await anyio.lowlevel.checkpoint()
        return word

    stream = (
        Stream.read(words).event_time(out_of_order="7s").through(through).key_by(len).window(Tumbling("10s")).collect()
    )
    events = [Sent(words, "abc"[: 1 + n % 3], n * SECOND) for n in range(60)]
    results = shuffle_check(stream, events, rounds=10)
    assert sum(len(each.value) for each in results) == 60


def test_shuffle_check_finds_what_depends_on_the_order_of_arrival() -> None:
    words = Input[int]("words")
    seen = list[int]()

    def running(number: int) -> int:
        seen.append(number)
        return sum(seen[-2:])

    stream = Stream.read(words).event_time(out_of_order="7s").map(running)
    with pytest.raises(AssertionError, match="gave something else"):
        shuffle_check(stream, [Sent(words, n, n * SECOND) for n in range(30)])


def test_the_settings_of_a_run_are_heeded() -> None:
    words = Input[str]("words")
    letters = list[Any]()
    parse = Stream.read(words).map(int, on_error="dead_letter")
    with Harness(parse, config=RunConfig(name="mine", dead_letters=letters)) as h:
        h.send(words, "one")
    assert len(letters) == 1
    assert h.dead_letters == []
