"""A run that is cancelled, at whatever moment: everything is closed once, nothing goes on, and nothing is lost."""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Annotated, Any

import anyio
import anyio.lowlevel
import pytest

from rivusio_core import Use, pipe, resource
from rivusio_streams import (
    AsyncPartition,
    AsyncSink,
    AsyncSource,
    EndOfPartition,
    Flow,
    JsonLines,
    MemoryStore,
    Position,
    RunConfig,
    Sink,
    Stream,
    Tumbling,
    agg,
)
from rivusio_streams.engine import blocking

COUNT = 40


class Opened(Counter[str]):
    """How often each thing is open now; never below nothing."""

    def open(self, name: str) -> None:
        self[name] += 1

    def close(self, name: str) -> None:
        assert self[name] > 0, f"{name} is closed twice"
        self[name] -= 1


class Numbers(AsyncSource[int]):
    replay = "seekable"

    def __init__(self, opened: Opened) -> None:
        self.opened = opened

    async def partitions(self) -> Sequence[str]:
        await anyio.lowlevel.checkpoint()
        return ["even", "odd"]

    async def open_partition(self, partition: str, position: Position | None) -> AsyncPartition[int]:
        await anyio.lowlevel.checkpoint()
        return _Half(self.opened, partition, position)


class _Half(AsyncPartition[int]):
    def __init__(self, opened: Opened, name: str, position: Any) -> None:
        self.opened, self.name = opened, name
        self.next = (0 if name == "even" else 1) if position is None else position
        opened.open(name)

    async def next_batch(self, maximum: int) -> list[int]:
        await anyio.lowlevel.checkpoint()
        if self.next >= COUNT:
            raise EndOfPartition
        self.next += 2
        return [self.next - 2]

    def position(self) -> Position:
        return self.next

    async def acknowledge(self, position: Position) -> None:
        await anyio.lowlevel.checkpoint()

    async def close(self) -> None:
        self.opened.close(self.name)
        await anyio.lowlevel.checkpoint()


class Kept(Sink[int]):
    """Shares a file with nobody; counts its openings."""

    def __init__(self, opened: Opened) -> None:
        self.opened = opened

    def open(self) -> None:
        self.opened.open("sink")

    def write(self, batch: Sequence[int]) -> None:
        assert self.opened["sink"] == 1

    def close(self) -> None:
        self.opened.close("sink")


_CURRENT = [Opened()]


@resource
async def connection() -> AsyncIterator[Opened]:
    await anyio.lowlevel.checkpoint()
    opened = _CURRENT[-1]
    opened.open("connection")
    yield opened
    opened.close("connection")
    await anyio.lowlevel.checkpoint()


@pipe(concurrency=3)
async def looks_up(n: int, *, link: Annotated[Opened, Use(connection)]) -> int:
    await anyio.lowlevel.checkpoint()
    await anyio.lowlevel.checkpoint()
    assert link["connection"] == 1
    return n


def flow(opened: Opened, place: Path) -> Flow:
    _CURRENT[-1] = opened
    looked = Stream.read(Numbers(opened)).through(looks_up)
    timed = looked.event_time(lambda n: n * 1_000_000, out_of_order="5s").tee(Kept(opened))
    counted = timed.window(Tumbling("10s")).aggregate(agg.collect())
    return counted.map(lambda each: sorted(each.value)).write(JsonLines(place / "out.jsonl")).named("numbers")


EXPECTED = ["[" + ",".join(map(str, range(start, start + 10))) + "]" for start in range(0, COUNT, 10)]


def calls_of_runs() -> list[str]:
    """Threads that are at a call which a run has made. Those that wait for one do not count: old anyio keeps many."""
    found = list[str]()
    for frame in sys._current_frames().values():
        files = [each.filename for each in traceback.extract_stack(frame)]
        found += [each for each in files if each == blocking.__file__]
    return found


@pytest.mark.anyio
@pytest.mark.parametrize("kept", [True, False])
async def test_at_every_moment(tmp_path: Path, kept: bool) -> None:
    """After so many turns of the event loop, for all numbers of turns until the run is over by itself."""
    turns, over = 0, False
    while not over:
        place = tmp_path / str(turns)
        place.mkdir()
        opened, store = Opened(), MemoryStore()
        config = RunConfig(checkpoint=store if kept else None, every="2ms")
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:

                async def cancel(after: int, scope: anyio.CancelScope) -> None:
                    for _ in range(after):
                        await anyio.lowlevel.checkpoint()
                    scope.cancel()

                group.start_soon(cancel, turns, scope)
                await flow(opened, place).arun(config)
                over = True
                group.cancel_scope.cancel()
        assert not +opened, f"left open after {turns} turns: {+opened}"
        if kept:
            await flow(opened, place).arun(config)
            assert (place / "out.jsonl").read_text().split() == EXPECTED, f"after {turns} turns"
        turns += 1 + turns // 20
    assert turns > 100
    while calls_of_runs():  # noqa: ASYNC110  # threads set no event; for ever, if one never returns
        await anyio.sleep(0.001)


class Slow(AsyncSink[int]):
    def __init__(self, opened: Opened) -> None:
        self.opened = opened

    async def open(self) -> None:
        self.opened.open("sink")

    async def write(self, batch: Sequence[int]) -> None:
        await anyio.lowlevel.checkpoint()

    async def close(self) -> None:
        self.opened.close("sink")
        await anyio.lowlevel.checkpoint()


# anyio makes the coroutine of a task before its first step; asyncio may end the task before that step.
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
def test_the_loop_ends_at_every_moment() -> None:
    """The main function returns while the run goes on beside it: asyncio cancels it, also while it closes."""
    turns, over = 0, False
    while not over:
        opened = _CURRENT[-1] = Opened()
        flow = Stream.read(Numbers(opened)).through(looks_up).tee(Slow(opened)).write(Slow(Opened()))

        async def run(flow: Flow = flow) -> None:
            nonlocal over
            await flow.arun()
            over = True

        async def main(turns: int = turns, run: Callable[[], Coroutine[None, None, None]] = run) -> None:
            running = asyncio.create_task(run())
            for _ in range(turns):
                await anyio.lowlevel.checkpoint()
            assert running is not None

        asyncio.run(main())
        assert not +opened, f"left open after {turns} turns: {+opened}"
        turns += 1 + turns // 20
    assert turns > 50
