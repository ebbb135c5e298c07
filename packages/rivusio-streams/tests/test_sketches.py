"""Approximate aggregators: within the error that they say, at 100,000 values."""

from __future__ import annotations

import pickle
import random
import subprocess
import sys
from bisect import bisect_left, bisect_right
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from fractions import Fraction
from math import ceil, isnan
from typing import Any
from uuid import UUID

import pytest
from doubles import Event, key, micros
from hypothesis import example, given
from hypothesis import strategies as st

from rivusio_core.errors import ConfigError
from rivusio_streams import Aggregator, Stream, Tumbling, Windowed, agg
from rivusio_streams.aggregate import fold
from rivusio_streams.aggregates.digest import digest

COUNT = 100_000
QUANTILES = [0.0, 0.01, 0.25, 0.5, 0.75, 0.99, 1.0]


def added(aggregator: Aggregator[Any, Any, Any], values: Any) -> Any:
    accumulator = aggregator.create()
    for value in values:
        accumulator = aggregator.add(accumulator, value)
    return accumulator


# ---------------------------------------------------------------- quantiles


def rank_error(ordered: list[float], q: float, found: float) -> float:
    """How far q lies outside of the ranks of the found value."""
    below, upto = bisect_left(ordered, found) / len(ordered), bisect_right(ordered, found) / len(ordered)
    assert upto > below, "it is none of the values"
    return max(below - q, q - upto, 0.0)


