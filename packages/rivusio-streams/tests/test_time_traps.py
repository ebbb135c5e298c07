"""Traps of event time that other engines fell into, by their public issues: here each is a test."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from rivusio_core import pipe
from rivusio_streams import (
    EarlyCount,
    EarlyEvery,
    Global,
    Hopping,
    RunConfig,
    Session,
    Sliding,
    Stream,
    Tumbling,
    Windowed,
    Windows,
    agg,
)
from rivusio_streams.keyed import KeyedStream
from rivusio_streams.testing import Harness, Input, Sent, shuffle_check

SECOND = 1_000_000
Item = tuple[str, int]
"""Key and second."""


def key(item: Item) -> str:
    return item[0]


def second(item: Item) -> int:
    return item[1] * SECOND


def values(results: Sequence[Windowed[Any, Any]]) -> list[tuple[Any, Any]]:
    return [(each.key, each.value) for each in results]


def timed(items: Input[Item], **settings: Any) -> KeyedStream[str, Item]:
    return Stream.read(items).event_time(second, **settings).key_by(key)


# ------------------------------------------------------------------------------------------- windows that must close


def test_a_quiet_stream_closes_its_last_window_at_its_end() -> None:
    """quixio/quix-streams#790: when a stream goes quiet its last windows never close."""
    items = Input[Item]("items")
    with Harness(timed(items).window(Tumbling("10s")).aggregate(agg.count())) as h:
        h.send(items, ("a", 1))
        assert h.take() == []
        h.end()
        assert values(h.take()) == [("a", 1)]


def test_a_quiet_partition_has_its_last_window_closed_by_the_others() -> None:
    """quixio/quix-streams#790: when a stream goes quiet its last windows never close."""
    items = Input[Item]("items", partitions=2)
    with Harness(timed(items, idle_after="30s").window(Tumbling("10s")).aggregate(agg.count())) as h:
        h.send(items, ("quiet", 1))
        h.advance("20s")
        h.send(items, ("busy", 40), partition=1)
        assert h.take() == []
        h.advance("10s")
        assert values(h.take()) == [("quiet", 1)]


@pytest.mark.parametrize("restarts", [0, 1, 3])
def test_a_quiet_stream_closes_its_last_window_by_the_clock(restarts: int) -> None:
    """quixio/quix-streams#790; and windows of rivusio 0.2 fired only when the next item arrived."""
    items = Input[str]("items")
    stream = Stream.read(items).processing_time().key_by(lambda word: word)
    with Harness(stream.window(Session("10s")).aggregate(agg.count()), now=0, interleave_restarts=restarts) as h:
        h.send(items, "a")
        h.advance("9999ms")
        assert h.take() == []
        h.advance("1ms")
        assert values(h.take()) == [("a", 1)]


@pytest.mark.parametrize("windows", [Tumbling("10s"), Hopping("10s", "5s"), Session("10s"), Sliding("10s"), Global()])
def test_a_result_is_seen_though_nothing_follows(windows: Windows) -> None:
    """quixio/quix-streams#790: a trigger by the clock waits for no item and for no watermark."""
    items = Input[Item]("items")
    stream = timed(items).window(windows, trigger=EarlyEvery("1m"))
    with Harness(stream.aggregate(agg.count())) as h:
        h.send(items, ("a", 7))
        h.advance("59999ms")
        assert h.take() == []
        h.advance("1h")
        early = h.take()
        assert early
        assert {(each.key, each.value, each.pane.timing) for each in early} == {("a", 1, "early")}


@pytest.mark.parametrize("windows", [Tumbling("10s"), Hopping("10s", "10s"), Session("5s"), Sliding("10s")])
def test_windows_fire_when_event_time_passes_and_not_when_the_next_item_comes(windows: Windows) -> None:
    """Windows of rivusio 0.2 fired only when the next item arrived."""
    items = Input[Item]("items", watermarks="manual")
    with Harness(timed(items).window(windows).aggregate(agg.count())) as h:
        h.send(items, ("a", 5))
        h.watermark(items, 10 * SECOND)
        assert values(h.take()) == [("a", 1)]


