"""Back-pressure, stopping, cancelling, failing, acknowledging."""

from __future__ import annotations

import gc
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

import anyio
import pytest
from doubles import Blocking, Event, Fed, Log, Partitions, Recorder, micros, shown

from rivusio_core import pipe
from rivusio_core.errors import DrainTimeout, PipeError, RunError, SinkError, SourceError
from rivusio_core.listener import Listener, RunInfo
from rivusio_core.testing import VirtualClock
from rivusio_streams import AsyncPartition, AsyncSource, Flow, Position, RunConfig, Stream, Tumbling, agg

pytestmark = pytest.mark.anyio


async def until(condition: Callable[[], object]) -> None:
    """Let others run until something holds."""
    while not condition():
        await anyio.lowlevel.checkpoint()


# ----------------------------------------------------------------------------------- reading iterables


async def test_what_an_iterable_yielded_goes_on_while_its_next_item_blocks() -> None:
    """The source blocks its thread until the results of its first items have come out."""
    came_out = threading.Event()

    def blocking() -> Iterator[int]:
        yield 1
        yield 2
        assert came_out.wait(30)
        yield 3

    out: list[int] = []

    def note(number: int) -> int:
        if number == 2:
            came_out.set()
        return number

    await Stream.read(blocking()).map(note).write(out).arun()
    assert out == [1, 2, 3]


async def test_what_an_async_iterable_yielded_goes_on_while_its_next_item_waits() -> None:
    came_out = anyio.Event()

    async def waiting() -> AsyncIterator[int]:
        yield 1
        yield 2
        await came_out.wait()
        yield 3

    out: list[int] = []

    def note(number: int) -> int:
        if number == 2:
            came_out.set()
        return number

    await Stream.read(waiting()).map(note).write(out).arun()
    assert out == [1, 2, 3]


@pytest.mark.parametrize("is_async", [False, True])
async def test_an_endless_source_is_not_read_ahead_of_a_slow_sink(is_async: bool) -> None:
    """Promise: slow sink: memory stays bounded, since sources are not read ahead."""
    given = 0
    sink = Recorder(gate=anyio.Event())

    def numbers() -> Iterator[int]:
        nonlocal given
        while True:
            given += 1
            yield given

    async def async_numbers() -> AsyncIterator[int]:
        for number in numbers():
            yield number

    source: Any = async_numbers() if is_async else numbers()
    flow = Stream.read(source).map(lambda n: n).write(sink)
    async with anyio.create_task_group() as group:
        group.start_soon(flow.arun, RunConfig(chunk=10))
        await until(lambda: "write" in sink.log)
        for _ in range(200):
            await anyio.lowlevel.checkpoint()
        assert given <= 40
        group.cancel_scope.cancel()
    assert sink.log[-1] == "close"


async def test_channels_between_concurrent_steps_are_bounded() -> None:
    counts = {"a": 0, "b": 0}
    sink = Recorder(gate=anyio.Event())

    async def a(number: int) -> int:
        counts["a"] += 1
        return number

    async def b(number: int) -> int:
        counts["b"] += 1
        return number

    flow = Stream.read(iter(range(10**9))).map(a, concurrency=2).map(b, concurrency=2).write(sink)
    async with anyio.create_task_group() as group:
        group.start_soon(flow.arun, RunConfig(chunk=8))
        await until(lambda: "write" in sink.log)
        for _ in range(500):
            await anyio.lowlevel.checkpoint()
        assert counts["b"] <= 20
        assert counts["a"] <= 40
        group.cancel_scope.cancel()


async def test_a_generator_is_closed_when_the_run_is_cancelled() -> None:
    """vxgmichel/aiostream#7: a cancelled merge leaves tasks, or generators open."""
    log: list[str] = []
    sink = Recorder(gate=anyio.Event())
    closed = threading.Event()

    def sync_source() -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.set()

    async def async_source() -> AsyncIterator[int]:
        try:
            while True:
                yield 1
        finally:
            await anyio.lowlevel.checkpoint()
            log.append("async closed")

    flow = Stream.read(sync_source()).merge(Stream.read(async_source())).write(sink)
    async with anyio.create_task_group() as group:
        group.start_soon(flow.arun)
        await until(lambda: "write" in sink.log)
        group.cancel_scope.cancel()
    assert log == ["async closed"]
    assert await anyio.to_thread.run_sync(closed.wait, 30)
    assert sink.log[-1] == "close"


