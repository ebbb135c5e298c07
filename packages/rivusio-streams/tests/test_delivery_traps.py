"""Traps of delivery and stopping that other engines fell into, by their public issues: here each is a test."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.to_thread
import pytest
from anyio.lowlevel import checkpoint
from doubles import Log

from rivusio_core import BadRecord, Retry, Transient, pipe
from rivusio_core.errors import DrainTimeout, PipeError, RunError
from rivusio_core.testing import VirtualClock
from rivusio_streams import (
    AsyncPartition,
    AsyncSink,
    AsyncSource,
    EndOfPartition,
    Flow,
    MemoryStore,
    Partition,
    Position,
    RunConfig,
    Source,
    Stream,
)
from rivusio_streams.report import Report

pytestmark = pytest.mark.anyio


@dataclass(eq=False)
class Topic(AsyncSource[int]):
    """Numbers that can be read again from any place; the test adds to them."""

    numbers: Log[int] = field(default_factory=lambda: Log[int]())
    ends: bool = False
    fails: str = ""
    acknowledged: Log[Any] = field(default_factory=lambda: Log[Any]())
    replay = "seekable"

    def __post_init__(self) -> None:
        self.bounded = self.ends

    async def open_partition(self, partition: str, position: Position | None) -> AsyncPartition[int]:
        if self.fails == "opening":
            raise ConnectionError
        return _Reader(self, position)

    async def until_acknowledged(self, position: int) -> None:
        while position not in self.acknowledged:
            await self.acknowledged.until(len(self.acknowledged) + 1)


class _Reader(AsyncPartition[int]):
    def __init__(self, topic: Topic, position: Any) -> None:
        self.topic, self.next = topic, position or 0

    async def next_batch(self, maximum: int) -> list[int]:
        if self.topic.fails == "reading":
            raise ConnectionError
        if self.topic.ends and self.next == len(self.topic.numbers):
            raise EndOfPartition
        await self.topic.numbers.until(self.next + 1)
        given = self.topic.numbers[self.next : self.next + maximum]
        self.next += len(given)
        return given

    def position(self) -> Position:
        return self.next

    async def acknowledge(self, position: Position) -> None:
        self.topic.acknowledged.append(position)


def topic(*numbers: int, ends: bool = False) -> Topic:
    made = Topic(ends=ends)
    made.numbers.extend(numbers)
    return made


@dataclass(eq=False)
class Table(AsyncSink[Any]):
    """Says what was written and what of it is durable; `held`: writing does not return."""

    written: Log[Any] = field(default_factory=lambda: Log[Any]())
    durable: int = 0
    held: bool = False

    def __copy__(self) -> Table:
        return self

    async def write(self, batch: Sequence[Any]) -> None:
        self.written.extend(batch)
        while self.held:
            await anyio.sleep_forever()

    async def flush(self) -> None:
        self.durable = len(self.written)


@asynccontextmanager
async def running(flow: Flow, config: RunConfig, stop: anyio.Event) -> AsyncIterator[list[Report | BaseException]]:
    """A run beside the test, which is to end it; how it ended is in the list."""
    ended = list[Report | BaseException]()

    async def run() -> None:
        try:
            ended.append(await flow.arun(config, stop=stop))
        except RunError as error:
            ended.append(error)

    async with anyio.create_task_group() as group:
        group.start_soon(run)
        with (config.clock or VirtualClock()).deadline(300) as scope:
            yield ended
        if scope.cancelled_caught:
            group.cancel_scope.cancel()
    assert not scope.cancelled_caught, "what the test waits for did not come in five minutes"


# -------------------------------------------------------------------------------------------------------- stopping


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("how", ["drain timeout", "second signal"])
async def test_what_a_broken_off_stop_has_not_written_is_not_acknowledged(kept: bool, how: str) -> None:
    """meltano/sdk#3775: SIGTERM during drain acknowledges unwritten data."""
    source, table, stop = topic(1, 2, 3), Table(), anyio.Event()
    store = MemoryStore() if kept else None
    config = RunConfig(clock=VirtualClock(), every="1s", drain_timeout="5s", checkpoint=store)
    flow = Stream.read(source).write(table)
    ended = list[Report | BaseException]()
    with anyio.CancelScope() as scope:
        async with running(flow, config, stop) as ended:
            await source.until_acknowledged(3)
            table.held = True
            source.numbers.extend([4, 5])
            await table.written.until(5)
            stop.set()
            await checkpoint()
            if how == "second signal":
                scope.cancel()
    assert [type(each) for each in ended] == ([DrainTimeout] if how == "drain timeout" else [])
    assert (source.acknowledged, table.durable) == ([3], 3)
    if kept:  # the next run reads what was not written
        source.ends, source.bounded, table.held = True, True, False
        await flow.arun(config)
        assert table.written[5:] == [4, 5]
        assert source.acknowledged[-1] == 5


