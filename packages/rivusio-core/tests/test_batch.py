"""Batches: by number, by time, flushed at the end, in order with everything else."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_pipes import aadd, add

from rivusio_core import batch, unbatch
from rivusio_core.testing import VirtualClock


@given(st.lists(st.integers(), max_size=60), st.integers(1, 12))
def test_batches_are_the_input_cut_in_pieces(numbers: list[int], size: int) -> None:
    expected = [numbers[start : start + size] for start in range(0, len(numbers), size)]
    assert list((add(amount=0) >> batch(size)).map(numbers)) == expected
    assert list((add(amount=0) >> batch(size) >> unbatch()).map(numbers)) == numbers


@given(st.lists(st.integers(), max_size=40), st.integers(1, 7), st.integers(1, 5))
def test_the_same_in_an_event_loop(numbers: list[int], size: int, concurrency: int) -> None:
    expected = [numbers[start : start + size] for start in range(0, len(numbers), size)]
    assert list((aadd(amount=0).with_options(concurrency=concurrency) >> batch(size)).map(numbers)) == expected


@pytest.mark.anyio
async def test_a_partial_batch_leaves_in_time_without_a_next_item() -> None:
    clock = VirtualClock()
    began = clock.monotonic()

    async def numbers() -> AsyncIterator[int]:
        yield 1
        yield 2
        await clock.sleep(10)
        yield 3
        await clock.sleep(0.5)
        yield 4
        await clock.sleep(10)

    results = (add(amount=0) >> batch(100, within="1s")).amap(numbers(), clock=clock)
    seen = [(round(clock.monotonic() - began, 3), values) async for values in results]
    assert seen == [(1, [1, 2]), (11, [3, 4])]


@pytest.mark.anyio
async def test_a_full_batch_stops_the_timer_of_the_one_before() -> None:
    clock = VirtualClock()
    began = clock.monotonic()

    async def numbers() -> AsyncIterator[int]:
        yield 1
        await clock.sleep(0.9)
        yield 2
        yield 3
        await clock.sleep(0.5)
        yield 4
        await anyio.lowlevel.checkpoint()
        await clock.sleep(5)

    results = (add(amount=0) >> batch(2, within="1s")).amap(numbers(), clock=clock)
    seen = [(round(clock.monotonic() - began, 3), values) async for values in results]
    assert seen == [(0.9, [1, 2]), (1.4, [3, 4])]