SHAPES = {
    "normal": lambda chance: [chance.gauss(0, 1) for _ in range(COUNT)],
    "long tail": lambda chance: [chance.paretovariate(1) for _ in range(COUNT)],
    "few values": lambda chance: [float(chance.randrange(20)) for _ in range(COUNT)],
    "ascending": lambda chance: [float(n) for n in range(COUNT)],
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("error", [0.01, 0.05])
def test_quantiles_of_many_values(shape: str, error: float) -> None:
    """The sketches choose by chance: of a hundred results one may be beyond the error, and none is beyond its double.

    An error of twice that of 99 % is more than five standard deviations away: once in millions of runs.
    """
    values = SHAPES[shape](random.Random(1))
    ordered, errors = sorted(values), list[float]()
    for q in QUANTILES:
        aggregator = agg.approx_quantile(q, error=error)
        halves = [added(aggregator, values[: COUNT // 3]), added(aggregator, values[COUNT // 3 :])]
        for accumulator in (added(aggregator, values), aggregator.merge(*halves)):
            errors.append(rank_error(ordered, q, aggregator.result(accumulator)))
    assert max(errors) <= 2 * error
    assert sum(one > error for one in errors) <= 3, errors


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50), st.floats(0, 1))
@example([0.0] * 8 + [-1.0] * 2, 0.2)
def test_quantiles_of_few_values_are_exact(values: list[float], q: float) -> None:
    found = fold(agg.approx_quantile(q), values)
    # 0.2 is a little more than a fifth: of ten values it is the second or the third, and both are right.
    ranks = {ceil(Fraction(q) * len(values)), ceil(q * len(values))}
    assert found in {sorted(values)[max(rank - 1, 0)] for rank in ranks}


@pytest.mark.parametrize("error", [0.1, 0.01, 0.001])
def test_as_many_values_as_said_are_exact(error: float) -> None:
    many = round(2.5 / error)
    values = random.Random(1).sample(range(many), many)
    assert fold(agg.approx_quantile(0.5, float, error=error), values) == ceil(many / 2) - 1


def test_a_smaller_error_costs_more() -> None:
    sizes = [
        len(aggregator.dump(added(aggregator, map(float, range(20_000)))))
        for aggregator in (agg.approx_quantile(0.5, error=error) for error in (0.1, 0.01, 0.001))
    ]
    assert sizes == sorted(sizes)
    assert sizes[0] < 2_000 < 5_000 < sizes[1] < 9_000 < 30_000 < sizes[2] < 60_000


def test_quantiles_of_nothing_and_of_no_numbers() -> None:
    assert isnan(fold(agg.approx_quantile(0.5), []))
    assert isnan(fold(agg.approx_quantile(0.5), [float("nan")]))
    assert fold(agg.approx_quantile(0.5), [float("nan"), 1.0]) == 1.0
    assert fold(agg.approx_quantile(1), [1.0, float("inf")]) == float("inf")
    assert fold(agg.approx_quantile(0.5, len), ["a", "bb", "ccc"]) == 2.0


# ---------------------------------------------------------------- different values


@pytest.mark.parametrize("error", [0.005, 0.02, 0.1])
@pytest.mark.parametrize("kind", [int, str, float, lambda n: (n, "x")], ids=["int", "str", "float", "tuple"])
def test_different_values_are_counted_within_the_error(kind: Any, error: float) -> None:
    """Looked at 20 times on the way; which of these are beyond the error is fixed by the values."""
    aggregator = agg.approx_distinct(kind, error=error)
    accumulator, errors = aggregator.create(), list[float]()
    chance = random.Random(2)
    values = chance.sample(range(-(10**12), 10**12), COUNT)
    for count, value in enumerate(values, 1):
        accumulator = aggregator.add(accumulator, value)
        if count % (COUNT // 20) == 0:
            accumulator = aggregator.add(accumulator, values[chance.randrange(count)])  # seen before
            errors.append(abs(aggregator.result(accumulator) - count) / count)
    assert max(errors) <= 2 * error
    assert sum(one > error for one in errors) <= 4, errors
    assert errors[-1] <= error


@pytest.mark.parametrize("count", [0, 1, 10, 500, 5_000, 60_000])
@pytest.mark.parametrize("error", [0.02, 0.2])
def test_the_count_depends_on_the_set_alone(count: int, error: float) -> None:
    aggregator = agg.approx_distinct(error=error)
    values = list(range(count))
    expected = fold(aggregator, values)
    assert expected == pytest.approx(count, rel=2 * error)
    shuffled = random.Random(3).sample(values, count)
    assert fold(aggregator, shuffled + shuffled[: count // 2]) == expected
    parts = [added(aggregator, shuffled[n::3]) for n in range(3)]
    merged = aggregator.merge(aggregator.merge(aggregator.create(), parts[2]), aggregator.merge(parts[0], parts[1]))
    assert aggregator.result(merged) == expected


def test_few_different_values_are_exact() -> None:
    assert fold(agg.approx_distinct(), []) == 0
    assert fold(agg.approx_distinct(), ["", "a", "a", b"a", None, 0, ("a",), ()]) == 7
    assert fold(agg.approx_distinct(str.lower), ["A", "a", "b"]) == 2
    assert fold(agg.approx_distinct(), range(500)) == 500


def test_the_count_is_the_same_in_every_process() -> None:
    program = (
        "from rivusio_streams import agg; from rivusio_streams.aggregate import fold;"
        "print(fold(agg.approx_distinct(), [(str(n), n / 7, None) for n in range(20_000)]))"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, check=True, env=environment(PYTHONHASHSEED=seed)
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1] == b"%d\n" % fold(agg.approx_distinct(), [(str(n), n / 7, None) for n in range(20_000)])


def environment(**more: str) -> dict[str, str]:
    import os

    return os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)} | more


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Size(Enum):
    RED = "red"


class Word(StrEnum):
    RED = "red"


class Number(IntEnum):
    ONE = 1


ANY = [
    *("", "a", "1", "red", "\ud800", Word.RED, b"", b"a", b"1"),
    *(0, 1, -1, -2, True, False, Number.ONE, 2**63, 2**63 - 1, -(2**63), 2**200, 0.5, -0.0, 1.0, 1e300, 5e-324),
    *(float("inf"), float("-inf"), Decimal("Infinity"), Decimal("0.5"), Decimal("1.00"), Decimal("0E+9999999")),
    *(Decimal("1e5000"), Decimal("10e4999"), Decimal("1e-5000"), Decimal("-1e5000"), Fraction(1, 2), Fraction(1, 3)),
    *(None, Color.RED, Color.BLUE, Size.RED, UUID(int=0), UUID(int=1)),
    *(date(2024, 1, 1), datetime(2024, 1, 1), datetime(2024, 1, 1, tzinfo=UTC)),  # noqa: DTZ001
    datetime(2024, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))),
    *(time(1), time(1, tzinfo=UTC), time(3, tzinfo=timezone(timedelta(hours=2))), timedelta(0), timedelta(1)),
    *((), ("a",), ("a", "b"), ("ab",), (("a",), "b"), (1, 2), (2, 1), (1.0, Number.ONE), frozenset(), frozenset({1})),
    *(frozenset({1, 2}), frozenset({2.0, True}), frozenset({(1, 2)})),
]


def test_values_have_equal_numbers_where_they_are_equal_only() -> None:
    for one in ANY:
        for other in ANY:
            assert (digest(one) == digest(other)) == (one == other), (one, other)
    assert digest(float("nan")) == digest(Decimal("nan")) == digest(Decimal("snan")) != digest(0)


scalars = st.one_of(st.integers(), st.floats(allow_nan=False), st.text(), st.fractions(), st.booleans(), st.none())


@given(st.tuples(scalars, scalars), st.tuples(scalars, scalars))
def test_numbers_follow_equality(one: tuple[Any, ...], other: tuple[Any, ...]) -> None:
    assert (digest(one) == digest(other)) == (one == other)
    assert -(2**63) <= digest(one) < 2**63


@pytest.mark.parametrize("value", [[1], {}, object(), ({},)])
def test_other_values_are_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="give `of` a function"):
        fold(agg.approx_distinct(), [value])