@pytest.mark.parametrize("windows", [Tumbling("10s"), Hopping("10s", "10s"), Session("5s"), Sliding("10s")])
def test_a_quiet_key_closes_with_the_others(windows: Windows) -> None:
    """quixio/quix-streams PR#747: with a watermark of each key, a key that goes quiet stays open for ever."""
    items = Input[Item]("items")
    with Harness(timed(items).window(windows).aggregate(agg.count())) as h:
        h.send(items, ("quiet", 1))
        h.send(items, ("busy", 30))
        assert values(h.take()) == [("quiet", 1)]


def test_one_idle_partition_does_not_hold_the_watermark() -> None:
    """ArroyoSystems/arroyo PR#222: one idle partition holds back the watermark of all."""
    items = Input[Item]("items", partitions=3)
    with Harness(timed(items, idle_after="10s").window(Tumbling("10s")).aggregate(agg.count())) as h:
        for partition in (0, 1):
            h.send(items, ("a", 5), partition=partition)
            h.send(items, ("a", 12), partition=partition)
        assert h.take() == []
        for _ in range(4):
            h.advance("5s")
            for partition in (0, 1):
                h.send(items, ("a", 13), partition=partition)
        assert values(h.take()) == [("a", 2)]


def test_a_partition_that_the_run_holds_back_is_not_idle() -> None:
    """apache/flink FLINK-35886: back pressure is taken for idleness, and then all that was held back is late."""

    @pipe
    async def slow(item: Item) -> Item:
        await h.clock.sleep(3600)
        return item

    items = Input[Item]("items", partitions=2)
    stream = Stream.read(items).event_time(second, idle_after="1s").through(slow).key_by(key)
    with Harness(stream.window(Tumbling("10s")).aggregate(agg.count()), config=RunConfig(chunk=1)) as h:
        for time in (1, 2, 3):
            h.send(items, ("a", time))
        for time in (50, 60, 70):
            h.send(items, ("b", time), partition=1)
        h.end()
        assert h.late == []
        assert values(h.take()) == [("a", 3), ("b", 1), ("b", 1), ("b", 1)]


def test_an_empty_source_ends() -> None:
    """apache/beam#39446: a source that gives nothing leaves the pipeline waiting for ever."""
    empty, items = Input[Item]("empty", partitions=2), Input[Item]("items")
    both = Stream.read(empty).event_time(second).merge(Stream.read(items).event_time(second)).key_by(key)
    with Harness(both.window(Tumbling("10s")).aggregate(agg.count())) as h:
        h.send(items, ("a", 1))
        h.send(items, ("a", 11))
        assert h.take() == []
        h.end(empty)
        assert values(h.take()) == [("a", 1)]
        h.end()
        assert values(h.take()) == [("a", 1)]
    out: list[Windowed[None, list[Item]]] = []
    Stream.read(list[Item]()).event_time(second).window(Session("1s")).collect().write(out).run()
    assert out == []


# ----------------------------------------------------------------------------------------------- what must not be late


def test_one_stamp_in_the_future_makes_nothing_late() -> None:
    """turbolytics/sql-flow#358: one item with a wrong time makes all later ones late."""
    items = Input[Item]("items")
    stream = timed(items, max_future="1m").window(Tumbling("10s")).aggregate(agg.count())
    with Harness(stream, now=0) as h:
        for time in (1, 10**9, 2, 60, 3):
            h.send(items, ("a", time))
        assert values(h.take()) == [("a", 2)]  # 60 is just near enough to be believed
        assert h.late == [("a", 3)]
        h.end()
        assert values(h.take()) == [("a", 1), ("a", 1)]


@pytest.mark.parametrize("ordered", [True, False])
def test_the_watermark_does_not_overtake_items_in_an_async_step(ordered: bool) -> None:
    """ArroyoSystems/arroyo PR#492: watermarks overtake items that are inside of an async function."""

    @pipe(concurrency=4, ordered=ordered)
    async def slow(item: Item) -> Item:
        await h.clock.sleep(100 - item[1])  # the earlier ones take longer
        return item

    items = Input[Item]("items")
    stream = Stream.read(items).event_time(second).through(slow).key_by(key)
    with Harness(stream.window(Tumbling("10s")).aggregate(agg.count())) as h:
        for time in (1, 12, 25, 99):
            h.send(items, ("a", time))
        h.end()
        assert h.late == []
        assert values(h.output) == [("a", 1)] * 4