async def test_a_stop_does_not_wait_for_the_timer_of_a_batch() -> None:
    """vectordotdev/vector#11405: a batch timer longer than the shutdown deadline, and the batch is lost."""
    source, table, stop, clock = topic(1, 2), Table(), anyio.Event(), VirtualClock()
    flow = Stream.read(source).batch(100, within="1h").write(table)
    async with running(flow, RunConfig(clock=clock, every="2h", drain_timeout="5s"), stop) as ended:
        await clock.sleep(1)
        stop.set()
    assert isinstance(ended[0], Report)
    assert ended[0].stopped
    assert (clock.monotonic(), table.written, source.acknowledged) == (1.0, [[1, 2]], [2])


@pytest.mark.parametrize("part", ["sink", "pipe"])
async def test_retrying_for_ever_does_not_hold_up_a_stop(part: str) -> None:
    """vectordotdev/vector#9739: a sink that retries for ever blocks the shutdown."""
    source, stop, clock, tried = topic(1, 2), anyio.Event(), VirtualClock(), Log[float]()

    class Stubborn(AsyncSink[int]):
        async def write(self, batch: Sequence[int]) -> None:
            while len(tried) < 100:
                tried.append(clock.monotonic())
                await clock.sleep(60)

    @pipe(retry=Retry(attempts=100, backoff="60s"))
    async def stubborn(number: int) -> int:
        tried.append(clock.monotonic())
        raise Transient

    flow = Stream.read(source).write(Stubborn()) if part == "sink" else Stream.read(source).through(stubborn).write([])
    async with running(flow, RunConfig(clock=clock, every="1s", drain_timeout="90s"), stop) as ended:
        await tried.until(3)
        stop.set()
    assert isinstance(ended[0], DrainTimeout)
    assert source.acknowledged == []
    assert clock.monotonic() == 120 + 90


@dataclass(eq=False)
class Queues(AsyncSource[int]):
    """Two queues: what was taken out of one is nowhere else."""

    queues: dict[str, list[int]]
    acknowledged: dict[str, Any] = field(default_factory=dict[str, Any])
    bounded = False

    async def partitions(self) -> Sequence[str]:
        return [*self.queues]

    async def open_partition(self, partition: str, position: Position | None) -> AsyncPartition[int]:
        return _Taker(self, partition)


class _Taker(AsyncPartition[int]):
    def __init__(self, source: Queues, name: str) -> None:
        self.source, self.name, self.taken = source, name, 0

    async def next_batch(self, maximum: int) -> list[int]:
        await checkpoint()
        queue = self.source.queues[self.name]
        if not queue:
            await anyio.sleep_forever()
        self.taken += 1
        return [queue.pop(0)]

    def position(self) -> Position:
        return self.taken

    async def acknowledge(self, position: Position) -> None:
        self.source.acknowledged[self.name] = position


