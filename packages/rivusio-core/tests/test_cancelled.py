"""A run that is cancelled, closed or left, at whatever moment: nothing hangs, all is closed once, no task stays."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any, cast

import anyio
import pytest
import trio
from anyio.lowlevel import checkpoint
from open_pipes import COUNT, FAILED, OPEN, PIPES

each_pipe = pytest.mark.parametrize("name", PIPES)


async def numbers() -> AsyncIterator[int]:
    OPEN.open("input")
    try:
        for number in range(COUNT):
            await checkpoint()
            yield number
    finally:
        OPEN.close("input")


def results(name: str) -> Any:
    FAILED.clear()
    made, _, parallel = PIPES[name]
    return made.amap(numbers(), parallel=parallel)


def assert_all_closed(when: str) -> None:
    left = +OPEN
    OPEN.clear()
    assert not left, f"left open, {when}: {left}"


def tasks(backend: str) -> int:
    return len(asyncio.all_tasks()) if backend == "asyncio" else trio.lowlevel.current_statistics().tasks_living


@pytest.mark.anyio
@each_pipe
async def test_cancelled_at_every_moment_and_closed_at_every_result(name: str, anyio_backend_name: str) -> None:
    """After so many turns of the event loop, for all numbers of turns until the run is over by itself."""
    turns, over, before = 0, False, tasks(anyio_backend_name)
    while not over:
        async with anyio.create_task_group() as group:

            async def cancel(after: int, scope: anyio.CancelScope) -> None:
                for _ in range(after):
                    await checkpoint()
                scope.cancel()

            group.start_soon(cancel, turns, group.cancel_scope)
            async with aclosing(results(name)) as run:
                found = [each async for each in run]
            assert found == PIPES[name][1]
            over = True
            group.cancel_scope.cancel()
        assert_all_closed(f"cancelled after {turns} turns")
        assert tasks(anyio_backend_name) == before, f"after {turns} turns"
        turns += 1
    assert turns > 20
    for count in range(len(PIPES[name][1])):
        async with aclosing(results(name)) as run:
            assert [await anext(run) for _ in range(count)] == PIPES[name][1][:count]
        assert_all_closed(f"closed after {count} results")
        assert tasks(anyio_backend_name) == before


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
@each_pipe
def test_map_left_at_every_result_and_broken_at_every_item(name: str, kind: type[BaseException]) -> None:
    made, expected, parallel = PIPES[name]

    def broken(at: int) -> Iterator[int]:
        yield from range(at)
        raise kind

    for count in range(len(expected) + 1):
        FAILED.clear()
        run = cast("Any", made.map(range(COUNT), parallel=parallel))
        assert [next(run) for _ in range(count)] == expected[:count]
        run.close()
        assert_all_closed(f"left after {count} results")
    for at in range(COUNT):
        with pytest.raises(kind):
            list(made.map(broken(at), parallel=parallel))
        assert_all_closed(f"broken at {at}")


# anyio makes the coroutine of a task before its first step; asyncio may end the task before that step.
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
@pytest.mark.parametrize("loop", ["asyncio", "trio"])
@each_pipe
def test_the_loop_ends_at_every_moment(name: str, loop: str) -> None:
    """Whoever reads the results is left behind when the main function returns; the loop cancels what is left."""
    over = False

    async def read() -> None:
        nonlocal over
        assert [each async for each in results(name)] == PIPES[name][1]
        over = True

    async def main(turns: int) -> None:
        reading = asyncio.create_task(read()) if loop == "asyncio" else trio.lowlevel.spawn_system_task(read)
        for _ in range(turns):
            await checkpoint()
        assert reading is not None

    turns = 0
    while not over:
        anyio.run(main, turns, backend=loop)
        gc.collect(1)
        OPEN.pop("teardown", None)  # of the loop's own cancellation nothing is kept away
        assert_all_closed(f"the loop ended after {turns} turns")
        turns += 1
    assert turns > 20
