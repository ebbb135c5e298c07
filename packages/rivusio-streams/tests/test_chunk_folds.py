"""Chunks that are folded at once give what items give one by one; formulas mean what methods do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from doubles import Event, key, micros
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rivusio_core.errors import BadRecord
from rivusio_streams import Aggregator, Global, Hopping, RunConfig, Stream, Tumbling, Windowed, agg
from rivusio_streams.aggregate import formula_of
from rivusio_streams.engine.folding import Folding
from rivusio_streams.engine.operators.hopping import HoppingOperator, shares
from rivusio_streams.engine.operators.made import operator_of
from rivusio_streams.engine.operators.tumbling import TumblingOperator
from rivusio_streams.formula import Formula
from rivusio_streams.graph import AggregateNode
from rivusio_streams.testing import Harness, Input
from rivusio_streams.windows import AlignedWindows, Span

SECOND = 1_000_000


def value(event: Event) -> int:
    if event.value == 13:
        raise BadRecord("thirteen")
    return event.value


def pair(low: int, high: int, *, many: int = 0) -> tuple[int, int, int]:
    return low, high, many


AGGREGATORS: list[Aggregator[Event, Any, Any]] = [
    agg.count(),
    agg.total(value),
    agg.mean(value),
    agg.minimum(value),
    agg.maximum(value),
    agg.first(value),
    agg.last(value),
    agg.combine(pair, low=agg.minimum(value), high=agg.maximum(value), many=agg.count()),
    agg.combine(tuple, agg.total(value), agg.combine(tuple, agg.total(lambda e: -e.value), agg.first(value))),
]
aggregators = st.sampled_from(AGGREGATORS)


@dataclass(frozen=True)
class OneByOne(AlignedWindows):
    """The same windows, as windows of one's own: nothing is folded at once, and nothing is shared."""

    windows: AlignedWindows

    def assign(self, time: int) -> Sequence[Span]:
        return self.windows.assign(time)


class Methods(Aggregator[Event, Any, Any]):
    """The same aggregator without formula."""

    ordered = False

    def __init__(self, inner: Aggregator[Event, Any, Any]) -> None:
        self.create, self.add_at, self.merge = inner.create, inner.add_at, inner.merge  # type: ignore[method-assign]
        self.result, self._add = inner.result, inner.add  # type: ignore[method-assign]

    def create(self) -> Any:
        raise NotImplementedError

    def add(self, accumulator: Any, value: Event) -> Any:
        return self._add(accumulator, value)

    def merge(self, left: Any, right: Any) -> Any:
        raise NotImplementedError

    def result(self, accumulator: Any) -> Any:
        raise NotImplementedError


times = st.integers(-30, 60)
event_lists = st.lists(
    st.builds(Event, times.map(float), st.sampled_from("abcd"), st.sampled_from([1, 2, 5, 13])), max_size=60
)
windows = st.one_of(
    st.builds(lambda size, offset: Tumbling(size, offset=offset), st.integers(1, 15), st.integers(0, 9)),
    st.builds(
        lambda every, times, more, offset: Hopping(every * times + more, every, offset=offset),
        st.integers(2, 6),
        st.integers(1, 4),
        st.integers(0, 1),
        st.integers(0, 5),
    ),
)


def run(events: list[Event], windows: AlignedWindows, aggregator: Any, bound: int, allowed: int, chunk: int) -> Any:
    out, late, letters = list[Any](), list[Event](), list[Any]()
    stream = Stream.read(events).event_time(micros, out_of_order=bound).key_by(key)
    windowed = stream.window(windows, late_to=late, allowed_lateness=allowed)
    report = windowed.aggregate(aggregator).write(out).run(RunConfig(chunk=chunk, dead_letters=letters))
    counts = report.steps["aggregate"]
    return out, late, [each.value for each in letters], counts


@settings(max_examples=300, deadline=None)
@given(
    events=event_lists,
    windows=windows,
    aggregator=aggregators,
    bound=st.integers(0, 20),
    allowed=st.sampled_from([0, 0, 7]),
    chunk=st.sampled_from([1, 2, 5, 1024]),
)
@example(  # fails in a slice where it is the first, and in its window is not
    events=[Event(-17, "a", 1), Event(-16, "a", 13)],
    windows=Hopping(3, every=2, offset=1),
    aggregator=agg.first(value),
    bound=0,
    allowed=0,
    chunk=1,
)
def test_at_once_as_one_by_one(
    events: list[Event], windows: AlignedWindows, aggregator: Any, bound: int, allowed: int, chunk: int
) -> None:
    at_once = run(events, windows, aggregator, bound, allowed, chunk)
    assert at_once == run(events, OneByOne(windows), Methods(aggregator), bound, allowed, 1)


