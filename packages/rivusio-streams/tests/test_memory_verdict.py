"""The judge of memory, on series of numbers: it finds what it should, and nothing else."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from memory_verdict import MIB, Bounds, Sample, judge

ITEMS = 100_000
COUNT = 500
"""Samples of a series."""


def series(*, leak: float = 0, burst: int = 0, where: tuple[float, float] = (0.4, 0.6), seed: int = 0) -> list[Sample]:
    """A process that fills its pools in the first twentieth and is noisy by 1 MiB, and what is wrong with it.

    Args:
        leak: bytes per item.
        burst: bytes that come and go.
        where: the burst begins and ends, as shares of the run.
        seed: of the noise.
    """
    noise = random.Random(seed)
    samples = list[Sample]()
    for number in range(1, COUNT + 1):
        share = number / COUNT
        items = int(share * ITEMS)
        held = 40 * MIB + 20 * MIB * min(1, share / 0.05) + noise.randrange(MIB) + leak * items
        if where[0] <= share < where[1]:
            held += burst
        samples.append(Sample(items, int(held)))
    return samples


@given(seed=st.integers(0, 10_000))
def test_a_steady_process_breaks_no_bound(seed: int) -> None:
    verdict = judge(series(seed=seed), Bounds())
    assert verdict.broken == ()
    assert verdict.rise < 2 * MIB


@given(seed=st.integers(0, 10_000), per_item=st.integers(120, 500))
def test_a_leak_is_seen_by_the_slope(seed: int, per_item: int) -> None:
    verdict = judge(series(leak=per_item, seed=seed), Bounds())
    assert verdict.broken == ("slope",)
    assert verdict.slope == pytest.approx(per_item, rel=0.05)


def test_a_small_leak_is_seen_in_a_long_run_only() -> None:
    """One byte an item: lost in the noise of a short run, 9 MiB in one of ten million."""
    short = series(leak=1)
    long = [Sample(each.items * 100, each.resident + 99 * each.items) for each in short]
    assert judge(short, Bounds()).broken == ()
    assert judge(long, Bounds()).broken == ("slope",)


@given(
    seed=st.integers(0, 10_000),
    begin=st.floats(0.25, 0.75),
    length=st.floats(0.01, 0.2),
    burst=st.integers(70 * MIB, 1_000 * MIB),
)
def test_a_burst_is_seen_by_the_peak_only(seed: int, begin: float, length: float, burst: int) -> None:
    verdict = judge(series(burst=burst, where=(begin, begin + length), seed=seed), Bounds())
    assert verdict.broken == ("peak",)


def test_a_burst_in_the_warm_up_counts() -> None:
    assert judge(series(burst=100 * MIB, where=(0, 0.05)), Bounds()).broken == ("peak",)


def test_a_queue_that_is_only_filled_is_seen_by_both() -> None:
    verdict = judge(series(leak=2_000), Bounds())
    assert verdict.broken == ("peak", "slope")


def test_bounds_are_broken_when_they_are_reached() -> None:
    at = judge(series(burst=70 * MIB), Bounds())
    assert judge(series(burst=70 * MIB), Bounds(rise=at.rise)).broken == ("peak",)
    assert judge(series(burst=70 * MIB), Bounds(rise=at.rise + 1)).broken == ()


def test_memory_that_shrinks_breaks_no_bound() -> None:
    assert judge(series(leak=-300), Bounds()).broken == ()


@pytest.mark.parametrize(
    "samples",
    [
        [],
        [Sample(0, MIB)] * 100,
        series()[:: COUNT // 10],
        [Sample(1, MIB)] + [Sample(ITEMS, MIB)] * 100,
    ],
    ids=["none", "no items", "few", "nothing between"],
)
def test_a_series_that_says_nothing_is_refused(samples: list[Sample]) -> None:
    with pytest.raises(ValueError, match="samples after the warm-up"):
        judge(samples, Bounds())
