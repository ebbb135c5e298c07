"""Aggregators of functions."""

from __future__ import annotations

import operator
import threading
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest
from doubles import Event, key, micros
from hypothesis import given
from hypothesis import strategies as st

from rivusio_core.errors import ConfigError
from rivusio_streams import Aggregator, Fold, Reduce, Stream, Tumbling, Windowed, agg
from rivusio_streams.aggregate import fold


def put(seen: list[Any], item: Any) -> list[Any]:
    seen.append(item)
    return seen


def joined(left: list[Any], right: list[Any]) -> list[Any]:
    left.extend(right)
    return left


@given(st.lists(st.integers()))
def test_fold_adds_one_after_the_other(values: list[int]) -> None:
    assert fold(Fold(empty(), put), values) == values
    assert fold(Fold(10, operator.sub), values) == 10 - sum(values)
    assert fold(Fold(empty(), put, result=len), values) == len(values)


def empty() -> list[int]:
    return []


@given(st.lists(st.text(max_size=2)))
def test_reduce_makes_one_of_two(values: list[str]) -> None:
    assert fold(Reduce(operator.add), values) == ("".join(values) if values else None)


@given(st.lists(st.none() | st.integers(), min_size=1))
def test_reduce_takes_none_for_an_item(values: list[int | None]) -> None:
    assert fold(Reduce(first), values) == values[0]


def first(left: Any, right: Any) -> Any:
    return left


def test_each_window_begins_with_a_copy() -> None:
    initial: list[list[int]] = [[]]
    nested = Fold(initial, lambda seen, item: [put(seen[0], item)])
    initial[0].append(99)  # what is given is not kept
    assert fold(nested, [1, 2]) == [[1, 2]]
    assert fold(nested, [3]) == [[3]]


class Color(Enum):
    RED = 1


IMMUTABLE: list[object] = [0, "a", b"a", None, 1.5, Color.RED, Decimal(1), range(3)]
IMMUTABLE += [date(2024, 1, 1), datetime(2024, 1, 1, tzinfo=UTC), (1, ("b", None)), frozenset({1, (2, 3)})]


@pytest.mark.parametrize("initial", IMMUTABLE, ids=repr)
def test_what_is_immutable_is_not_copied(initial: object) -> None:
    same = Fold(initial, first)
    assert same.create() is initial
    assert same.result(initial) is initial


class Text(str):  # noqa: SLOT000
    """May have attributes: no longer immutable."""


@pytest.mark.parametrize("initial", [[], {}, set(), ([],), Text("a")], ids=repr)
def test_what_can_change_is_copied(initial: object) -> None:
    copied = Fold(initial, first)
    assert copied.create() is not initial
    assert copied.create() is not copied.create()
    assert copied.create() == initial


def test_what_cannot_be_copied_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"initial: a lock cannot be copied"):
        Fold(threading.Lock(), first)


ALL: list[Aggregator[Any, Any, Any]] = [
    Fold([], put, joined),
    Fold(0, operator.add, operator.add),
    Fold([], put, joined, result=tuple),
    Reduce(operator.add),
]


@pytest.mark.parametrize("aggregator", ALL, ids=repr)
@given(values=st.lists(st.integers(), max_size=8), cut=st.integers(0, 8))
def test_merging_is_as_adding_all(aggregator: Aggregator[Any, Any, Any], values: list[int], cut: int) -> None:
    def of(part: list[int]) -> Any:
        accumulator = aggregator.create()
        for value in part:
            accumulator = aggregator.load(aggregator.dump(aggregator.add(accumulator, value)))
        return accumulator

    assert aggregator.mergeable
    assert aggregator.result(aggregator.merge(of(values[:cut]), of(values[cut:]))) == aggregator.result(of(values))


@pytest.mark.parametrize("aggregator", [Fold([[]], lambda seen, item: [put(seen[0], item)]), *ALL], ids=repr)
def test_a_result_shares_nothing_with_its_accumulator(aggregator: Aggregator[Any, Any, Any]) -> None:
    accumulator = aggregator.add(aggregator.create(), 1)
    result = aggregator.result(accumulator)
    kept = repr(result)
    aggregator.add(accumulator, 2)
    assert repr(result) == kept


def test_a_fold_without_merge_says_so() -> None:
    alone = Fold(0, operator.add)
    assert not alone.mergeable
    with pytest.raises(ConfigError, match="merge="):
        alone.merge(1, 2)
    assert agg.count().mergeable
    assert Reduce(max).mergeable
    assert not agg.combine(tuple, agg.count(), alone).mergeable
    assert agg.combine(tuple, agg.count(), Reduce(max)).mergeable


def test_they_are_values() -> None:
    assert Fold([], put, joined, result=len) == Fold([], put, joined, result=len) != Fold([], put)
    assert Fold([1], put) != Fold([2], put)
    assert Fold(0, put) != Fold(False, put)  # equal numbers, and not the same
    assert hash(Fold([], put)) == hash(Fold([], put))
    assert repr(Fold([], put, joined, result=len)) == "Fold([], put, merge=joined, result=len)"
    assert Reduce(max) == Reduce(max) != Reduce(min)
    assert hash(Reduce(max)) == hash(Reduce(max))
    assert repr(Reduce(max)) == "Reduce(max)"


def test_a_combination_dumps_its_parts() -> None:
    class Hidden(Fold[int, int, int]):
        def dump(self, accumulator: int) -> object:
            return {"kept": accumulator}

        def load(self, kept: Any) -> int:
            return int(kept["kept"])

    both = agg.combine(tuple, agg.count(), Hidden(0, operator.add))
    accumulator = both.add(both.add(both.create(), 3), 4)
    assert both.dump(accumulator) == [2, {"kept": 7}]
    assert both.result(both.load(both.dump(accumulator))) == (2, 7)


def test_windows_fold_in_the_order_of_time_then_arrival() -> None:
    events = [Event(3, "a", 1), Event(1, "a", 2), Event(3, "a", 3), Event(2, "a", 4), Event(11, "a", 5)]
    stream = Stream.read(events).event_time(micros, out_of_order="1h").key_by(key).window(Tumbling("10s"))
    folded: list[Windowed[str, list[Event]]] = []
    reduced: list[Windowed[str, Event]] = []
    nothing: list[Event] = []
    stream.aggregate(Fold(nothing, put)).write(folded).run()
    stream.aggregate(Reduce(lambda one, next_: Event(one.time, one.key, one.value * 10 + next_.value))).write(
        reduced
    ).run()
    assert [[event.value for event in each.value] for each in folded] == [[2, 4, 1, 3], [5]]
    assert [each.value.value for each in reduced] == [2413, 5]
