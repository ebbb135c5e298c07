"""The ready-made aggregators against their plain meaning."""

from __future__ import annotations

import re
import statistics
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from math import isnan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rivusio_streams import Aggregator, agg
from rivusio_streams.aggregate import fold

numbers = st.lists(st.integers(-20, 20), min_size=1, max_size=30)


@given(numbers)
def test_plain_meaning(values: list[int]) -> None:
    assert fold(agg.count(), values) == len(values)
    assert fold(agg.total(), values) == sum(values)
    assert fold(agg.mean(), values) == pytest.approx(statistics.fmean(values))
    assert fold(agg.minimum(), values) == min(values)
    assert fold(agg.maximum(), values) == max(values)
    assert fold(agg.first(), values) == values[0]
    assert fold(agg.last(), values) == values[-1]
    assert fold(agg.collect(), values) == values
    assert fold(agg.distinct(), values) == list(dict.fromkeys(values))
    assert fold(agg.top(3), values) == sorted(values, reverse=True)[:3]
    assert fold(agg.quantile(0.5), values) == statistics.median(values)


@given(numbers, st.floats(0, 1))
def test_quantile_is_linear_interpolation(values: list[int], q: float) -> None:
    ordered = sorted(values)
    place = Fraction(q) * (len(ordered) - 1)
    low, part = int(place), place - int(place)
    high = min(low + 1, len(ordered) - 1)
    assert fold(agg.quantile(q), values) == pytest.approx(float(ordered[low] + part * (ordered[high] - ordered[low])))


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), max_size=80), st.integers(1, 4))
def test_top_keeps_equal_ones_in_order_of_time_then_arrival(pairs: list[tuple[int, int]], n: int) -> None:
    """Pairs of (time, rank); the index says who arrived first."""
    top = agg.top(n, lambda entry: entry[1])
    accumulator = top.create()
    for index, (time, rank) in enumerate(pairs):
        accumulator = top.add_at(accumulator, (index, rank), time)
    order = sorted(((-rank, time, index) for index, (time, rank) in enumerate(pairs)))
    assert [index for index, _ in top.result(accumulator)] == [index for _, _, index in order[:n]]


ALL: list[Aggregator[Any, Any, Any]] = [
    agg.count(),
    agg.total(),
    agg.mean(),
    agg.minimum(),
    agg.maximum(),
    agg.first(),
    agg.last(),
    agg.collect(),
    agg.distinct(),
    agg.top(3),
    agg.quantile(0.3),
    agg.combine(tuple, agg.count(), agg.collect()),
]


@pytest.mark.parametrize("aggregator", ALL, ids=lambda each: re.sub(r" at 0x\w+", "", repr(each)))
@given(values=st.lists(st.tuples(st.integers(0, 5), st.integers(-3, 3)), max_size=12), cut=st.integers(0, 12))
def test_merging_is_as_adding_all(
    aggregator: Aggregator[Any, Any, Any], values: list[tuple[int, int]], cut: int
) -> None:
    def of(part: list[tuple[int, int]]) -> Any:
        accumulator = aggregator.create()
        for time, value in part:
            accumulator = aggregator.add_at(accumulator, value, time)
        return accumulator

    whole = aggregator.result(of(values))
    merged = aggregator.result(aggregator.merge(of(values[:cut]), of(values[cut:])))
    assert merged == whole or (isnan(merged) and isnan(whole))


@pytest.mark.parametrize("aggregator", ALL, ids=lambda each: re.sub(r" at 0x\w+", "", repr(each)))
def test_a_result_shares_nothing_with_its_accumulator(aggregator: Aggregator[Any, Any, Any]) -> None:
    accumulator = aggregator.create()
    for value in (1, 2, 3):
        accumulator = aggregator.add_at(accumulator, value, value)
    result = aggregator.result(accumulator)
    kept = repr(result)
    for value in (9, 8, 7):
        accumulator = aggregator.add_at(accumulator, value, 0)
    assert repr(result) == kept


def test_other_numbers_add_up() -> None:
    assert fold(agg.total(), [Decimal("0.1"), Decimal("0.2")]) == Decimal("0.3")
    assert fold(agg.total(), [timedelta(1), timedelta(2)]) == timedelta(3)
    assert fold(agg.total(len), ["ab", "c"]) == 3


def test_combine_into_a_model() -> None:
    @dataclass
    class Totals:
        n: int
        s: int
        note: str = "-"

    combined = agg.combine(Totals, n=agg.count(), s=agg.total(len))
    assert fold(combined, ["a", "bc"]) == Totals(2, 3)
    assert combined == agg.combine(Totals, n=agg.count(), s=agg.total(len))
    assert hash(combined) == hash(agg.combine(Totals, n=agg.count(), s=agg.total(len)))
    assert fold(agg.combine(dict, n=agg.count()), "abc") == {"n": 3}


def test_aggregators_are_values() -> None:
    assert agg.total(len) == agg.total(len) != agg.total(abs)
    assert agg.count() == agg.count()