# ---------------------------------------------------------------- both

BOTH: list[Aggregator[Any, Any, Any]] = [agg.approx_quantile(0.5, error=0.1), agg.approx_distinct(error=0.1)]


@pytest.mark.parametrize("aggregator", BOTH, ids=["quantile", "distinct"])
@pytest.mark.parametrize("count", [0, 1, 10, 20_000])
def test_a_checkpoint_holds_bytes_and_loses_nothing(aggregator: Aggregator[Any, Any, Any], count: int) -> None:
    accumulator = added(aggregator, range(count))
    kept = aggregator.dump(accumulator)
    assert type(kept) is bytes
    loaded = aggregator.load(kept)
    assert str(aggregator.result(loaded)) == str(aggregator.result(accumulator))
    more = [
        aggregator.result(added_to(aggregator, each, range(count, 2 * count + 3))) for each in (loaded, accumulator)
    ]
    if aggregator == BOTH[1] or count < 20:
        assert more[0] == more[1]
    assert more == pytest.approx([fold(aggregator, range(2 * count + 3))] * 2, rel=0.4)


def added_to(aggregator: Aggregator[Any, Any, Any], accumulator: Any, values: Any) -> Any:
    for value in values:
        accumulator = aggregator.add(accumulator, value)
    return accumulator


@pytest.mark.parametrize("aggregator", BOTH, ids=["quantile", "distinct"])
def test_a_result_changes_nothing(aggregator: Aggregator[Any, Any, Any]) -> None:
    accumulator = added(aggregator, range(5_000))
    kept = aggregator.dump(accumulator)
    assert len({aggregator.result(accumulator) for _ in range(3)}) == 1
    assert aggregator.result(aggregator.load(kept)) == aggregator.result(accumulator)


def test_they_are_values() -> None:
    assert agg.approx_quantile(0.5, len) == agg.approx_quantile(0.5, len) != agg.approx_quantile(0.5, len, error=0.1)
    assert agg.approx_distinct(len) == agg.approx_distinct(len) != agg.approx_distinct(abs)
    for aggregator in BOTH:
        assert pickle.loads(pickle.dumps(aggregator)) == aggregator
        assert hash(aggregator) == hash(pickle.loads(pickle.dumps(aggregator)))
        assert aggregator.mergeable
        assert not aggregator.ordered


@pytest.mark.parametrize("error", [0, -1, 1, 2, 1e-6, float("nan")])
def test_an_error_that_cannot_be_kept_is_refused(error: float) -> None:
    with pytest.raises(ConfigError, match=r"error: must lie between 4\.8e-05 and 1"):
        agg.approx_quantile(0.5, error=error)
    with pytest.raises(ConfigError, match=r"error: must lie between 0\.0014 and 1"):
        agg.approx_distinct(error=error)


@pytest.mark.parametrize("q", [-0.1, 1.1, float("nan")])
def test_a_quantile_lies_between_0_and_1(q: float) -> None:
    with pytest.raises(ConfigError, match="q: must lie between 0 and 1"):
        agg.approx_quantile(q)


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasketches", None)
    for make in (lambda: agg.approx_quantile(0.5), agg.approx_distinct):
        with pytest.raises(ConfigError, match=r"pip install 'rivusio-streams\[sketches\]'"):
            make()


def test_the_library_is_imported_when_it_is_needed_only() -> None:
    program = "import sys; from rivusio_streams import agg; assert not {'datasketches', 'numpy'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", program], check=True, env=environment())


def test_in_windows() -> None:
    events = [Event(n / 100, "ab"[n % 2], n % 7) for n in range(2_000)]
    out: list[Windowed[str, Any]] = []
    both = agg.combine(tuple, agg.approx_distinct(lambda e: e.value), agg.approx_quantile(0.5, lambda e: e.value))
    stream = Stream.read(events).event_time(micros).key_by(key).window(Tumbling("2s"))
    stream.aggregate(both).write(out).run()
    assert {each.value for each in out} == {(7, 3.0)}
    assert len(out) == 20