async def test_a_failing_generator_ends_the_run_behind_its_items() -> None:
    async def failing() -> AsyncIterator[int]:
        yield 1
        raise OSError("secret text")

    def failing_too() -> Iterator[int]:
        yield 1
        raise OSError("secret text")

    for source in (failing(), failing_too()):
        out: list[Any] = []
        windows = Stream.read(source).event_time(lambda n: n).tee(out).window(Tumbling("1s")).aggregate(agg.count())
        with pytest.raises(SourceError, match=r"source items: reading failed: OSError at test_engine\.py") as caught:
            await windows.write(out).arun()
        assert "secret" not in str(caught.value)
        assert out == [1]  # a failure is no end of input: the open window gave nothing


# --------------------------------------------------------------------------------------------- failing


async def test_a_failing_pipe_ends_the_run_and_everything_is_closed() -> None:
    @pipe
    def invert(number: int) -> float:
        return 1 / number

    source, sink = Partitions([[4, 2, 0, 1]]), Recorder()
    with pytest.raises(PipeError, match="pipe 'invert' failed on item 2: ZeroDivisionError") as caught:
        await Stream.read(source).through(invert).write(sink).arun()
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert sink.items == [0.25, 0.5]
    assert sink.log[-1] == "close"
    assert "flush" not in sink.log
    assert (source.closed, source.acknowledged) == (["0"], {})


@pytest.mark.parametrize("call", ["open", "write", "flush", "close"])
async def test_a_failing_sink_ends_the_run(call: str) -> None:
    source, sink = Partitions([[1, 2]]), Recorder(fails=call)
    with pytest.raises(SinkError, match=r"sink 'Recorder': .* failed: RuntimeError"):
        await Stream.read(source).write(sink).arun()
    assert sink.log[-1] == "close"
    assert source.acknowledged == ({"0": 2} if call == "close" else {})


async def test_a_failing_blocking_source_ends_the_run() -> None:
    source, sink = Blocking(range(100), fails_at=6), Recorder()
    with pytest.raises(SourceError, match="source Blocking: reading failed: OSError"):
        await Stream.read(source).write(sink).arun()
    assert sink.items == list(range(6))
    assert source.log == ["closed"]


async def test_two_failures_in_one_tick_are_one_error(caplog: pytest.LogCaptureFixture) -> None:
    """vxgmichel/aiostream PR#72: two failures in one tick leave an exception that nobody retrieves."""
    both = anyio.Event()

    async def fail(number: int) -> int:
        if number == 2:
            both.set()
        await both.wait()
        raise ValueError(number)

    a = Stream.read([1]).map(fail, name="a", concurrency=2)
    b = Stream.read([2]).map(fail, name="b", concurrency=2)
    with pytest.raises(PipeError, match=r"pipe '[ab]' failed on item 0"):
        await a.merge(b).write([]).arun()
    gc.collect()  # asyncio tells of an exception that nobody retrieved once its task is gone
    assert caplog.records == []


async def test_a_source_that_cannot_be_opened_leaves_nothing_open() -> None:
    class Broken(AsyncSource[int]):
        async def open_partition(self, partition: str, position: Position | None) -> AsyncPartition[int]:
            raise ConnectionError("no")

    fine, sink = Partitions([[1]]), Recorder()
    with pytest.raises(SourceError, match="source 'Broken': opening failed: ConnectionError"):
        await Stream.read(fine).merge(Stream.read(Broken())).write(sink).arun()
    assert fine.closed == ["0"]
    assert sink.log == ["open", "close"]


