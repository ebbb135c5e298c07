"""Time that jumps: only when nothing else can run, in order, on both event loops."""

from __future__ import annotations

import asyncio
import threading
import types
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import contextmanager

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rivusio_core import SystemClock, run_clock
from rivusio_core.testing import Deadlock, SteppedClock, VirtualClock


@pytest.mark.anyio
async def test_a_day_passes() -> None:
    clock = VirtualClock(wall=5)
    await clock.sleep(86_400)
    assert clock.monotonic() == 86_400
    assert clock.wall() == 5 + 86_400_000_000


@pytest.mark.anyio
async def test_the_wall_starts_at_a_fixed_date() -> None:
    assert VirtualClock().wall() == VirtualClock().wall() == 1_700_000_000_000_000


def test_sleepers_wake_in_the_order_of_their_times(anyio_backend: tuple[str, dict[str, object]]) -> None:
    @given(st.lists(st.integers(0, 50), max_size=20))
    def check(times: list[int]) -> None:
        woken: list[tuple[float, int]] = []

        async def main() -> None:
            clock = VirtualClock()

            async def sleeper(seconds: int) -> None:
                await clock.sleep(seconds)
                woken.append((clock.monotonic(), seconds))

            async with anyio.create_task_group() as group:
                for seconds in times:
                    group.start_soon(sleeper, seconds)

        anyio.run(main, backend=anyio_backend[0])
        assert woken == [(seconds, seconds) for seconds in sorted(times)]

    check()


@pytest.mark.anyio
async def test_time_stands_still_while_a_task_can_run() -> None:
    clock = VirtualClock()
    seen = list[float]()

    async def busy() -> None:
        for _ in range(500):
            await anyio.lowlevel.checkpoint()
            seen.append(clock.monotonic())

    async with anyio.create_task_group() as group:
        group.start_soon(busy)
        await clock.sleep(1)
        assert len(seen) == 500
    assert set(seen) == {0.0}


@pytest.mark.anyio
@pytest.mark.parametrize("held", [False, True], ids=["default limiter", "own limiter, held"])
async def test_time_stands_still_while_a_thread_works(held: bool) -> None:
    clock = VirtualClock()
    done, seen = threading.Event(), list[float]()

    def work() -> None:
        assert done.wait(20)
        seen.append(clock.monotonic())

    async def thread() -> None:
        if held:
            with clock.working():
                await anyio.to_thread.run_sync(work, limiter=anyio.CapacityLimiter(1))
        else:
            await anyio.to_thread.run_sync(work)

    async with anyio.create_task_group() as group:
        group.start_soon(thread)
        # Many turns of the loop while the thread waits, each of them a chance to jump.
        group.start_soon(_after_turns, 200, done.set)
        await clock.sleep(1)
    assert seen == [0.0]


async def _after_turns(turns: int, call: Callable[[], object]) -> None:
    for _ in range(turns):
        await anyio.sleep(0.0001)
    call()


@pytest.mark.anyio
async def test_a_deadline_cancels_what_takes_longer() -> None:
    clock = VirtualClock()
    with clock.deadline(2) as scope:
        await clock.sleep(3)
    assert scope.cancelled_caught
    assert clock.monotonic() == 2
    with clock.deadline(2) as scope:
        await clock.sleep(1)
    assert not scope.cancelled_caught
    assert clock.monotonic() == 3


@pytest.mark.anyio
async def test_a_deadline_needs_no_sleeper() -> None:
    clock = VirtualClock()
    with clock.deadline(7) as scope:
        await anyio.Event().wait()
    assert scope.cancelled_caught
    assert clock.monotonic() == 7


@pytest.mark.anyio
async def test_a_cancelled_sleep_does_not_move_time() -> None:
    clock = VirtualClock()
    async with anyio.create_task_group() as group:
        group.start_soon(clock.sleep, 1_000)
        await clock.sleep(1)
        group.cancel_scope.cancel()
    await clock.sleep(1)
    assert clock.monotonic() == 2


@pytest.mark.anyio
async def test_met_deadlines_do_not_pile_up() -> None:
    clock = VirtualClock()
    for _ in range(10_000):
        with clock.deadline(60):
            pass
    assert len(clock._timers) < 200


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # trio shuffles tasks that become ready together
async def test_those_who_wait_for_the_same_moment_wake_in_the_order_they_came() -> None:
    clock, woken = VirtualClock(), list[int]()

    async def sleeper(number: int) -> None:
        await clock.sleep(1)
        woken.append(number)

    async with anyio.create_task_group() as group:
        for number in range(10):
            group.start_soon(sleeper, number)
    assert woken == list(range(10))


@pytest.mark.anyio
async def test_a_sleep_makes_progress_however_short() -> None:
    clock = VirtualClock()
    await clock.sleep(1e-9)
    assert clock.monotonic() == 1e-6
    await clock.sleep(0.07)
    assert clock.monotonic() == pytest.approx(0.070_001, abs=1e-12)
    await clock.sleep(0)
    assert clock.monotonic() == pytest.approx(0.070_001, abs=1e-12)


@pytest.mark.anyio
async def test_an_endless_sleep_holds_nobody_up() -> None:
    clock = VirtualClock()
    async with anyio.create_task_group() as group:
        group.start_soon(clock.sleep, float("inf"))
        await clock.sleep(1)
        assert clock.monotonic() == 1
        group.cancel_scope.cancel()


def test_one_clock_serves_several_loops_one_after_the_other(anyio_backend: tuple[str, dict[str, object]]) -> None:
    clock = VirtualClock()

    async def main() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(clock.sleep, 100)  # still waiting when the loop ends
            await clock.sleep(1)
            group.cancel_scope.cancel()

    anyio.run(main, backend=anyio_backend[0])
    anyio.run(main, backend=anyio_backend[0])
    assert clock.monotonic() == 2