@pytest.mark.parametrize("chunk", [1, 2, 3, 1024])
@pytest.mark.parametrize("windows", [Tumbling("10s"), Hopping("10s", "10s"), Session("8s")])
def test_lateness_does_not_depend_on_chunks(windows: Windows, chunk: int) -> None:
    """Pathway's documentation of `forget`: what is late depends on how items are cut into micro-batches."""
    sent = [("a", 5), ("a", 20), ("a", 6), ("a", 20), ("a", 9), ("a", 40), ("b", 21), ("a", 41)]
    items = Input[Item]("items")
    with Harness(timed(items).window(windows).aggregate(agg.count()), config=RunConfig(chunk=chunk)) as h:
        h.send_many(items, sent, at=[0] * len(sent))
        assert h.late == [("a", 6), ("a", 9), ("b", 21)]


@pytest.mark.parametrize(
    "windows", [Tumbling("10s"), Hopping("10s", "3s"), Session("4s"), Sliding("7s"), Global()], ids=repr
)
def test_results_vary_neither_from_run_to_run_nor_with_the_order_of_arrival(windows: Windows) -> None:
    """bytewax/bytewax#427: the output of session windows varies from run to run."""
    items = Input[Item]("items")
    stream = timed(items, out_of_order="5s").window(windows).aggregate(agg.collect(lambda item: item[1]))
    events = [
        Sent(items, (name, time), time * SECOND) for name, time in zip("abcab" * 8, range(0, 120, 3), strict=True)
    ]
    first = shuffle_check(stream, events, rounds=10)
    assert first == shuffle_check(stream, events, rounds=1, seed=1)
    assert sum(each.value.count(0) for each in first) >= 1


# ----------------------------------------------------------------------------------------------- where windows end


@pytest.mark.parametrize(("second", "together"), [(9, True), (10, False), (11, False)])
def test_items_as_far_apart_as_the_gap_are_two_sessions(second: int, together: bool) -> None:
    """apache/kafka KAFKA-8289: sessions expire, and merge, one unit of time off."""
    items = Input[str]("items")
    stream = Stream.read(items).event_time(out_of_order="1h").key_by(len).window(Session("10s")).collect()
    with Harness(stream) as h:
        h.send(items, "x", at=0)
        h.send(items, "y", at=second * SECOND)
        h.end()
        assert [each.value for each in h.output] == ([["x", "y"]] if together else [["x"], ["y"]])


def test_a_session_is_over_at_the_very_moment_of_its_end() -> None:
    """apache/kafka KAFKA-8289: sessions expire one unit of time off."""
    items = Input[str]("items", watermarks="manual")
    stream = Stream.read(items).key_by(len).window(Session("10s"), allowed_lateness="5s").aggregate(agg.count())
    with Harness(stream) as h:
        h.send(items, "x", at=0)
        h.watermark(items, 10 * SECOND - 1)
        assert h.take() == []
        h.watermark(items, 10 * SECOND)
        assert [(each.value, each.pane.timing) for each in h.take()] == [(1, "on_time")]
        h.watermark(items, 15 * SECOND - 1)
        h.send(items, "y", at=0)
        assert [(each.value, each.pane.timing) for each in h.take()] == [(2, "late")]
        h.watermark(items, 15 * SECOND)
        h.send(items, "z", at=0)
        assert (h.take(), h.late) == ([], ["z"])


@pytest.mark.parametrize(
    "windows",
    [
        Tumbling("7d", offset=-(10**9)),
        Hopping("3d", "1d", offset=10**10),
        Session("1d"),
        Sliding("1h"),
    ],
    ids=repr,
)
def test_a_far_away_alignment_loses_nothing(windows: Windows) -> None:
    """bytewax/bytewax#413: items are lost where windows are aligned to a time that is far away."""
    times = [datetime(year, 6, 1, 12, 30, tzinfo=UTC) for year in (1, 1582, 1969, 1970, 2024, 9998)]
    items = Input[int]("items")
    with Harness(Stream.read(items).key_by(lambda _: 0).window(windows).collect()) as h:
        for number, time in enumerate(times):
            h.send(items, number, at=time)
        h.end()
        assert h.late == []
        found = {number for each in h.output for number in each.value}
        assert found == set(range(len(times)))
        assert all(each.window.start <= times[number] < each.window.end for each in h.output for number in each.value)


