"""A run that is cancelled, closed or left behind, at whatever moment: nothing hangs, all is closed once, no task stays."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from typing import Annotated, Any, cast

import anyio
import pytest
from anyio.lowlevel import checkpoint

from rivusio_core import (
    AsyncBasePipe,
    BasePipe,
    Bulkhead,
    CircuitBreaker,
    Parallel,
    RateLimit,
    Retry,
    Transient,
    Use,
    batch,
    branch,
    flat_pipe,
    pipe,
    resource,
    route,
    state,
)

COUNT = 12
SHARED = Bulkhead(2, wait="1m")


class Open(Counter[str]):
    """What is open now, and how often anything was opened; nothing is closed twice."""

    def open(self, name: str) -> None:
        self[name] += 1

    def close(self, name: str) -> None:
        assert self[name] > 0, f"{name} is closed twice"
        self[name] -= 1


OPEN = Open()


@resource
async def shared() -> AsyncIterator[str]:
    await checkpoint()
    OPEN.open("shared")
    try:
        yield "shared"
        await checkpoint()
    finally:
        OPEN.close("shared")


@resource(pool=2)
async def pooled() -> AsyncIterator[str]:
    await checkpoint()
    OPEN.open("pooled")
    try:
        yield "pooled"
        await checkpoint()
    finally:
        OPEN.close("pooled")


class Adds(AsyncBasePipe[int, int]):
    link: Annotated[str, Use(shared)] = state()
    lent: Annotated[str, Use(pooled)] = state()

    async def setup(self) -> None:
        OPEN.open("pipe")
        await checkpoint()

    async def teardown(self) -> None:
        OPEN.close("pipe")
        await checkpoint()

    async def process(self, item: int) -> int:
        assert OPEN["pipe"] and OPEN["shared"] and OPEN["pooled"], "it is called while all it needs is open"
        OPEN.open("call")
        try:
            await checkpoint()
            return item + 1
        finally:
            OPEN.close("call")


@flat_pipe
async def twice(number: int) -> AsyncIterator[int]:
    OPEN.open("result")
    try:
        yield number
        await checkpoint()
        yield number
    finally:
        OPEN.close("result")


@pipe
async def waits(number: int) -> int:
    OPEN.open("wait")
    try:
        await checkpoint()
        await checkpoint()
    finally:
        OPEN.close("wait")
    return number


@pipe
async def moody(number: int) -> int:
    """Fails at the first call with each number."""
    await checkpoint()
    FAILED[number] += 1
    if FAILED[number] == 1:
        raise Transient
    return number


FAILED = Counter[int]()


@pipe
def total(numbers: list[int]) -> int:
    return sum(numbers)


@pipe(thread=True)
def in_thread(number: int) -> int:
    return number


@pipe
async def is_odd(number: int) -> bool:
    await checkpoint()
    return number % 2 == 1


POLICIES: dict[str, Any] = {
    "retry": Retry(attempts=3, backoff=0),
    "timeout": "1m",
    "bulkhead": SHARED,
    "circuit": CircuitBreaker(failures=1_000),
    "rate_limit": RateLimit(100_000, burst=100),
}
PIPES: dict[str, tuple[BasePipe[int, Any], list[object], Parallel | None]] = {
    "line": (Adds() >> twice >> waits, [n for n in range(1, COUNT + 1) for _ in "ab"], None),
    "concurrent": (
        Adds().with_options(concurrency=3) >> waits.with_options(concurrency=2),
        list(range(1, COUNT + 1)),
        None,
    ),
    "policies": (Adds() >> moody.with_options(concurrency=3, **POLICIES), list(range(1, COUNT + 1)), None),
    "branches": (
        Adds() >> branch(waits, moody.with_options(retry=POLICIES["retry"])),
        [(n, n) for n in range(1, COUNT + 1)],
        None,
    ),
    "routes": (Adds() >> route((is_odd, waits), otherwise=moody.with_options(**POLICIES)), list(range(1, COUNT + 1)), None),
    "batches": (Adds() >> batch(5, within="1m") >> total >> waits, [15, 40, 23], None),
    "threads": (Adds() >> in_thread.with_options(concurrency=2), list(range(1, COUNT + 1)), None),
    "parallel": (Adds() >> waits, list(range(1, COUNT + 1)), Parallel(kind="async", workers=3)),
}


async def numbers() -> AsyncIterator[int]:
    OPEN.open("input")
    try:
        for number in range(COUNT):
            await checkpoint()
            yield number
    finally:
        OPEN.close("input")


@pytest.fixture(autouse=True)
def _fresh() -> None:
    OPEN.clear()
    FAILED.clear()


def assert_all_closed(when: str) -> None:
    assert not +OPEN, f"left open, {when}: {+OPEN}"
    assert (SHARED._free, len(SHARED._waiting)) == (SHARED.calls, 0), when
    OPEN.clear()
    FAILED.clear()


def tasks() -> int:
    """Tasks of the event loop that runs here."""
    try:
        return len(asyncio.all_tasks())
    except RuntimeError:
        import trio

        return trio.lowlevel.current_statistics().tasks_living


@pytest.mark.anyio
@pytest.mark.parametrize("name", PIPES)
async def test_cancelled_at_every_moment(name: str) -> None:
    """After so many turns of the event loop, for all numbers of turns until the run is over by itself."""
    made, expected, parallel = PIPES[name]
    turns, over = 0, False
    before = tasks()
    while not over:
        async with anyio.create_task_group() as group:

            async def cancel(after: int, scope: anyio.CancelScope) -> None:
                for _ in range(after):
                    await checkpoint()
                scope.cancel()

            group.start_soon(cancel, turns, group.cancel_scope)
            async with aclosing(cast("Any", made.amap(numbers(), parallel=parallel))) as results:
                found = [each async for each in results]
            assert found == expected
            over = True
            group.cancel_scope.cancel()
        assert_all_closed(f"cancelled after {turns} turns")
        assert tasks() == before, f"after {turns} turns"
        turns += 1
    assert turns > 20


@pytest.mark.anyio
@pytest.mark.parametrize("name", PIPES)
async def test_closed_at_every_result(name: str) -> None:
    made, expected, parallel = PIPES[name]
    before = tasks()
    for count in range(len(expected) + 1):
        found = list[object]()
        async with aclosing(cast("Any", made.amap(numbers(), parallel=parallel))) as results:
            for _ in range(count):
                found.append(await anext(results))
        assert found == expected[:count]
        assert_all_closed(f"closed after {count} results")
        assert tasks() == before


@pytest.mark.parametrize("name", PIPES)
def test_map_left_at_every_result(name: str) -> None:
    made, expected, parallel = PIPES[name]
    threads = threading.active_count()
    for count in range(len(expected) + 1):
        results = cast("Any", made.map(range(COUNT), parallel=parallel))
        assert [next(results) for _ in range(count)] == expected[:count]
        results.close()
        assert_all_closed(f"left after {count} results")
    assert threading.active_count() <= threads + 40


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("name", PIPES)
def test_map_whose_input_breaks_at_every_item(name: str, kind: type[BaseException]) -> None:
    """An interrupt comes where the caller's thread is: in the input, or waiting for results."""
    made, _, parallel = PIPES[name]

    def broken(at: int) -> Iterator[int]:
        yield from range(at)
        raise kind

    for at in range(COUNT):
        with pytest.raises(kind):
            list(made.map(broken(at), parallel=parallel))
        assert_all_closed(f"broken at {at}")


@pytest.mark.parametrize("name", PIPES)
@pytest.mark.parametrize("run", ["asyncio", "trio"])
def test_the_loop_ends_at_every_moment(name: str, run: str) -> None:
    """Whoever reads the results is left behind when the main function returns; the loop cancels what is left."""
    made, expected, parallel = PIPES[name]
    found = list[object]()

    async def read() -> None:
        async for each in made.amap(numbers(), parallel=parallel):
            found.append(each)

    async def in_asyncio(turns: int) -> None:
        reading = asyncio.create_task(read())
        for _ in range(turns):
            await asyncio.sleep(0)
        assert reading is not None

    async def in_trio(turns: int) -> None:
        import trio

        trio.lowlevel.spawn_system_task(read)
        for _ in range(turns):
            await checkpoint()

    main: Callable[[int], Any] = in_asyncio if run == "asyncio" else in_trio
    turns = 0
    while found != expected:
        found.clear()
        anyio.run(main, turns, backend=run)
        gc.collect()
        assert_all_closed(f"the loop ended after {turns} turns")
        turns += 1
    assert turns > 20