def test_run_gives_the_result_when_time_jumps() -> None:
    clock = VirtualClock()

    async def main(days: int) -> float:
        await clock.sleep(86_400 * days)
        return clock.monotonic()

    assert clock.run(main, 2) == 172_800


def test_a_deadlock_names_who_waits_and_where() -> None:
    clock = VirtualClock()

    async def waits_for_ever(event: anyio.Event) -> None:
        await event.wait()

    async def main() -> None:
        await clock.sleep(5)
        async with anyio.create_task_group() as group:
            group.start_soon(waits_for_ever, anyio.Event(), name="the reader")
            group.start_soon(waits_for_ever, anyio.Event(), name="the writer")

    with pytest.raises(Deadlock) as raised:
        clock.run(main)
    assert [line.split(" at ")[0] for line in raised.value.waiting if line.startswith("the ")] == [
        "the reader",
        "the writer",
    ]
    assert "test_virtual_clock.py" in str(raised.value)
    assert "in waits_for_ever" in str(raised.value)


def test_a_thread_that_works_is_no_deadlock() -> None:
    clock = VirtualClock()
    let_go = threading.Timer(0.05, lambda: done.set())
    done = threading.Event()

    async def main() -> str:
        let_go.start()
        await anyio.to_thread.run_sync(done.wait)
        return "done"

    assert clock.run(main) == "done"


def test_errors_of_the_function_come_out_of_run() -> None:
    async def main() -> None:
        raise LookupError("4711")

    with pytest.raises(LookupError, match="4711"):
        VirtualClock().run(main)


def test_a_stepped_clock_runs_everybody_at_their_own_moment() -> None:
    clock, seen = SteppedClock(), list[float]()

    async def ticker(period: float) -> None:
        for _ in range(3):
            await clock.sleep(period)
            seen.append(clock.monotonic())

    async def main() -> list[float]:
        async with anyio.create_task_group() as group:
            group.start_soon(ticker, 2)
            group.start_soon(ticker, 3)
            await clock.advance(5.5)
            return_early = [*seen]
            await clock.advance(100)
        return return_early

    assert anyio.run(main) == [2, 3, 4]
    assert seen == [2, 3, 4, 6, 6, 9]
    assert clock.monotonic() == 105.5


def test_finish_lets_time_pass_until_a_task_is_done() -> None:
    clock = SteppedClock()

    async def naps() -> float:
        for _ in range(3):
            await clock.sleep(100)
        return clock.monotonic()

    async def main() -> float:
        assert clock.awaited is False
        task = asyncio.ensure_future(naps())
        await clock.settle()
        assert clock.awaited is True
        assert clock.monotonic() == 0
        await clock.finish(task)
        assert clock.awaited is False
        return task.result()

    assert anyio.run(main) == 300


def test_finish_says_who_waits_where_a_task_never_will_be_done() -> None:
    clock = SteppedClock()

    async def stuck() -> None:
        await clock.sleep(1)
        await asyncio.Event().wait()

    async def main() -> None:
        task = asyncio.create_task(stuck(), name="the one")
        try:
            await clock.finish(task)
        finally:
            task.cancel()

    with pytest.raises(Deadlock) as raised:
        anyio.run(main)
    (line,) = raised.value.waiting
    assert line.startswith("the one at ")
    assert line.endswith("in stuck")
    assert clock.monotonic() == 1


@pytest.mark.parametrize("held", [False, True], ids=["default limiter", "own limiter, held"])
def test_a_stepped_clock_settles_only_when_threads_are_done(held: bool) -> None:
    clock, go, done = SteppedClock(), threading.Event(), list[float]()

    def work() -> None:
        assert go.wait(20)

    async def thread() -> None:
        if held:
            with clock.working():
                await anyio.to_thread.run_sync(work, limiter=anyio.CapacityLimiter(1))
        else:
            await anyio.to_thread.run_sync(work)
        done.append(clock.monotonic())

    async def main() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(thread)
            group.start_soon(_after_turns, 20, go.set)
            await clock.advance(5)
            assert done == [0.0]

    anyio.run(main)


async def _numbers(event: asyncio.Event) -> AsyncIterator[int]:
    yield 1
    await event.wait()
    yield 2


@types.coroutine
def _old_style(event: asyncio.Event) -> Generator[object, None, object]:
    return (yield from event.wait().__await__())


async def _in_a_generator(event: asyncio.Event) -> None:
    async for _ in _numbers(event):
        pass


async def _in_an_old_coroutine(event: asyncio.Event) -> None:
    await _old_style(event)


@pytest.mark.parametrize(
    ("call", "where"), [(_in_a_generator, "_numbers"), (_in_an_old_coroutine, "_old_style")], ids=["async for", "yield"]
)
def test_a_deadlock_is_told_by_the_innermost_line_of_ones_own(
    call: Callable[[asyncio.Event], object], where: str
) -> None:
    with pytest.raises(Deadlock) as raised:
        VirtualClock().run(lambda: call(asyncio.Event()))  # type: ignore[arg-type, return-value]
    assert [line.rpartition(" in ")[2] for line in raised.value.waiting] == [where]


def test_a_deadlock_of_nobody_says_so() -> None:
    assert "nobody: no task is left" in str(Deadlock([]))


def test_a_cancellation_of_ones_own_is_no_deadlock() -> None:
    async def main() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        VirtualClock().run(main)


def test_the_clock_of_no_run_is_that_of_the_machine() -> None:
    with contextmanager(run_clock.make)() as clock:  # type: ignore[arg-type]
        assert isinstance(clock, SystemClock)
