"""Traps of workers and queues that other engines fell into, by their public issues: here each is a test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, cast

import anyio
import pytest
from anyio.lowlevel import checkpoint

from rivusio_core import Parallel, PipeError, pipe

pytestmark = pytest.mark.anyio
ENDLESS = 100_000
"""More than any channel holds."""


class Numbers:
    """Without end; counts what was read of them."""

    def __init__(self) -> None:
        self.read = 0

    async def __aiter__(self) -> AsyncIterator[int]:
        while True:
            self.read += 1
            yield self.read

    async def until_nobody_reads(self) -> None:
        quiet, before = 0, 0
        while quiet < 100:
            await checkpoint()
            quiet, before = quiet + 1 if self.read == before else 0, self.read
            assert self.read < ENDLESS, "nothing holds the input back"


@pytest.mark.parametrize("how", ["one stage", "behind another", "before another", "parallel"])
async def test_a_worker_that_fails_while_its_input_is_blocked_ends_the_run(how: str) -> None:
    """cgarciae/pypeln#110: a worker fails while what feeds it is blocked, and both wait for ever."""
    numbers = Numbers()

    @pipe(concurrency=1 if how == "parallel" else 3)
    async def stuck(number: int) -> int:
        if number > 1:
            await anyio.sleep_forever()
        await numbers.until_nobody_reads()
        raise ValueError

    @pipe(concurrency=2)
    async def passes(number: int) -> int:
        return number

    made = {"behind another": passes >> stuck, "before another": stuck >> passes}.get(how, stuck)
    results = made.amap(numbers, parallel=Parallel(kind="async", workers=3) if how == "parallel" else None)
    with anyio.fail_after(30), pytest.raises(PipeError, match="pipe 'stuck' failed on item 0: ValueError"):
        await anext(results)
    assert numbers.read > 3


async def test_queues_are_bounded_across_stages() -> None:
    """cgarciae/pypeln#111: the bound of a queue is heeded between two stages, and not across several."""
    numbers, called = Numbers(), {"a": 0, "b": 0, "c": 0}

    def counts(name: str) -> Any:
        async def count(number: int) -> int:
            called[name] += 1
            return number

        return pipe(name=name, concurrency=2)(count)

    results: Any = (counts("a") >> counts("b") >> counts("c")).amap(numbers)
    async with aclosing(cast("Any", results)) as taken:
        assert await anext(taken) == 1  # and then nobody takes any more
        await numbers.until_nobody_reads()
        held = numbers.read
        for _ in range(500):
            assert await anext(taken) > 1
        await numbers.until_nobody_reads()
        assert numbers.read - held < 2_500  # what was taken made room for as much, by whole chunks
    assert called["a"] >= called["b"] >= called["c"] > 500