async def test_a_pipe_that_cannot_be_set_up_leaves_nothing_open() -> None:
    from rivusio_core import SyncBasePipe

    class Broken(SyncBasePipe[int, int]):
        def setup(self) -> None:
            raise ConnectionError("no")

        def process(self, item: int) -> int:
            return item

    source, sink = Partitions([[1]]), Recorder()
    with pytest.raises(ConnectionError):
        await Stream.read(source).through(Broken()).write(sink).arun()
    assert source.closed == ["0"]
    assert sink.log == ["open", "close"]


async def test_listeners_hear_of_the_run_and_its_end() -> None:
    heard: list[object] = []

    class Ear(Listener):
        def run_started(self, run: RunInfo) -> None:
            heard.append(run.steps)

        def run_ended(self, run: RunInfo, error: BaseException | None) -> None:
            heard.append(type(error).__name__)

        def watermark_moved(self, run: RunInfo, step: str, watermark: int, wall: int) -> None:
            heard.append((step, watermark))

    def fail(number: int) -> int:
        return 1 // number

    stream = Stream.read([5, 0]).event_time(lambda n: n).map(fail, name="fail")
    with pytest.raises(PipeError):
        await stream.write([]).arun(RunConfig(listeners=[Ear()], chunk=1))
    assert heard == [("items", "event_time", "fail", "list"), ("event_time", 5), "PipeError"]


# -------------------------------------------------------------------------------------------- stopping


async def test_a_stop_drains_what_is_in_flight() -> None:
    """Items that were read before the stop come out, batches included; the source is acknowledged that far."""
    source, out, stop, entered = Fed[int](), list[list[int]](), anyio.Event(), anyio.Event()
    release = anyio.Event()

    async def slow(number: int) -> int:
        if number == 3:
            entered.set()
        await release.wait()
        return number

    flow = Stream.read(source).map(slow, concurrency=5).batch(100).write(out)
    async with anyio.create_task_group() as group:

        async def run() -> None:
            report = await flow.arun(stop=stop)
            assert report.stopped

        group.start_soon(run)
        await source.send.send([1, 2, 3])
        await entered.wait()
        stop.set()
        await anyio.lowlevel.checkpoint()
        release.set()
    assert out == [[1, 2, 3]]
    assert source.acknowledged[-1] == 3
    assert source.log == ["closed"]


async def test_a_stop_ends_endless_iterables() -> None:
    stop, sink = anyio.Event(), Recorder()

    def endless() -> Iterator[int]:
        number = 0
        while True:
            yield number
            number += 1

    def note(number: int) -> int:
        if number == 5000:
            stop.set()
        return number

    report = await Stream.read(endless()).map(note).write(sink).arun(stop=stop)
    assert report.stopped
    assert sink.items == list(range(len(sink.items)))
    assert sink.log[-2:] == ["flush", "close"]


async def test_a_stop_that_takes_too_long_is_an_error_with_counts() -> None:
    source, sink, stop = Partitions([[1, 2, 3]]), Recorder(), anyio.Event()

    async def hang(number: int) -> int:
        stop.set()
        await anyio.sleep_forever()
        return number

    flow = Stream.read(source).map(hang).write(sink)
    with pytest.raises(DrainTimeout, match="drain_timeout=5s"):
        await flow.arun(RunConfig(clock=VirtualClock(), drain_timeout="5s"), stop=stop)
    assert (source.acknowledged, source.closed) == ({}, ["0"])
    assert sink.log == ["open", "close"]


async def test_cancelling_acknowledges_nothing_and_closes_everything() -> None:
    source, sink = Partitions([[1, 2, 3]]), Recorder(gate=anyio.Event())
    async with anyio.create_task_group() as group:
        group.start_soon(Stream.read(source).write(sink).arun)
        await until(lambda: "write" in sink.log)
        group.cancel_scope.cancel()
    assert (source.acknowledged, source.closed) == ({}, ["0"])
    assert sink.log == ["open", "write", "close"]


# --------------------------------------------------------------------------------------- acknowledging


async def test_everything_is_acknowledged_at_the_end() -> None:
    source = Partitions([[1, 2, 3], [4], []])
    await Stream.read(source).filter(lambda n: n > 100).write([]).arun()
    assert source.acknowledged == {"0": 3, "1": 1}