async def test_what_was_fetched_is_written_whenever_the_stop_comes() -> None:
    """airtai/faststream#2462: what was fetched and not yet dispatched is lost at a stop."""
    turns, left = 0, 1
    while left:
        source, table, stop = Queues({"even": [0, 2, 4, 6, 8], "odd": [1, 3, 5, 7, 9]}), Table(), anyio.Event()

        async def slow(number: int) -> int:
            await checkpoint()
            await checkpoint()
            return number

        async with running(Stream.read(source).map(slow).write(table), RunConfig(clock=VirtualClock()), stop):
            for _ in range(turns):
                await checkpoint()
            stop.set()
        left = sum(map(len, source.queues.values()))
        assert sorted(table.written) == sorted({*range(10)} - {*source.queues["even"], *source.queues["odd"]})
        taken = {name: 5 - len(queue) for name, queue in source.queues.items() if len(queue) < 5}
        assert source.acknowledged == taken, f"stopped after {turns} turns"
        turns += 1
    assert turns > 20


async def test_what_a_thread_was_fetching_when_the_stop_came_is_written() -> None:
    """The same for a source whose calls block: the one under way cannot be taken back."""
    begun, go, stop, table = threading.Event(), threading.Event(), anyio.Event(), Table()

    class Blocks(Source[int], Partition[int]):
        bounded = False

        def open_partition(self, partition: str, position: Position | None) -> Partition[int]:
            return self

        def next_batch(self, maximum: int) -> list[int]:
            begun.set()
            assert go.wait(30)
            return [1, 2]

    async with running(Stream.read(Blocks()).write(table), RunConfig(), stop) as ended:
        await anyio.to_thread.run_sync(begun.wait, 30)
        stop.set()
        for _ in range(20):
            await checkpoint()
        go.set()
    assert isinstance(ended[0], Report)
    assert table.written == [1, 2]


async def test_what_was_taken_from_an_iterator_is_written() -> None:
    """The same for iterables, which are read ahead: what they yielded can be had nowhere else."""
    for turns in range(2, 40):
        taken, table, stop, pause = list[int](), Table(), anyio.Event(), turns % 5

        async def numbers(taken: list[int] = taken, pause: int = pause) -> AsyncIterator[int]:
            while True:
                taken.append(len(taken))
                yield taken[-1]
                for _ in range(pause):
                    await checkpoint()

        async with running(Stream.read(numbers()).write(table), RunConfig(chunk=8), stop):
            for _ in range(turns):
                await checkpoint()
            stop.set()
        assert table.written == taken, f"after {turns} turns"


class Received(AsyncSource[int], AsyncPartition[int]):
    """What comes out of a queue as it is read, one by one."""

    bounded = False

    def __init__(self) -> None:
        self.send, self.receive = anyio.create_memory_object_stream[int](10)

    async def open_partition(self, partition: str, position: Position | None) -> AsyncPartition[int]:
        return self

    async def next_batch(self, maximum: int) -> list[int]:
        return [await self.receive.receive()]


