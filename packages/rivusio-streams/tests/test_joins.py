"""Joins: what they promise, the traps that others fell into, and wrong use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, ClassVar

import pytest
from doubles import at
from join_model import Item, keyed

from rivusio_core.errors import BadRecord, ConfigError, DefinitionError, PipeError
from rivusio_streams import (
    AlignedWindows,
    Count,
    Global,
    Hopping,
    Joined,
    Session,
    Sliding,
    Stream,
    Tumbling,
    Window,
    Windows,
    agg,
)
from rivusio_streams.engine.operator import Operator
from rivusio_streams.engine.operators.made import operator_of
from rivusio_streams.engine.rows import RowBatch
from rivusio_streams.graph import JoinNode, ReadNode
from rivusio_streams.joining import AsofJoin, IntervalJoin, Join, TableJoin, WindowJoin
from rivusio_streams.moment import FOREVER
from rivusio_streams.testing import Harness, Input, Sent, shuffle_check
from rivusio_streams.windows import Span

SECOND = 1_000_000


def item(seconds: float, key: str = "a", value: int | None = 0) -> Item:
    return Item(round(seconds * SECOND), key, 0, value)


def inputs() -> tuple[Input[Item], Input[Item]]:
    return Input[Item]("left"), Input[Item]("right")


def send(h: Harness[Any], source: Input[Item], *items: Item) -> None:
    for each in items:
        h.send(source, each, at=each.time)


def times(results: Sequence[Joined[Any, Item | None, Any]]) -> list[tuple[float | None, float | None]]:
    """Seconds of the left item and of the right one."""

    def second(found: Item | None) -> float | None:
        return None if found is None else found.time / SECOND

    return [(second(each.left), second(each.right)) for each in results]


# ----------------------------------------------------------------------------------------------------------- windows


def test_pairs_are_given_when_the_window_closes_with_its_interval() -> None:
    left, right = inputs()
    with Harness(keyed(left).join(keyed(right), window=Tumbling("10s"))) as h:
        send(h, left, item(1), item(4))
        send(h, right, item(2), item(3))
        assert h.take() == []
        send(h, left, item(10))
        assert h.take() == []  # the right one may still give something
        send(h, right, item(11))
        window = Window(at(0), at(10))
        assert h.take() == [
            Joined("a", item(1), item(2), window),
            Joined("a", item(1), item(3), window),
            Joined("a", item(4), item(2), window),
            Joined("a", item(4), item(3), window),
        ]
        h.end()
        assert h.take() == [Joined("a", item(10), item(11), Window(at(10), at(20)))]


def test_keys_of_a_window_come_in_the_order_of_their_left_items_then_right_items_alone() -> None:
    left, right = inputs()
    with Harness(keyed(left, 10 * SECOND).join(keyed(right, 10 * SECOND), window=Tumbling("10s"), how="outer")) as h:
        send(h, right, item(9, "d"), item(8, "c"), item(1, "a"), item(2, "b"))
        send(h, left, item(7, "a"), item(6, "b"), item(5, "e"), item(6.5, "a"))
        h.end()
        assert [(each.key, *pair) for each, pair in zip(h.output, times(h.output), strict=True)] == [
            ("e", 5, None),
            ("b", 6, 2),
            ("a", 6.5, 1),
            ("a", 7, 1),
            ("c", None, 8),
            ("d", None, 9),
        ]


def test_the_time_of_a_window_join_is_the_last_microsecond_of_its_window() -> None:
    left, right = inputs()
    joined = keyed(left).join(keyed(right), window=Tumbling("10s"))
    with Harness(joined.window(Tumbling("20s")).aggregate(agg.count())) as h:
        send(h, left, item(1), item(11))
        send(h, right, item(2), item(12))
        h.end()
        assert [(each.window, each.value) for each in h.output] == [(Window(at(0), at(20)), 2)]


class Overlapping(AlignedWindows):
    """Two windows for every time."""

    def assign(self, time: int) -> Sequence[Span]:
        start = time - time % SECOND
        return [(start - SECOND, start + SECOND), (start, start + 2 * SECOND)]

    def __repr__(self) -> str:
        return "Overlapping()"


def test_windows_of_ones_own_can_join_and_may_overlap() -> None:
    left, right = inputs()
    with Harness(keyed(left).join(keyed(right), window=Overlapping()), interleave_restarts=True) as h:
        send(h, left, item(0.5))
        send(h, right, item(1.5))
        h.end()
        assert [each.window for each in h.output] == [Window(at(0), at(2))]


def test_a_late_item_of_a_window_join_is_refused_and_counted() -> None:
    left, right = inputs()
    with Harness(keyed(left).join(keyed(right), window=Tumbling("10s"))) as h:
        send(h, left, item(12))
        send(h, right, item(12))
        send(h, left, item(9), item(10))
        h.end()
        assert h.late == [item(9)]
        assert h.ledger.steps["join"].late == 1
        assert times(h.output) == [(10, 12), (12, 12)]


# --------------------------------------------------------------------------------------------------------- intervals


@pytest.mark.parametrize("distance", [-5.000001, -5, 0, 5, 5.000001])
@pytest.mark.parametrize("left_first", [True, False])
def test_both_bounds_of_an_interval_belong_to_it(distance: float, left_first: bool) -> None:
    left, right = inputs()
    with Harness(keyed(left, 60 * SECOND).interval_join(keyed(right, 60 * SECOND), lower="-5s", upper="5s")) as h:
        sent = [(left, item(100)), (right, item(100 + distance))]
        for source, each in sent if left_first else reversed(sent):
            send(h, source, each)
        assert len(h.take()) == (1 if abs(distance) <= 5 else 0)  # at once
        h.end()
        assert h.take() == []


def test_an_unmatched_item_is_given_when_no_partner_can_come_any_more() -> None:
    left, right = inputs()
    with Harness(keyed(left).interval_join(keyed(right), lower="-1s", upper="5s", how="outer")) as h:
        send(h, left, item(10))
        send(h, right, item(10, "b"), item(11.000001, "x"))
        send(h, left, item(11), item(11.000001))
        assert [(each.key, each.left, each.right) for each in h.take()] == [("b", None, item(10, "b"))]
        send(h, right, item(15.000001, "x"))
        send(h, left, item(15))
        assert times(h.take()) == [(None, 11.000001)]  # a right item of 15 s may still come
        send(h, left, item(15.000001))
        assert times(h.take()) == [(10, None)]


def test_the_spurious_null_of_an_outer_join() -> None:
    """KAFKA-10847: a left row without partner was given although its partner came in time: one row too many."""
    left, right = inputs()
    with Harness(keyed(left, 2 * SECOND).interval_join(keyed(right, 2 * SECOND), lower=0, upper="5s", how="left")) as h:
        send(h, left, item(10))
        send(h, right, item(16.9, "other"))
        send(h, left, item(17))  # event time is 14.9 s
        send(h, right, item(15))  # out of order, within bounds
        assert times(h.take()) == [(10, 15)]
        h.end()
        assert times(h.take()) == [(17, None)]


def test_no_null_for_an_item_whose_partner_went_before_it() -> None:
    """Its only partner is dropped while it waits itself: it has had one."""
    left, right = inputs()
    with Harness(keyed(left).interval_join(keyed(right), lower="-5s", upper="5s", how="outer")) as h:
        send(h, right, item(6))
        send(h, left, item(11))
        send(h, right, item(11.5, "x"))
        send(h, left, item(11.5, "x"))
        h.end()
        assert times(h.output) == [(11, 6), (11.5, 11.5)]


@pytest.mark.parametrize(("how", "delay"), [("inner", 0), ("left", 7), ("right", 3), ("outer", 7)])
def test_event_time_is_held_back_no_more_than_needed(how: Any, delay: int) -> None:
    """Behind the join a window closes when event time is `delay` past its end, not later."""
    left, right = inputs()
    joined = keyed(left).interval_join(keyed(right), lower="-3s", upper="7s", how=how)
    with Harness(joined.window(Tumbling("10s")).aggregate(agg.count())) as h:
        send(h, left, item(9))
        send(h, right, item(9))
        for source in (left, right):
            send(h, source, item(10 + delay - 0.000001, str(source)))
        assert h.take() == []
        for source in (left, right):
            send(h, source, item(10 + delay, str(source)))
        assert [each.value for each in h.take()] == [1]


def test_a_window_behind_an_outer_interval_join_gets_every_row() -> None:
    left, right = inputs()
    joined = keyed(left).interval_join(keyed(right), lower="-1h", upper="1h", how="outer")
    with Harness(joined.window(Tumbling("1s")).aggregate(agg.count()), interleave_restarts=True) as h:
        for second in range(0, 40_000, 2_000):
            send(h, left, item(second, f"l{second}"))
            send(h, right, item(second + 1, f"r{second}"))
        h.end()
        assert sum(each.value for each in h.output) == 40
        assert h.ledger.steps["aggregate"].late == 0


@pytest.mark.parametrize(("lower", "upper"), [("-9s", "-4s"), ("4s", "9s")])
@pytest.mark.parametrize("how", ["inner", "left", "right", "outer"])
def test_an_interval_may_lie_on_one_side(lower: str, upper: str, how: Any) -> None:
    left, right = inputs()
    early, late = (left, right) if lower == "4s" else (right, left)
    with Harness(keyed(left).interval_join(keyed(right), lower=lower, upper=upper, how=how)) as h:
        send(h, early, item(10))
        send(h, late, item(10), item(14), item(19), item(20))
        send(h, early, item(30, "b"))
        h.end()
        pairs = [(10, 14), (10, 19)] if early is left else [(14, 10), (19, 10)]
        alone: list[tuple[float | None, float | None]] = []
        if how in ("left", "outer"):
            alone += [(30, None)] if early is left else [(10, None), (20, None)]
        if how in ("right", "outer"):
            alone += [(None, 10), (None, 20)] if early is left else [(None, 30)]
        assert Counter(times(h.output)) == Counter([*pairs, *alone])
        steps = h.ledger.steps["interval_join"]
        assert steps.filtered == 3 - len(alone)


# ------------------------------------------------------------------------------------------------------------- as of


def test_the_latest_right_item_counts_and_of_equal_times_the_one_that_came_last() -> None:
    left, right = inputs()
    with Harness(keyed(left).asof_join(keyed(right))) as h:
        send(h, right, item(1, value=1), item(5, value=2), item(5, value=3))
        send(h, left, item(5))
        assert h.take() == []  # another right one of 5 s may come
        send(h, right, item(5, value=4), item(5.000001, value=5))
        send(h, left, item(6))
        assert [each.right.value for each in h.take()] == [4]
        h.end()
        assert [each.right.value for each in h.take()] == [5]


def test_a_right_item_of_exactly_the_tolerance_counts() -> None:
    left, right = inputs()
    with Harness(keyed(left).asof_join(keyed(right), tolerance="5s", how="left")) as h:
        send(h, right, item(1))
        send(h, left, item(6), item(6.000001))
        h.end()
        assert times(h.output) == [(6, 1), (6.000001, None)]


def test_an_as_of_join_counts_what_it_filters_and_refuses() -> None:
    left, right = inputs()
    with Harness(keyed(left).asof_join(keyed(right))) as h:
        send(h, left, item(1), item(4))
        send(h, right, item(2), item(5))
        send(h, left, item(3.999999))
        send(h, right, item(3.9))
        h.end()
        steps = h.ledger.steps["asof_join"]
        assert (steps.filtered, steps.late, steps.given) == (1, 2, 1)
        assert h.late == [item(3.999999), item(3.9)]


def test_a_none_is_an_item_like_others_for_an_as_of_join() -> None:
    left: Input[int] = Input("left")
    right: Input[int | None] = Input("right")
    joined = Stream.read(left).key_by(lambda _: 0).asof_join(Stream.read(right).key_by(lambda _: 0))
    with Harness(joined) as h:
        h.send(right, None, at=1)
        h.send(left, 5, at=2)
        h.end()
        assert h.output == [Joined(0, 5, None)]


# ------------------------------------------------------------------------------------------------------------ tables


def test_an_item_sees_the_table_as_of_its_own_time_and_none_deletes() -> None:
    left, right = inputs()
    table = keyed(right).table(of=lambda each: each.value)
    with Harness(keyed(left).table_join(table, how="left"), interleave_restarts=True) as h:
        send(h, right, item(1, value=1), item(3, value=None), item(5, value=5))
        send(h, left, item(0), item(1), item(2.9), item(3), item(4.9), item(5), item(9))
        h.end()
        assert [each.right for each in h.output] == [None, 1, 1, None, None, 5, 5]


def test_a_row_of_a_table_lasts_for_its_ttl() -> None:
    left, right = inputs()
    table = keyed(right).table(of=lambda each: each.value, ttl="5s")
    with Harness(keyed(left).table_join(table, how="left")) as h:
        send(h, right, item(1, value=1))
        send(h, left, item(5.999999), item(6))
        h.end()
        assert [each.right for each in h.output] == [1, None]


@pytest.mark.parametrize("restarts", [0, 1, 3])
def test_a_table_by_arrival_needs_no_event_time_and_waits_for_nothing(restarts: int) -> None:
    left: Input[str] = Input("left")
    right: Input[tuple[str, int | None]] = Input("right")
    table = Stream.read(right).key_by(lambda row: row[0]).table(of=lambda row: row[1])
    joined = Stream.read(left).key_by(lambda key: key).table_join(table, how="left", by="arrival")
    with Harness(joined, interleave_restarts=restarts) as h:
        h.send(left, "a", at=9)
        h.send(right, ("a", 1), at=8)
        h.send(left, "a", at=7)
        h.send(right, ("a", 2), at=6)
        h.send(left, "a", at=5)
        h.send(right, ("a", None), at=4)
        h.send(left, "a", at=3)
        assert [each.right for each in h.take()] == [None, 1, 2, None]
        h.end()
        assert h.late == []


def test_a_table_by_arrival_takes_streams_without_times_at_all() -> None:
    out: list[Joined[int, int, str]] = []
    table = Stream.read(["x", "yy"]).key_by(len).table()
    flow = Stream.read([1, 2, 1]).key_by(abs).table_join(table, by="arrival").write(out)
    assert flow.check().ok
    report = flow.run()
    tally = report.steps["table_join"]
    assert tally.taken == 5
    assert tally.given == len(out) == 3 - tally.filtered


@pytest.mark.parametrize("restarts", [0, 1, 3])
def test_rows_by_arrival_end_by_the_clock(restarts: int) -> None:
    left, right = inputs()
    table = keyed(right).table(of=lambda each: each.value, ttl="10s")
    with Harness(keyed(left).table_join(table, how="left", by="arrival"), interleave_restarts=restarts) as h:
        send(h, right, item(1, "a", 1), item(1, "b", 2))
        h.advance("6s")
        send(h, right, item(1, "a", 3))
        h.advance("3999ms")
        send(h, left, item(2, "a"), item(2, "b"))
        h.advance("1ms")
        send(h, left, item(2, "a"), item(2, "b"))
        h.advance("6s")
        send(h, left, item(2, "a"), item(2, "b"))
        assert [each.right for each in h.output] == [3, 2, 3, None, None, None]


def test_a_value_function_may_refuse_an_item() -> None:
    def value(each: Item) -> int:
        if not each.value:
            raise BadRecord("no value")
        return each.value

    left, right = inputs()
    for by in ("event_time", "arrival"):
        with Harness(keyed(left).table_join(keyed(right).table(of=value), by=by)) as h:
            send(h, right, item(1, value=0), item(1, value=7))
            send(h, left, item(2))
            h.end()
            assert [each.right for each in h.output] == [7]
            assert len(h.dead_letters) == 1


# ------------------------------------------------------------------------------------------ what all have in common

KINDS: dict[str, Callable[[Any, Any], Stream[Any]]] = {
    "window": lambda a, b: a.join(b, window=Tumbling("10s"), how="outer"),
    "interval": lambda a, b: a.interval_join(b, lower="-5s", upper="5s", how="outer"),
    "asof": lambda a, b: a.asof_join(b, how="left"),
    "table": lambda a, b: a.table_join(b.table(), how="left"),
}
kinds = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS.keys())


@kinds
def test_a_side_that_is_idle_does_not_hold_the_join_back(make: Callable[[Any, Any], Stream[Any]]) -> None:
    left, right = inputs()
    with Harness(make(keyed(left), keyed(right))) as h:
        send(h, left, item(1), item(100))
        assert h.take() == []
        h.idle(right)
        assert times(h.take()) == [(1, None)]


@kinds
def test_a_side_that_has_ended_does_not_hold_the_join_back(make: Callable[[Any, Any], Stream[Any]]) -> None:
    left, right = inputs()
    with Harness(make(keyed(left), keyed(right))) as h:
        send(h, right, item(1, "b"))
        h.end(right)
        h.take()
        send(h, left, item(2), item(100))
        assert [each.left for each in h.take() if each.left] == [item(2)]


@kinds
def test_a_side_that_never_gives_anything_is_waited_for(make: Callable[[Any, Any], Stream[Any]]) -> None:
    left, right = inputs()
    with Harness(make(keyed(left), keyed(right))) as h:
        send(h, left, item(1), item(100))
        assert h.take() == []
        h.end()
        assert times(h.take()) == [(1, None), (100, None)]


def test_the_watermark_of_a_join_does_not_go_back_when_an_idle_side_speaks_up() -> None:
    """An item of the side that is ahead moves it, while the other one is idle, even if its own side does not move."""
    left, right = inputs()
    with Harness(keyed(left).join(keyed(right), window=Tumbling("1s"), how="outer")) as h:
        send(h, left, item(1))
        send(h, right, item(2))
        h.idle(right)
        h.idle(left)
        assert h.take() == []
        send(h, right, item(2))
        assert times(h.take()) == [(1, None)]
        send(h, left, item(1))
        assert h.late == [item(1)]


def test_a_merge_says_again_that_it_is_idle() -> None:
    """Or a join behind it would wait for it for ever."""
    left, right = inputs()
    other = Input[Item]("other")
    times_of = [Stream.read(each).event_time(lambda e: e.time) for each in (right, other)]
    merged = times_of[0].merge(times_of[1]).key_by(lambda each: each.key)
    with Harness(keyed(left).join(merged, window=Tumbling("1s"), how="outer")) as h:
        send(h, right, item(5))
        h.idle(right)
        h.idle(other)
        send(h, right, item(5))
        h.idle(right)
        send(h, left, item(1), item(4))
        assert times(h.take()) == [(1, None)]


@kinds
def test_a_stream_can_be_joined_with_itself(make: Callable[[Any, Any], Stream[Any]]) -> None:
    left, _ = inputs()
    stream = keyed(left)
    with Harness(make(stream, stream), interleave_restarts=True) as h:
        send(h, left, item(1), item(20))
        h.end()
        assert times(h.output) == [(1, 1), (20, 20)]


@kinds
def test_arrival_chunks_and_concurrency_change_nothing(make: Callable[[Any, Any], Stream[Any]]) -> None:
    left, right = inputs()

    async def same(each: Item) -> Item:
        return each

    sides = [
        Stream.read(side).event_time(lambda each: each.time, out_of_order="3s").map(same).key_by(lambda each: each.key)
        for side in (left, right)
    ]
    items = [Item(number * 7 % 40 * SECOND, "ab"[number % 3 % 2], number) for number in range(40)]
    events = [Sent((left, right)[each.number % 2], each, each.time) for each in items]
    shuffle_check(make(*sides), events, rounds=10)


@kinds
def test_a_key_that_cannot_be_hashed_names_the_step(make: Callable[[Any, Any], Stream[Any]]) -> None:
    left, right = inputs()
    one = Stream.read(left).key_by(lambda each: [each.key])
    other = Stream.read(right).key_by(lambda each: [each.key])
    with pytest.raises(PipeError, match="join' failed on item 0: TypeError"), Harness(make(one, other)) as h:
        send(h, left, item(1))


@kinds
def test_joins_need_times(make: Callable[[Any, Any], Stream[Any]]) -> None:
    one = Stream.read([1]).key_by(abs)
    with pytest.raises(DefinitionError, match=r"to know when items happened; say \.event_time"):
        make(one, one).write([]).run()


@kinds
def test_equal_joins_are_equal_and_show_in_drawings(make: Callable[[Any, Any], Stream[Any]]) -> None:
    one, other = Stream.read([1]).key_by(abs), Stream.read([2]).key_by(abs)
    assert make(one, other) == make(one, other)
    assert make(one, other) != make(other, one)
    node = make(one, other).node
    assert isinstance(node, JoinNode)
    assert "Join(" in repr(node.join)


# ------------------------------------------------------------------------------------------------------------- state

JOINS: list[Join] = [
    *(WindowJoin(windows, "outer") for windows in (Tumbling("10s"), Hopping("10s", every="5s"), Session("1s"))),
    *(IntervalJoin("-5s", "5s", how) for how in ("inner", "outer")),
    *(IntervalJoin(*pair, "outer") for pair in (("-5s", "-2s"), ("2s", "5s"))),
    AsofJoin("5s", "left"),
    TableJoin("table", lambda each: each % 2 or None, 5 * SECOND, "left", "event_time"),
]


def size_of(state: object) -> int:
    """How many containers and values there are in what an operator keeps."""
    if isinstance(state, dict):
        return len(state) + sum(map(size_of, state.values()))
    if isinstance(state, list | tuple | set):
        return len(state) + sum(map(size_of, state))
    return size_of(vars(state)) if isinstance(state, Operator) else 1


Row = tuple[int, int, Any, int, Any]
"""Time, mark, key, side, item."""


def feed(operator: Operator, rows: Sequence[Row]) -> bytearray:
    """Hand rows over, in chunks of one side; gives which were late."""
    late = bytearray()
    for side, run in groupby(rows, key=lambda row: row[3]):
        times, marks, keys, _, items = zip(*run, strict=True)
        refused = bytearray(len(items))
        operator.add_batch(RowBatch(times, marks, keys, items, side), refused)
        late += refused
    return late


@pytest.mark.parametrize("join", JOINS, ids=repr)
def test_a_hundred_thousand_keys_leave_nothing_behind(join: Join) -> None:
    """No shell for a key that once was: https://github.com/bytewax/bytewax/issues/577."""
    read = ReadNode("read", (), Input[int]())
    operator = operator_of(JoinNode("join", (read, read), True, None, join), "join")
    empty = size_of(operator)
    highest = 0
    for start in range(0, 100_000, 1000):
        rows = [
            (number * SECOND, (number - 20) * SECOND, number // 2 if number % 10 < 5 else -number, number % 2, number)
            for number in range(start, start + 1000)
        ]
        assert not any(feed(operator, rows))
        operator.values, operator.times, operator.marks = [], [], []
        operator.settle()
        highest = max(highest, operator.held, size_of(operator) - empty)
    assert highest < 1500  # some 20 seconds' items
    operator.advance(200_000 * SECOND)
    operator.values, operator.times, operator.marks = [], [], []
    operator.settle()
    assert operator.held == 0
    assert operator.next == FOREVER
    assert size_of(operator) == empty


def test_a_deleted_key_of_a_table_leaves_nothing_behind() -> None:
    read = ReadNode("read", (), Input[int]())
    for by in ("event_time", "arrival"):
        join = TableJoin("table", None, None, "inner", by)
        operator = operator_of(JoinNode("join", (read, read), True, None, join), "join")
        empty = size_of(operator)
        feed(operator, [(n, n - 5, n // 2, 1, n if n % 2 == 0 else None) for n in range(1000)])
        operator.advance(2000)
        operator.settle()
        assert size_of(operator) == empty


# ---------------------------------------------------------------------------------------------------------- mistakes


class Counted(Windows):
    timed: ClassVar[bool] = False


def one() -> Any:
    return Stream.read([1]).event_time(abs).key_by(abs)


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: one().join(Stream.read([1]), window=Tumbling("1s")), r"other: takes a stream with keys.*not Stream"),
        (lambda: one().join(one().table(), window=Tumbling("1s")), "other"),
        (lambda: one().join(one(), window="1s"), "window: takes windows"),
        (lambda: one().join(one(), window=Counted()), "window: .*does not say which"),
        (lambda: one().join(one(), window=Sliding("5s")), "window: .*does not say which"),
        (lambda: one().join(one(), window=Count(5)), "window: .*does not say which"),
        (lambda: one().join(one(), window=Global()), "window: .*does not say which"),
        (lambda: one().join(one(), window=Tumbling("1s"), how="full"), "how: is 'inner', 'left', 'right' or 'outer'"),
        (lambda: one().interval_join([1], lower=0, upper=1), "other"),
        (lambda: one().interval_join(one(), lower="5s", upper="-5s"), "lower: must not be above upper: 5s"),
        (lambda: one().interval_join(one(), lower=None, upper="5s"), "lower"),
        (lambda: one().interval_join(one(), lower="soon", upper="late", how="x"), "(?s)how.*lower.*upper"),
        (lambda: one().asof_join(Stream.read([1])), "other"),
        (lambda: one().asof_join(one(), tolerance="-1s"), "tolerance: must not be negative"),
        (lambda: one().asof_join(one(), tolerance="x"), "tolerance"),
        (lambda: one().asof_join(one(), how="right"), "how: is 'inner' or 'left', not 'right'"),
        (lambda: one().table(ttl=0), "ttl: must be longer than 0"),
        (lambda: one().table(ttl="x"), "ttl"),
        (lambda: one().table(of=5), "of: is a function"),
        (lambda: one().table_join(one()), "table: takes a table"),
        (lambda: one().table_join(one().table(), how="outer"), "how"),
        (lambda: one().table_join(one().table(), by="clock"), "by: is 'event_time' or 'arrival'"),
    ],
)
def test_wrong_use_is_refused_when_it_is_written(make: Callable[[], object], field: str) -> None:
    with pytest.raises(ConfigError, match=field):
        make()


def test_sessions_of_both_sides_that_become_one_keep_both() -> None:
    left, right = inputs()
    with Harness(keyed(left, 100).join(keyed(right, 100), window=Session("5us"))) as h:
        for source, time in ((left, 1), (right, 8), (left, 4)):
            h.send(source, Item(time), at=time)
        h.end()
        assert [(each.left.time, each.right.time) for each in h.output] == [(1, 8), (4, 8)]


def test_a_restored_as_of_join_forgets_what_it_should() -> None:
    read = ReadNode("read", (), Input[int]())
    node = JoinNode("join", (read, read), True, None, AsofJoin("5us", "left"))
    before, after = operator_of(node, "join"), operator_of(node, "join")
    feed(before, [(n, n - 5, n, 1, n) for n in range(20)])
    after.watermark, after.held = 14, before.held
    after.restore(before.header(), {cell: before.cell(cell) for cell in before.cells()})
    after.advance(100)
    assert after.held == 0
    assert [*after.cells()] == []