async def test_positions_are_acknowledged_from_time_to_time_after_a_flush() -> None:
    source, sink, clock = Fed[int](), Recorder(), VirtualClock()
    async with anyio.create_task_group() as group:
        group.start_soon(Stream.read(source).write(sink).arun, RunConfig(clock=clock, every="10s"))
        await source.send.send([1, 2, 3])
        await source.acknowledged.until(1)
        assert source.acknowledged == [3]
        assert sink.log[:3] == ["open", "write", "flush"]
        await source.send.send([4])
        while source.acknowledged[-1] != 4:
            await source.acknowledged.until(len(source.acknowledged) + 1)
        source.send.close()
    assert sink.items == [1, 2, 3, 4]


async def test_what_an_open_window_holds_is_not_acknowledged_before_the_end() -> None:
    source, clock, out = Fed[Event](), VirtualClock(), Log[Any]()
    flow = Stream.read(source).event_time(micros).window(Tumbling("10s")).aggregate(agg.count()).write(out)
    async with anyio.create_task_group() as group:
        group.start_soon(flow.arun, RunConfig(clock=clock, every="1s"))
        await source.send.send([Event(1), Event(11)])
        await out.until(1)
        await clock.sleep(10)
        assert source.acknowledged == []
        source.send.close()
    assert source.acknowledged == [2]


async def test_a_failing_acknowledgement_ends_the_run() -> None:
    class Failing(Partitions[int]):
        async def open_partition(self, partition: str, position: Position | None) -> AsyncPartition[int]:
            opened = await super().open_partition(partition, position)

            async def acknowledge(position: Position) -> None:
                raise ConnectionError

            opened.acknowledge = acknowledge  # type: ignore[method-assign]
            return opened

    with pytest.raises(SourceError, match="acknowledging failed: ConnectionError"):
        await Stream.read(Failing([[1]])).write([]).arun()


# ------------------------------------------------------------------------------------------------ time


async def test_an_idle_partition_holds_the_watermark_back_only_so_long() -> None:
    busy, quiet, out, clock = Fed[Event](), Fed[Event](), Log[Any](), VirtualClock()

    class Both(AsyncSource[Event]):
        async def partitions(self) -> Sequence[str]:
            return ["busy", "quiet"]

        async def open_partition(self, partition: str, position: Position | None) -> AsyncPartition[Event]:
            return await (busy if partition == "busy" else quiet).open_partition(partition, position)

    stream = Stream.read(Both()).event_time(micros, idle_after="30s").window(Tumbling("10s"))
    flow = stream.aggregate(agg.count()).write(out)
    async with anyio.create_task_group() as group:
        group.start_soon(flow.arun, RunConfig(clock=clock))
        await busy.send.send([Event(1)])
        await clock.sleep(10)
        await busy.send.send([Event(12)])
        await out.until(1)
        assert clock.monotonic() >= 30
        assert shown(out) == [(None, 0, 1)]
        await quiet.send.send([Event(3), Event(25)])  # it wakes up: 3 s is late, and it counts again
        busy.send.close()
        quiet.send.close()
    assert shown(out) == [(None, 0, 1), (None, 10, 1), (None, 20, 1)]


async def test_without_idle_after_a_quiet_partition_holds_everything() -> None:
    busy, out = Fed[Event](), list[Any]()
    quiet = Fed[Event]()
    merged = Stream.read(busy).event_time(micros).merge(Stream.read(quiet).event_time(micros))
    flow = merged.window(Tumbling("10s")).aggregate(agg.count()).write(out)
    async with anyio.create_task_group() as group:
        group.start_soon(flow.arun)
        await busy.send.send([Event(1), Event(12), Event(100)])
        for _ in range(100):
            await anyio.lowlevel.checkpoint()
        assert out == []
        await quiet.send.send([Event(50)])
        await until(lambda: len(out) == 2)
        busy.send.close()
        quiet.send.close()
    assert shown(out) == [(None, 0, 1), (None, 10, 1), (None, 50, 1), (None, 100, 1)]


