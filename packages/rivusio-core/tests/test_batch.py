"""Batches: by number, by time, flushed at the end, in order with everything else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_pipes import aadd, add

from rivusio_core import PipeError, RunInfo, batch, unbatch
from rivusio_core.engine.batching import BatchStage
from rivusio_core.engine.context import RunContext
from rivusio_core.engine.stage import Barrier, Chunk, End, Fail, Keeper, Signal, Stage
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


# ------------------------------------------------------------------------------------------ signals and snapshots


class Seen(Stage):
    """The last stage: notes lists, their columns and signals in order."""

    def __init__(self) -> None:
        self.seen: list[object] = []

    async def take(self, chunk: Chunk) -> None:
        self.seen += zip(chunk.values, *chunk.columns, strict=True)

    async def signal(self, signal: Signal) -> None:
        self.seen.append(signal)


class Kept(Keeper):
    """Holds what steps hand over."""

    def __init__(self) -> None:
        self.whole = True
        self.headers: dict[str, object] = {}

    def keep(self, step: str, header: object, cells: Iterable[tuple[Any, Any]] = ()) -> None:
        assert [*cells] == []  # a list is small: it is all in the header
        self.headers[step] = header


def made(size: int, within: float | None = None, clock: VirtualClock | None = None) -> tuple[BatchStage, Seen]:
    out = Seen()
    return BatchStage("batch", size, within, RunContext(RunInfo("run", "1"), clock=clock or VirtualClock()), out), out


def chunk(*numbers: int) -> Chunk:
    return Chunk([*numbers], ([10 * number for number in numbers],))


async def snapshot(stage: BatchStage) -> Any:
    """What the stage says when the barrier of a snapshot passes."""
    keeper = Kept()
    await stage.signal(Barrier(1, keeper=keeper))
    return keeper.headers["batch"]


@given(st.lists(st.integers(0, 99), max_size=40), st.integers(1, 7), st.data())
def test_a_run_restored_from_a_snapshot_gives_what_the_whole_run_gives(
    numbers: list[int], size: int, data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(numbers)))

    async def main() -> None:
        whole, expected = made(size)
        await whole.take(chunk(*numbers))
        end = End()
        await whole.signal(end)

        before, first = made(size)
        await before.take(chunk(*numbers[:cut]))
        state = await snapshot(before)
        barrier = first.seen.pop()  # nothing is held back by the barrier of a snapshot
        assert isinstance(barrier, Barrier)
        after, second = made(size)
        after.restore(state, {})
        await after.take(chunk(*numbers[cut:]))
        await after.signal(end)
        assert first.seen + second.seen == expected.seen

    anyio.run(main)


@pytest.mark.anyio
async def test_a_restored_list_leaves_in_what_was_left_of_its_time() -> None:
    clock = VirtualClock()
    before, _ = made(5, 10, clock)
    await before.take(chunk(1, 2))
    await clock.sleep(4)
    state = await snapshot(before)

    later = VirtualClock()
    after, out = made(5, 10, later)
    after.restore(state, {})
    async with anyio.create_task_group() as group:
        await after.open(group)
        await later.sleep(5.9)
        assert out.seen == []
        await later.sleep(0.2)
        assert out.seen == [([1, 2], 20)]
        await after.take(chunk(3))
        await later.sleep(9)
        assert out.seen == [([1, 2], 20)]  # the new list has its own time
        await after.signal(End())
    assert out.seen[1] == ([3], 30)


@pytest.mark.anyio
async def test_an_acknowledging_barrier_waits_for_the_items_before_it_and_a_snapshot_does_not() -> None:
    stage, out = made(3)
    early, late = Barrier(1), Barrier(2)
    await stage.signal(early)
    assert out.seen == [early]  # nothing came before it
    await stage.take(chunk(1, 2))
    await stage.signal(late)
    assert out.seen == [early]
    state = await snapshot(stage)
    await stage.take(chunk(3, 4))
    assert out.seen[2:] == [([1, 2, 3], 30), late]

    # Acknowledging is of the run that read the items: the restored one knows the items alone.
    restored, again = made(3)
    restored.restore(state, {})
    await restored.signal(End())
    assert again.seen[:1] == [([1, 2], 20)]
    assert isinstance(again.seen[1], End)


@pytest.mark.anyio
async def test_a_failure_does_not_wait_for_a_list_to_be_full() -> None:
    stage, out = made(3)
    await stage.take(chunk(1))
    failure = Fail(PipeError("no"))
    await stage.signal(failure)
    assert out.seen == [failure]