@settings(max_examples=60, deadline=None)
@given(
    events=event_lists.map(lambda events: [each for each in events if each.value != 13]),
    windows=windows,
    aggregator=aggregators,
    bound=st.integers(0, 20),
    restarts=st.sets(st.integers(0, 60), max_size=6),
)
def test_restarts_change_nothing(
    events: list[Event], windows: AlignedWindows, aggregator: Any, bound: int, restarts: set[int]
) -> None:
    def results(windows: AlignedWindows, at: set[int]) -> tuple[list[Any], list[Any]]:
        items = Input[list[Event]]("items")
        stream = Stream.read(items).flat_map(lambda each: each).event_time(micros, out_of_order=bound).key_by(key)
        with Harness(stream.window(windows).aggregate(aggregator)) as h:
            for start in range(0, len(events), 3):
                h.send(items, events[start : start + 3])
                if start in at:
                    h.restart()
            h.end()
            return h.output, h.late

    assert results(windows, restarts) == results(OneByOne(windows), set())


@given(values=st.lists(st.tuples(st.integers(-9, 9), st.integers(0, 5)), max_size=12), split=st.integers(0, 12))
@pytest.mark.parametrize("aggregator", AGGREGATORS, ids=lambda each: type(each).__name__)
def test_a_formula_means_what_the_methods_do(
    aggregator: Aggregator[Event, Any, Any], values: list[tuple[int, int]], split: int
) -> None:
    assert formula_of(aggregator) is not None
    folding, parts = Folding.of(aggregator), [values[:split], values[split:]]
    merged: dict[str, Any] = {}
    expected = [aggregator.create(), aggregator.create()]
    for index, part in enumerate(parts):
        events = [Event(float(time), "k", number) for number, time in part]
        times = [each.micros for each in events]
        made: dict[str, Any] = {}
        folding.fold(iter(["k"] * len(part)), events, times, made, {}, {})
        folding.merge(merged, made.items())
        for event in events:
            expected[index] = aggregator.add_at(expected[index], event, event.micros)
    if not values:
        assert merged == {}
        return
    assert folding.results(merged.values()) == [aggregator.result(aggregator.merge(*expected))]


class Doubled(type(agg.count())):  # type: ignore[misc]  # a class that is found out
    def add(self, accumulator: int, value: object) -> int:
        return accumulator + 2


class Written(Doubled):
    def formula(self) -> Formula:
        return Formula("0", "{a} + 2", "{a} + {b}")


def test_a_changed_method_is_not_forgotten_for_a_formula_that_is_inherited() -> None:
    events = [Event(1), Event(2)]
    assert formula_of(Doubled()) is None
    assert formula_of(agg.combine(tuple, Doubled(), agg.count())) is None
    assert formula_of(Written()) is not None
    for windows in (Tumbling("10s"), Hopping("10s", "5s")):
        for aggregator in (Doubled(), Written()):
            out, *_ = run(events, windows, aggregator, 0, 0, 8)
            assert [each.value for each in out] == [4] * len(out)


@pytest.mark.parametrize(
    ("windows", "aggregator", "kind"),
    [
        (Tumbling("10s"), agg.count(), TumblingOperator),
        (Tumbling("10s"), agg.collect(), TumblingOperator),
        (Hopping("10s", "5s"), agg.count(), HoppingOperator),
    ],
)
def test_what_is_usual_is_folded_at_once(windows: Any, aggregator: Any, kind: type) -> None:
    """Else these tests would compare the slow way with itself."""
    node = Stream.read([1]).event_time(abs).key_by(abs).window(windows).aggregate(aggregator).node
    assert isinstance(node, AggregateNode)
    assert type(operator_of(node, "it")) is kind


@pytest.mark.parametrize(
    "make",
    [
        lambda windowed: windowed.aggregate(agg.collect()),
        lambda windowed: windowed.aggregate(Doubled()),
    ],
)
def test_windows_share_only_what_is_never_changed(make: Callable[[Any], Any]) -> None:
    node = make(Stream.read([1]).event_time(abs).key_by(abs).window(Hopping("10s", "5s"))).node
    assert type(operator_of(node, "it")) is not HoppingOperator


def test_hops_with_gaps_and_many_slices_are_not_shared() -> None:
    assert shares(Hopping("10s", "3s"))
    assert not shares(Hopping("5s", "10s"))
    assert not shares(Hopping("10s", "10s"))
    assert not shares(Hopping("10s", "3001ms"))


def test_a_global_window_ends_with_the_latest_item_of_its_key() -> None:
    keyed = Stream.read([Event(1), Event(9), Event(4)]).event_time(micros, out_of_order="1m").key_by(key)
    ends = keyed.window(Global()).aggregate(agg.total(value)).window(Tumbling("5s")).collect()
    ends.write(out := list[Windowed[None, list[Windowed[str, int]]]]()).run()
    assert [(each.window.start.second, each.value[0].value) for each in out] == [(5, 3)]