def test_hopping_windows_close_with_the_items_of_all_their_hops() -> None:
    """robinhood/faust#514: a hopping window closes with the items of its last hop only."""
    items = Input[Item]("items")
    stream = timed(items).window(Hopping("30s", "10s")).aggregate(agg.collect(lambda item: item[1]))
    with Harness(stream) as h:
        for time in (5, 15, 25, 35):
            h.send(items, ("a", time))
        h.end()
        assert [each.value for each in h.output] == [[5], [5, 15], [5, 15, 25], [15, 25, 35], [25, 35], [35]]


# --------------------------------------------------------------------------------------------- what is counted twice


@pytest.mark.parametrize("accumulate", [True, False])
@pytest.mark.parametrize("windows", [Tumbling("10s"), Hopping("10s", "10s"), Session("6s")], ids=repr)
def test_a_late_item_after_an_early_pane_is_counted_once(windows: Windows, accumulate: bool) -> None:
    """Quix Streams 3.24 (documentation of early results): what an early pane held is counted again after late data."""
    items = Input[Item]("items")
    stream = timed(items).window(windows, allowed_lateness="1m", trigger=EarlyCount(2), accumulate=accumulate)
    with Harness(stream.aggregate(agg.collect(lambda item: item[1]))) as h:
        for time in (1, 2, 3, 20, 4):
            h.send(items, ("a", time))
        found = [(each.value, each.pane.timing, each.pane.index) for each in h.take()]
        whole = [([1, 2], "early", 0), ([1, 2, 3], "on_time", 1), ([1, 2, 3, 4], "late", 2)]
        parts = [([1, 2], "early", 0), ([3], "on_time", 1), ([4], "late", 2)]
        assert found == (whole if accumulate else parts)


def test_the_end_gives_every_window_once() -> None:
    """Windows, at the end of the input and where it ended before already."""
    one, two = Input[Item]("one"), Input[Item]("two")
    both = Stream.read(one).event_time(second).merge(Stream.read(two).event_time(second)).key_by(key)
    with Harness(both.window(Global()).aggregate(agg.count()), interleave_restarts=True) as h:
        h.send(one, ("a", 1))
        h.send(two, ("a", 2))
        h.end(one)
        assert h.take() == []
        h.end(two)
        h.end()
        assert values(h.take()) == [("a", 2)]


# ------------------------------------------------------------------------------------------------- what stays behind


@pytest.mark.parametrize("trigger", [None, EarlyCount(1) | EarlyEvery("1s", by="event_time")], ids=["", "early"])
@pytest.mark.parametrize(("allowed", "last"), [("0s", 1), ("150s", 3)])
@pytest.mark.parametrize("windows", [Tumbling("10s"), Hopping("10s", "3s"), Session("5s"), Sliding("5s")], ids=repr)
@pytest.mark.parametrize("restarts", [0, 1, 3], ids=["", "restarted", "followed"])
def test_keys_leave_nothing_behind(windows: Windows, allowed: str, last: int, trigger: Any, restarts: int) -> None:
    """bytewax/bytewax#577: something is kept of each session's key for ever."""
    alive = weakref.WeakSet[Key]()

    def made(item: Item) -> Key:
        found = Key(item[0])
        alive.add(found)
        return found

    items = Input[Item]("items")
    windowed = (
        Stream.read(items).event_time(second).key_by(made).window(windows, allowed_lateness=allowed, trigger=trigger)
    )
    with Harness(windowed.aggregate(agg.count()).map(lambda each: each.value), interleave_restarts=restarts) as h:
        for number in range(8):
            h.send(items, (f"key {number}", number * 100))
        assert len(h.take()) >= 7
        gc.collect()
        assert {each.name for each in alive} <= {f"key {number}" for number in range(8 - last, 8)}


class Key:
    """A key of which can be seen whether anybody still knows it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __deepcopy__(self, memo: object) -> Key:
        return self  # so that a restart makes no others