async def test_an_item_that_comes_just_as_its_reading_is_cancelled_is_not_lost() -> None:
    """python/asyncio#201: an item is lost where the wait for it, with a timeout, is cancelled as it comes."""
    turns, left = 0, 1
    while left:
        source, out, stop = Received(), Log[list[int]](), anyio.Event()
        timed = Stream.read(source).event_time(lambda n: n, idle_after="1s")
        with source.send, source.receive:
            async with running(timed.batch(3, within="1s").write(out), RunConfig(clock=VirtualClock()), stop):
                for turn in range(turns):
                    await checkpoint()
                    if turn % 2 and turn < 20:
                        source.send.send_nowait(turn // 2)
                stop.set()
            left = 10 - sum(map(len, out))
            unread = source.receive.statistics().current_buffer_used
            assert [n for each in out for n in each] == [*range(min(turns // 2, 10) - unread)], f"after {turns} turns"
        turns += 1
    assert turns > 20


# --------------------------------------------------------------------------------------------------- acknowledging


async def test_what_is_acknowledged_is_durable() -> None:
    """FastStream's ACK_FIRST: items are committed before they are processed, and a failure loses them."""
    table, clock, checked = Table(), VirtualClock(), list[int]()

    class Asked(Topic):
        async def open_partition(self, partition: str, position: Position | None) -> AsyncPartition[int]:
            reader = await super().open_partition(partition, position)

            async def acknowledge(position: Any) -> None:
                assert table.written[:position] == [*range(position)]
                assert table.durable >= position
                checked.append(position)

            reader.acknowledge = acknowledge  # type: ignore[method-assign]
            return reader

    async def slow(number: int) -> int:
        await clock.sleep(1 + number * 7 % 5)
        if number == 250:
            raise ValueError
        return number

    source = Asked(ends=True)
    source.numbers.extend(range(300))
    flow = Stream.read(source).map(slow, concurrency=3).write(table)
    with pytest.raises(PipeError, match="pipe 'slow' failed on item 250"):
        await flow.arun(RunConfig(clock=clock, every="2s", chunk=2))
    assert len(checked) > 5
    assert max(checked) <= 250


async def test_a_gap_of_items_that_failed_holds_back_no_position() -> None:
    """robinhood/faust#596: a gap that is never filled blocks commits for ever."""
    source, clock, stop, letters = topic(*range(12)), VirtualClock(), anyio.Event(), list[Any]()

    @pipe(concurrency=4, on_error="skip")
    async def picky(number: int) -> int:
        await clock.sleep(12 - number)
        if number % 4 == 1:
            raise BadRecord("a dead letter")
        if number % 4 == 2:
            raise ValueError("skipped")
        return number

    table = Table()
    config = RunConfig(clock=clock, every="1s", dead_letters=letters)
    async with running(Stream.read(source).through(picky).write(table), config, stop):
        await source.until_acknowledged(12)
        stop.set()
    assert table.written == [0, 3, 4, 7, 8, 11]
    assert [each.value for each in letters] == [1, 5, 9]


async def test_filtered_items_are_acknowledged_while_the_run_goes_on() -> None:
    """robinhood/faust PR#208: items that a filter takes out are never acknowledged."""
    source, stop = topic(1, 2, 3), anyio.Event()
    none = Stream.read(source).filter(lambda n: n > 100)
    async with running(none.write([]), RunConfig(clock=VirtualClock()), stop):
        await source.until_acknowledged(3)
        stop.set()


# ------------------------------------------------------------------------------------------------------ checkpoints


async def test_state_and_positions_are_of_the_same_moment() -> None:
    """Quix Streams (documentation of state): state runs ahead of positions, and a restart counts items twice."""
    source, clock, store, out = topic(1, 2, 3), VirtualClock(), MemoryStore(), Log[int]()
    flow = Stream.read(source).key_by(lambda _: 0).scan(0, lambda total, n: total + n).map(lambda each: each[1])
    config = RunConfig(clock=clock, checkpoint=store, every="1h")
    async with anyio.create_task_group() as group:
        group.start_soon(flow.write(out).named("sums").arun, config)
        await source.until_acknowledged(3)
        source.numbers.extend([4, 5])
        await out.until(5)
        group.cancel_scope.cancel()  # as if killed: the totals 10 and 15 are in no checkpoint
    source.ends = source.bounded = True
    await flow.write(out).named("sums").arun(config)
    assert out == [1, 3, 6, 10, 15, 10, 15]


@pytest.mark.parametrize("what", ["stopped at once", "cancelled at once", "opening fails", "reading fails"])
async def test_a_run_that_reads_nothing_overwrites_no_state(what: str) -> None:
    """meltano/sdk#3000: the empty state of a run that failed early overwrites the good one."""
    source, clock, store, out, stop = topic(1, 2, 3), VirtualClock(), MemoryStore(), Log[int](), anyio.Event()
    totals = Stream.read(source).key_by(lambda _: 0).scan(0, lambda total, n: total + n)
    flow = totals.map(lambda each: each[1]).write(out).named("sums")
    config = RunConfig(clock=clock, checkpoint=store)
    async with running(flow, config, stop):
        await out.until(3)
        stop.set()
    source.fails = what.removesuffix(" fails") if what.endswith("fails") else ""
    for _ in range(5):
        with anyio.CancelScope() as scope, suppress(RunError):
            if what.startswith("cancelled"):
                scope.cancel()
            await flow.arun(config, stop=stop)
    source.numbers.append(4)
    source.fails, source.ends, source.bounded = "", True, True
    await flow.arun(config)
    assert out == [1, 3, 6, 10]
