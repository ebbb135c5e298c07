"""Timeouts: on the run's clock, and only ours."""

from __future__ import annotations

import anyio
import anyio.lowlevel
import pytest

from rivusio_core import ConfigError, PipeTimeout, SystemClock
from rivusio_core.policy.timeout import Timeout
from rivusio_core.testing import VirtualClock

pytestmark = pytest.mark.anyio


async def test_what_takes_longer_is_cancelled() -> None:
    clock = VirtualClock()
    cancelled = list[float]()

    async def slow(item: object) -> object:
        try:
            await clock.sleep(3)
        except anyio.get_cancelled_exc_class():
            cancelled.append(clock.monotonic())
            raise
        return item

    with pytest.raises(PipeTimeout, match="took longer than its timeout of 2s500ms"):
        await Timeout("2500ms").layer(slow, clock)("a")
    assert cancelled == [2.5]
    assert await Timeout("3500ms").layer(slow, clock)("a") == "a"


async def test_the_system_clock_cancels_too() -> None:
    async def stuck(_: object) -> object:
        await anyio.Event().wait()
        raise AssertionError

    with pytest.raises(PipeTimeout):
        await Timeout("1ms").layer(stuck, SystemClock())("a")


async def test_a_timeout_error_of_the_pipe_stays_one() -> None:
    async def raises(_: object) -> object:
        raise TimeoutError("mine")

    for clock in (VirtualClock(), SystemClock()):
        with pytest.raises(TimeoutError, match="mine"):
            await Timeout("1s").layer(raises, clock)("a")


async def test_a_timeout_inside_the_pipe_stays_its_own() -> None:
    clock = VirtualClock()

    async def inner(_: object) -> object:
        with clock.deadline(1):
            await clock.sleep(5)
        return "gave up"

    assert await Timeout("2s").layer(inner, clock)("a") == "gave up"


async def test_an_error_raised_when_cancelled_is_told() -> None:
    clock = VirtualClock()

    async def converts(_: object) -> object:
        try:
            await clock.sleep(5)
        finally:
            raise ValueError("cleaning up failed")

    with pytest.raises(ValueError, match="cleaning up failed"):
        await Timeout("2s").layer(converts, clock)("a")


async def test_a_cancelled_run_is_no_timeout() -> None:
    clock = VirtualClock()

    async def slow(_: object) -> object:
        await clock.sleep(50)
        raise AssertionError

    with clock.deadline(1) as outer:
        await Timeout("10s").layer(slow, clock)("a")
    assert outer.cancelled_caught


async def test_a_result_that_is_there_counts() -> None:
    clock = VirtualClock()

    async def late_but_done(_: object) -> object:
        with anyio.CancelScope(shield=True):
            await clock.sleep(5)
        return "done"

    assert await Timeout("2s").layer(late_but_done, clock)("a") == "done"
    await anyio.lowlevel.checkpoint()  # nothing of the cancellation is left behind


@pytest.mark.parametrize("after", [0, -1, "0s", "soon"])
def test_wrong_durations_are_named(after: float | str) -> None:
    with pytest.raises(ConfigError, match="timeout: ") as caught:
        Timeout(after)
    assert caught.value.faults[0].path == "timeout"
