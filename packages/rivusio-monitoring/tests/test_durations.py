from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from rivusio_monitoring.durations import BUCKETS, Durations
from rivusio_monitoring.rate import Rate

SECONDS = st.lists(st.floats(0, 100) | st.sampled_from(BUCKETS))


@given(SECONDS, SECONDS)
def test_buckets_count_what_is_not_above_their_bound(left: list[float], right: list[float]) -> None:
    durations, other = Durations(), Durations()
    for seconds in left:
        durations.add(seconds)
    for seconds in right:
        other.add(seconds)
    durations.merge(other)
    both = left + right
    for bound, count in durations.cumulative():
        assert count == sum(seconds <= float(bound) for seconds in both)
    assert durations.count == len(both)
    assert math.isclose(durations.total, math.fsum(both), abs_tol=1e-9)


def test_what_is_no_duration_counts_as_none() -> None:
    durations = Durations()
    durations.add(math.nan)
    durations.add(-1.0)
    assert (durations.count, durations.total) == (2, 0.0)


def test_a_rate_covers_ten_seconds_and_forgets_the_rest() -> None:
    rate = Rate(started=0.0)
    for second in range(30):
        rate.add(second, now=float(second))
    assert rate.per_second(now=29.0) == sum(range(20, 30)) / 10
    assert rate.per_second(now=34.0) == sum(range(25, 30)) / 10
    assert rate.per_second(now=40.0) == 0


def test_a_young_run_is_not_divided_by_ten_seconds() -> None:
    rate = Rate(started=100.2)
    rate.add(30, now=101.0)
    assert rate.per_second(now=103.2) == 10
    assert Rate(started=100.0).per_second(now=100.0) == 0


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(0, 3)), max_size=50))
def test_a_rate_never_counts_more_than_it_was_given(steps: list[tuple[int, float]]) -> None:
    rate, now = Rate(started=0.0), 0.0
    for items, passing in steps:
        now += passing
        rate.add(items, now)
        assert 0 <= rate.per_second(now) * min(10, max(1.0, now)) <= sum(count for count, _ in steps) + 1e-9