async def test_an_idle_input_of_a_merge_holds_nothing_back() -> None:
    busy, quiet, out, clock = Fed[Event](), Fed[Event](), Log[Any](), VirtualClock()
    merged = Stream.read(busy).event_time(micros).merge(Stream.read(quiet).event_time(micros, idle_after="5s"))
    flow = merged.window(Tumbling("10s")).aggregate(agg.count()).write(out)
    async with anyio.create_task_group() as group:
        group.start_soon(flow.arun, RunConfig(clock=clock))
        await busy.send.send([Event(1), Event(12)])
        await out.until(1)
        busy.send.close()
        quiet.send.close()
    assert shown(out) == [(None, 0, 1), (None, 10, 1)]


async def test_a_partition_that_the_run_holds_back_is_not_idle() -> None:
    """The sink takes an hour; the partition has items all the time."""
    clock, out = VirtualClock(), list[Any]()
    late: list[Event] = []

    async def slow(event: Event) -> Event:
        await clock.sleep(3600)
        return event

    source = Partitions([[Event(t) for t in (1, 2, 3)], [Event(t) for t in (50, 60, 70)]], lot=1)
    stream = Stream.read(source).event_time(micros, idle_after="1s").map(slow)
    flow = stream.window(Tumbling("10s"), late_to=late).aggregate(agg.count()).write(out)
    await flow.arun(RunConfig(clock=clock))
    assert late == []
    assert shown(out)[0] == (None, 0, 3)


async def test_one_stamp_in_the_far_future_makes_nothing_late() -> None:
    clock, out = VirtualClock(wall=0), list[Any]()
    stream = Stream.read([Event(1), Event(10**9), Event(2), Event(11)]).event_time(micros, max_future="1m")
    report = await stream.window(Tumbling("10s")).aggregate(agg.count()).write(out).arun(RunConfig(clock=clock))
    assert shown(out) == [(None, 0, 2), (None, 10, 1), (None, 10**9, 1)]
    assert report.ahead == 1
    assert "too far in the future" in report.summary()


async def test_a_source_that_knows_times_needs_no_function() -> None:
    class Timed(Partitions[str]):
        timed = True

        async def open_partition(self, partition: str, position: Position | None) -> AsyncPartition[str]:
            opened = await super().open_partition(partition, position)
            given = opened.next_batch
            last: list[str] = []

            async def next_batch(maximum: int) -> list[str]:
                last[:] = await given(maximum)
                return list(last)

            opened.next_batch = next_batch  # type: ignore[method-assign]
            opened.times = lambda: [int(each) * 1_000_000 for each in last]  # type: ignore[method-assign]
            return opened

    out: list[Any] = []
    plain = Stream.read(Timed([["1", "12", "5"]]))
    report = await plain.window(Tumbling("10s")).aggregate(agg.count()).write(out).arun()
    assert (shown(out), report.steps["aggregate"].late) == ([(None, 0, 1), (None, 10, 1)], 1)
    out.clear()
    bounded = plain.event_time(out_of_order="10s").window(Tumbling("10s"))
    await bounded.aggregate(agg.count()).write(out).arun()
    assert shown(out) == [(None, 0, 2), (None, 10, 1)]


async def test_the_partition_furthest_behind_goes_first() -> None:
    """While one chunk is dealt with, others wait: of those, the one that holds the watermark back is taken next."""
    order: list[float] = []

    async def note(event: Event) -> Event:
        order.append(event.time)
        for _ in range(20):
            await anyio.lowlevel.checkpoint()
        return event

    ahead = [Event(t) for t in range(100, 110)]
    behind = [Event(t) for t in range(10)]
    source = Partitions([ahead, behind], lot=1)
    await Stream.read(source).event_time(micros).map(note).write([]).arun(RunConfig(chunk=1))
    assert [t for t in order if t < 100] == list(range(10))
    assert order.index(9) < order.index(103)


def test_runs_from_sync_code_unwrap_groups() -> None:
    with pytest.raises(RunError) as caught:
        Flow.of(Stream.read([0]).map(lambda n: 1 / n).write([]), Stream.read([0]).map(lambda n: 1 / n).write([])).run()
    assert not isinstance(caught.value, BaseExceptionGroup)
