"""Tumbling windows of event time, as SEMANTICS says."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest
from doubles import SECOND, Event, Fed, Partitions, at, key, micros, shown

from rivusio_core.errors import BadRecord, ConfigError, DefinitionError, PipeError
from rivusio_streams import Aggregator, Flow, Pane, RunConfig, Stream, Tumbling, Window, Windowed, agg
from rivusio_streams.report import Report
from rivusio_streams.stream import Stream as AnyStream


def counted(
    events: Iterable[Event], size: str = "10s", *, chunk: int = 1024, **settings: Any
) -> tuple[list[Windowed[str, int]], list[Event], Report]:
    out: list[Windowed[str, int]] = []
    late: list[Event] = []
    bound = settings.pop("out_of_order", 0)
    offset = settings.pop("offset", 0)
    stream = Stream.read(list(events)).event_time(micros, out_of_order=bound).key_by(key)
    windows = stream.window(Tumbling(size, offset=offset), late_to=late, **settings)
    report = windows.aggregate(agg.total(lambda e: e.value)).write(out).run(RunConfig(chunk=chunk))
    return out, late, report


def test_windows_are_half_open() -> None:
    out, _, _ = counted([Event(0), Event(9.999999), Event(10), Event(19.999999), Event(20)])
    assert shown(out) == [("a", 0, 2), ("a", 10, 2), ("a", 20, 1)]


def test_a_result_says_key_window_value_and_pane() -> None:
    out, _, _ = counted([Event(12, "x", 5)])
    assert out == [Windowed("x", Window(at(10), at(20)), 5, Pane(0, "on_time"))]
    assert out[0].window.start.tzinfo is UTC


def test_negative_times_fall_into_windows_before_zero() -> None:
    out, _, _ = counted([Event(-0.000001), Event(-10), Event(-10.000001)], out_of_order="1h")
    assert shown(out) == [("a", -20, 1), ("a", -10, 2)]


def test_the_offset_shifts_windows_to_both_sides_of_zero() -> None:
    out, _, _ = counted([Event(-6), Event(-4), Event(4), Event(6)], offset="5s")
    assert shown(out) == [("a", -15, 1), ("a", -5, 2), ("a", 5, 1)]
    same, _, _ = counted([Event(-6), Event(-4), Event(4), Event(6)], offset="-15s")
    assert same == out


def test_far_away_windows_lose_nothing() -> None:
    first = datetime(1, 1, 1, tzinfo=UTC)
    last = datetime(9999, 12, 31, tzinfo=UTC)
    out: list[Windowed[None, int]] = []
    days = Stream.read([first, datetime(1969, 12, 31, 23, tzinfo=UTC), last - timedelta(days=1)])
    days.event_time(lambda d: d).window(Tumbling("1d")).aggregate(agg.count()).write(out).run()
    assert [(each.window.start, each.value) for each in out] == [
        (first, 1),
        (datetime(1969, 12, 31, tzinfo=UTC), 1),
        (last - timedelta(days=1), 1),
    ]


def test_results_come_by_end_then_by_first_seen_key() -> None:
    events = [
        Event(11, "b"),
        Event(3, "z"),
        Event(12, "a"),
        Event(5, "y"),
        Event(13, "z"),
        Event(4, "z"),
        Event(60, "q"),
    ]
    out, _, _ = counted(events, out_of_order="30s")
    assert shown(out) == [("z", 0, 2), ("y", 0, 1), ("b", 10, 1), ("a", 10, 1), ("z", 10, 1), ("q", 60, 1)]


@pytest.mark.parametrize("chunk", [1, 2, 3, 1024])
def test_lateness_is_judged_item_by_item(chunk: int) -> None:
    events = [Event(5), Event(10), Event(9), Event(11), Event(8, "b")]
    out, late, report = counted(events, chunk=chunk)
    assert shown(out) == [("a", 0, 1), ("a", 10, 2)]
    assert late == [Event(9), Event(8, "b")]
    assert report.steps["aggregate"].late == 2


@pytest.mark.parametrize("chunk", [1, 2, 3, 1024])
def test_a_filtered_item_moves_the_watermark(chunk: int) -> None:
    out: list[Windowed[None, int]] = []
    late: list[Event] = []
    events = [Event(5), Event(25, "no"), Event(6), Event(7)]
    stream = Stream.read(events).event_time(micros).filter(lambda e: e.key != "no")
    stream.window(Tumbling("10s"), late_to=late).aggregate(agg.count()).write(out).run(RunConfig(chunk=chunk))
    assert shown(out) == [(None, 0, 1)]
    assert late == [Event(6), Event(7)]


def test_late_items_are_counted_without_a_place_for_them() -> None:
    out: list[Windowed[None, int]] = []
    stream = Stream.read([Event(5), Event(30), Event(6)]).event_time(micros)
    report = stream.window(Tumbling("10s")).aggregate(agg.count()).write(out).run()
    assert report.steps["aggregate"].late == 1
    assert sum(each.value for each in out) == 2


def test_out_of_orderness_is_allowed_up_to_its_bound() -> None:
    events = [Event(15), Event(5), Event(15.000001), Event(4.999999)]
    out, late, _ = counted(events, out_of_order="5s")
    assert shown(out) == [("a", 10, 2)]
    assert [each.time for each in late] == [5, 4.999999]  # the watermark is 10 s, the end of their window
    events = [Event(14.999999), Event(5), Event(15), Event(4)]
    out, late, _ = counted(events, out_of_order="5s")
    assert shown(out) == [("a", 0, 1), ("a", 10, 2)]
    assert [each.time for each in late] == [4]


@pytest.mark.parametrize("chunk", [1, 2, 1024])
def test_allowed_lateness_gives_late_panes_at_once(chunk: int) -> None:
    events = [Event(5), Event(11), Event(6), Event(7), Event(14), Event(8), Event(15), Event(9)]
    out, late, _ = counted(events, allowed_lateness="5s", chunk=chunk)
    assert [(w.window.start.timestamp(), w.value, w.pane) for w in out] == [
        (0, 1, Pane(0, "on_time")),
        (0, 2, Pane(1, "late")),
        (0, 3, Pane(2, "late")),
        (0, 4, Pane(3, "late")),
        (10, 3, Pane(0, "on_time")),
    ]
    assert late == [Event(9)]


def test_discarding_panes_hold_only_what_none_held_before() -> None:
    events = [Event(5), Event(11), Event(6, value=10), Event(7, value=100)]
    out, _, _ = counted(events, allowed_lateness="5s", accumulate=False)
    assert [(w.value, w.pane.index) for w in out] == [(1, 0), (10, 1), (100, 2), (1, 0)]


def test_a_late_item_of_a_new_key_or_window_gives_a_first_late_pane() -> None:
    events = [Event(25), Event(19, "new"), Event(18, "other"), Event(17, "new")]
    out, late, _ = counted(events, allowed_lateness="10s")
    assert [(w.key, w.window.start.timestamp(), w.value, w.pane) for w in out] == [
        ("new", 10, 1, Pane(0, "late")),
        ("other", 10, 1, Pane(0, "late")),
        ("new", 10, 2, Pane(1, "late")),
        ("a", 20, 1, Pane(0, "on_time")),
    ]
    assert late == []


def test_a_quiet_key_is_closed_by_others() -> None:
    out, _, _ = counted([Event(1, "quiet"), Event(2, "busy"), Event(11, "busy")])
    assert shown(out)[:2] == [("quiet", 0, 1), ("busy", 0, 1)]


def test_values_are_in_order_of_time_then_arrival() -> None:
    out: list[Windowed[None, list[int]]] = []
    events = [Event(3, value=1), Event(1, value=2), Event(3, value=3), Event(2, value=4), Event(1, value=5)]
    stream = Stream.read(events).event_time(micros, out_of_order="10s").window(Tumbling("10s"))
    stream.aggregate(agg.collect(lambda e: e.value)).write(out).run()
    assert out[0].value == [2, 5, 4, 1, 3]


def test_an_own_aggregator_sees_values_in_order() -> None:
    class Concat(Aggregator[Event, str, str]):
        def create(self) -> str:
            return ""

        def add(self, accumulator: str, value: Event) -> str:
            return accumulator + value.key

        def merge(self, left: str, right: str) -> str:
            return left + right

        def result(self, accumulator: str) -> str:
            return accumulator

    out: list[Windowed[None, str]] = []
    stream = Stream.read([Event(3, "c"), Event(1, "a"), Event(2, "b")]).event_time(micros, out_of_order="10s")
    stream.window(Tumbling("10s")).aggregate(Concat()).write(out).run()
    assert out[0].value == "abc"


def test_windows_of_windows() -> None:
    """The event time of a result is the last microsecond of its window."""
    out: list[Windowed[None, list[int]]] = []
    events = [Event(t) for t in (1, 11, 12, 21, 59.9, 60, 61, 119, 121)]
    tens = Stream.read(events).event_time(micros).window(Tumbling("10s")).aggregate(agg.count())
    report = tens.window(Tumbling("1m")).aggregate(agg.collect(lambda w: w.value)).write(out).run(RunConfig(chunk=1))
    assert shown(out) == [(None, 0, [1, 2, 1, 1]), (None, 60, [2, 1]), (None, 120, [1])]
    assert report.steps["aggregate-2"].late == 0


def test_a_second_event_time_replaces_the_first() -> None:
    out: list[Windowed[None, int]] = []
    stream = (
        Stream.read([Event(1), Event(100), Event(2)])
        .event_time(micros)
        .event_time(lambda e: e.micros - SECOND, out_of_order="2h")
    )
    report = stream.window(Tumbling("10s")).aggregate(agg.count()).write(out).run()
    assert shown(out) == [(None, 0, 2), (None, 90, 1)]
    assert report.steps["aggregate"].late == 0


def test_merged_streams_wait_for_the_slower_one() -> None:
    out: list[Windowed[None, int]] = []
    fast = Stream.read([Event(t) for t in range(100)]).event_time(micros)
    slow = Stream.read([Event(t) for t in range(0, 100, 10)]).event_time(micros)
    stream = fast.merge(slow).window(Tumbling("50s")).aggregate(agg.count())
    report = stream.write(out).run(RunConfig(chunk=5))
    assert shown(out) == [(None, 0, 55), (None, 50, 55)]
    assert report.steps["aggregate"].late == 0


def test_merging_with_a_stream_without_times_drops_times() -> None:
    timed, plain = Stream.read([1]).event_time(lambda n: n), Stream.read([2])
    out: list[int] = []
    timed.merge(plain).write(out).run()
    assert sorted(out) == [1, 2]
    with pytest.raises(DefinitionError, match=r"say \.event_time"):
        timed.merge(plain).window(Tumbling("1s")).aggregate(agg.count()).write([]).run()


# ----------------------------------------------------------------------- stop, partitions, concurrency


@pytest.mark.anyio
async def test_a_stop_is_no_end_of_input() -> None:
    source, out, stop = Fed[Event](), list[Any](), anyio.Event()
    seen = anyio.Event()

    def note(event: Event) -> int:
        if event.time == 12:
            seen.set()
        return event.micros

    flow = Stream.read(source).event_time(note).window(Tumbling("10s")).aggregate(agg.count()).write(out)
    async with anyio.create_task_group() as group:

        async def run() -> None:
            report = await flow.arun(stop=stop)
            assert report.stopped
            assert report.steps["aggregate"].held == 2

        group.start_soon(run)
        await source.send.send([Event(1), Event(11), Event(12)])
        await seen.wait()
        stop.set()
    assert shown(out) == [(None, 0, 1)]
    assert source.acknowledged == []  # what the open window holds has reached no sink


@pytest.mark.anyio
@pytest.mark.parametrize("chunk", [1, 3, 1024])
async def test_the_slowest_partition_counts(chunk: int) -> None:
    source = Partitions([[Event(t) for t in range(40)], [Event(t) for t in range(0, 40, 10)], []], lot=2)
    out: list[Windowed[None, int]] = []
    stream = Stream.read(source).event_time(micros).window(Tumbling("20s")).aggregate(agg.count())
    report = await stream.write(out).arun(RunConfig(chunk=chunk))
    assert shown(out) == [(None, 0, 22), (None, 20, 22)]
    assert report.steps["aggregate"].late == 0
    assert sorted(source.closed) == ["0", "1", "2"]


@pytest.mark.anyio
@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("chunk", [1, 4, 1024])
async def test_a_watermark_does_not_overtake_async_steps(ordered: bool, chunk: int) -> None:
    """Items become ready in another order; what is late and what is counted stays the same."""
    events = [Event(t) for t in (1, 2, 12, 3, 13, 25, 14, 26, 40, 24)]

    async def shuffle(event: Event) -> Event:
        for _ in range(int(event.time * 7) % 11):
            await anyio.lowlevel.checkpoint()
        return event

    out: list[Windowed[None, list[float]]] = []
    late: list[Event] = []
    stream = Stream.read(events).event_time(micros).map(shuffle, concurrency=4, ordered=ordered)
    flow = stream.window(Tumbling("10s"), late_to=late).aggregate(agg.collect(lambda e: e.time)).write(out)
    await flow.arun(RunConfig(chunk=chunk))
    assert shown(out) == [(None, 0, [1, 2]), (None, 10, [12, 13]), (None, 20, [25, 26]), (None, 40, [40])]
    assert late == [Event(3), Event(14), Event(24)]


# -------------------------------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Tumbling(0), "size"),
        (lambda: Tumbling("-1s"), "size"),
        (lambda: Tumbling("soon"), "size"),
        (lambda: Tumbling("1s", offset="x"), "offset"),
        (lambda: Stream.read([1]).event_time(lambda n: n, out_of_order="-1s"), "out_of_order"),
        (lambda: Stream.read([1]).event_time(lambda n: n, idle_after=0), "idle_after"),
        (lambda: Stream.read([1]).event_time(lambda n: n, max_future="-1s"), "max_future"),
        (lambda: Stream.read([1]).window(Tumbling("1s"), allowed_lateness="-1s"), "allowed_lateness"),
        (lambda: Stream.read([1]).window("1m"), "windows"),  # type: ignore[arg-type]
        (lambda: agg.quantile(1.5), "q"),
        (lambda: agg.top(0), "n"),
        (lambda: agg.combine(Event, tmie=agg.count(), key=agg.count()), "tmie"),
        (lambda: agg.combine(Event, key=agg.count()), "time"),
    ],
)
def test_wrong_specifications_name_the_field(make: Any, field: str) -> None:
    with pytest.raises(ConfigError, match=field):
        make()


def test_windows_need_times() -> None:
    stream: AnyStream[int] = Stream.read([1])
    flow = stream.key_by(str).window(Tumbling("1s")).aggregate(agg.count()).write([])
    assert not flow.check().ok
    with pytest.raises(DefinitionError, match=r"aggregate: windows need to know .* \.event_time"):
        flow.run()


@pytest.mark.parametrize("time", [datetime(2024, 1, 1), "2024-01-01", 1.5, 10**18, None, True])  # noqa: DTZ001
def test_a_wrong_time_is_an_error_that_says_so(time: object) -> None:
    out: list[object] = []
    flow = Stream.read([1, 2, 3]).event_time(lambda n: 5 if n < 3 else time).write(out)  # type: ignore[arg-type,return-value]
    with pytest.raises(
        PipeError, match=r"pipe 'event_time' failed on item 2: .*(naive|aware datetime|years 1 to 9999)"
    ):
        flow.run()
    assert out == [1, 2]


def test_a_bad_record_in_a_key_is_skipped_or_a_dead_letter() -> None:
    def odd_only(number: int) -> int:
        if number % 2 == 0:
            raise BadRecord("even")
        return number

    def flow(out: list[Any]) -> Flow:
        stream = Stream.read(range(5)).event_time(lambda n: n * SECOND).key_by(odd_only)
        return stream.window(Tumbling("1m")).aggregate(agg.count()).write(out)

    out: list[Any] = []
    report = flow(out).run()
    assert report.steps["key_by"].skipped == 3
    assert [each.key for each in out] == [1, 3]
    letters: list[Any] = []
    report = flow([]).run(RunConfig(dead_letters=letters))
    assert report.steps["key_by"].dead == 3
    assert [(each.value, each.step, each.position, each.time) for each in letters] == [
        (0, "key_by", 0, at(0)),
        (2, "key_by", 2, at(2)),
        (4, "key_by", 4, at(4)),
    ]


def test_an_unhashable_key_fails_the_run() -> None:
    stream = Stream.read([1]).event_time(lambda n: n).key_by(lambda n: [n])
    with pytest.raises(PipeError, match="pipe 'aggregate' failed on item 0: TypeError"):
        stream.window(Tumbling("1m")).aggregate(agg.count()).write([]).run()


def test_a_failing_aggregator_names_step_and_item_and_a_bad_record_is_skipped() -> None:
    def amount(event: Event) -> int:
        if event.value < 0:
            raise BadRecord("negative")
        return 10 // event.value

    out: list[Windowed[None, int]] = []
    events = [Event(1), Event(2, value=-1), Event(3, value=2)]
    stream = Stream.read(events).event_time(micros).window(Tumbling("1m")).aggregate(agg.total(amount))
    report = stream.write(out).run()
    assert (shown(out), report.steps["aggregate"].skipped) == ([(None, 0, 15)], 1)
    broken = Stream.read([Event(1), Event(2, value=0)]).event_time(micros).window(Tumbling("1m"))
    with pytest.raises(PipeError, match="pipe 'aggregate' failed on item 1: ZeroDivisionError"):
        broken.aggregate(agg.total(amount)).write([]).run()
