"""A run as something to hold: started in a thread, watched, stopped from anywhere, kept as a savepoint."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from doubles import Fed

from rivusio_core import pipe
from rivusio_core.errors import CheckpointError, CheckpointWriteError, PipeError, SinkError
from rivusio_core.listener import Listener, RunInfo, Treatment
from rivusio_core.testing import VirtualClock
from rivusio_streams import AsyncPartition, AsyncSource, Position, RunConfig, Source, Stream, Tumbling, agg
from rivusio_streams.checkpoint import MemoryStore
from rivusio_streams.run import Run, current_run
from rivusio_streams.source import Partition


class Counting(Source[int]):
    """All numbers from 0, without end; can go on from any."""

    bounded = False
    replay = "seekable"

    def open_partition(self, partition: str, position: Position | None) -> Partition[int]:
        return _Counted(0 if position is None else position)


class _Counted(Partition[int]):
    def __init__(self, start: Any) -> None:
        self.next = start

    def next_batch(self, maximum: int) -> list[int]:
        self.next += 10
        return list(range(self.next - 10, self.next))

    def position(self) -> Position:
        return self.next


class AsyncCounting(AsyncSource[int]):
    bounded = False
    replay = "seekable"

    async def open_partition(self, partition: str, position: Position | None) -> AsyncPartition[int]:
        return _AsyncCounted(position)


class _AsyncCounted(AsyncPartition[int]):
    def __init__(self, position: Any) -> None:
        self.next = position or 0

    async def next_batch(self, maximum: int) -> list[int]:
        await anyio.lowlevel.checkpoint()
        self.next += 1
        return [self.next - 1]

    def position(self) -> Position:
        return self.next


class Seen:
    """Results that another thread can wait for."""

    def __init__(self, count: int) -> None:
        self.items, self.enough, self._count = list[int](), threading.Event(), count

    def __call__(self, item: int) -> int:
        self.items.append(item)
        if len(self.items) >= self._count:
            self.enough.set()
        return item


# -------------------------------------------------------------------------------------------------- in a thread


def test_a_run_in_a_thread_is_watched_and_stopped() -> None:
    seen = Seen(50)
    run = Stream.read(Counting()).map(seen).write([]).named("numbers").start()
    assert seen.enough.wait(30)
    record = run.status()
    assert (record.name, record.state) == ("numbers", "running")
    assert record.steps[1].counts["taken"] >= 40
    with pytest.raises(TimeoutError, match="numbers is not over after 1ms; it goes on"):
        run.wait("1ms")
    run.stop()
    run.stop()
    report = run.wait("30s")
    assert report.stopped
    assert [*report.steps.values()][1].taken == len(seen.items)
    assert run.status().state == "stopped"
    run.stop()  # nothing to do any more


def test_leaving_the_run_stops_it() -> None:
    seen = Seen(1)
    with Stream.read(Counting()).map(seen).write([]).prepare() as run:
        assert seen.enough.wait(30)
    assert run.status().state == "stopped"


def test_leaving_it_by_an_error_shows_that_error_and_stops_the_run() -> None:
    seen = Seen(1)
    run = Stream.read(Counting()).map(seen).write([]).prepare()

    def use() -> None:
        with run:
            assert seen.enough.wait(30)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        use()
    assert run.status().state == "stopped"


def test_what_ends_a_run_is_raised_to_who_waits() -> None:
    run = Stream.read([1, 0]).map(lambda n: 1 // n).write([]).start()
    with pytest.raises(PipeError, match="ZeroDivisionError"):
        run.wait("30s")
    assert run.status().state == "failed"
    with pytest.raises(PipeError), run:
        pass


def test_a_run_runs_once() -> None:
    run = Stream.read([1]).write([]).prepare()
    assert run.status().state == "opening"
    with pytest.raises(RuntimeError, match=r"call start\(\) first"):
        run.wait()
    run.run()
    for again in (run.start, run.run):
        with pytest.raises(RuntimeError, match="started already; make another"):
            again()


def test_stopped_before_it_begins() -> None:
    run = Stream.read(Counting()).write(out := list[int]()).prepare()
    run.stop()
    assert run.run().stopped
    assert len(out) <= 10


# ---------------------------------------------------------------------------------------------- from inside


def pipes(stop: Callable[[], None]) -> dict[str, Any]:
    def call(n: int) -> int:
        if n == 25:
            stop()
        return n

    async def acall(n: int) -> int:
        return call(n)

    return {"sync": pipe(call), "thread": pipe(call, thread=True), "async": pipe(acall)}


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["sync", "thread", "async"])
@pytest.mark.parametrize("source", [Counting, AsyncCounting])
async def test_stop_called_from_inside_a_pipe(kind: str, source: Callable[[], Any]) -> None:
    """The trap: a stop from inside waits for itself. What was read is dealt with; nothing after it is read."""
    out = list[int]()
    made = pipes(lambda: current_run().stop())[kind]
    run = Stream.read(source()).through(made).write(out).prepare()
    report = await run.arun()
    assert report.stopped
    assert out == list(range(len(out)))
    assert 25 in out


@pytest.mark.anyio
async def test_stop_called_from_an_error_handler() -> None:
    """apache/kafka KAFKA-4366: stopping from an error handler waits for itself.

    A listener that hears of a failure stops the run; the other items of the chunk are dealt with.
    """

    class Stopper(Listener):
        def item_failed(self, run: RunInfo, error: PipeError, treatment: Treatment) -> None:
            handle.stop()

    out = list[int]()
    failing = pipe(lambda n: 100 // (n - 7), on_error="skip")
    handle = Stream.read(Counting()).through(failing).write(out).prepare(RunConfig(listeners=[Stopper()]))
    report = await handle.arun()
    assert report.stopped
    assert sum(tally.skipped for tally in report.steps.values()) == 1


def test_nothing_calls_it_where_no_run_is() -> None:
    with pytest.raises(RuntimeError, match="no run of a flow calls this code"):
        current_run()


@pytest.mark.anyio
async def test_two_runs_know_themselves() -> None:
    found = dict[int, set[Run]]()

    def note(n: int) -> int:
        found.setdefault(n, set()).add(current_run())
        return n

    runs = [Stream.read([n] * 10).map(note).write([]).prepare() for n in (1, 2)]
    async with anyio.create_task_group() as group:
        for run in runs:
            group.start_soon(run.arun)
    assert found == {1: {runs[0]}, 2: {runs[1]}}


# ---------------------------------------------------------------------------------------------- savepoints


def test_a_savepoint_of_a_running_flow(tmp_path: Path) -> None:
    """Stop, change the code, and go on from the name: nothing is lost or counted twice."""
    seen, out = Seen(30), list[tuple[int, int]]()

    def flow(source: Any, out: list[tuple[int, int]]) -> Any:
        timed = Stream.read(source).event_time(lambda n: n * 1_000_000).map(seen)
        counted = timed.window(Tumbling("1000s")).aggregate(agg.count())
        return counted.map(lambda each: (round(each.window.start.timestamp()), each.value)).write(out).named("counts")

    with flow(Counting(), out).start(RunConfig(checkpoint=tmp_path / "state.db", every="1h")) as run:
        assert seen.enough.wait(30)
        number = run.savepoint("before-change")
        with pytest.raises(CheckpointWriteError, match="there is a savepoint 'before-change' already"):
            run.savepoint("before-change")
    assert number == 1
    with pytest.raises(CheckpointError, match="is not going on"):
        run.savepoint("late")


@pytest.mark.anyio
async def test_a_savepoint_from_async_code_and_a_start_from_it() -> None:
    clock, store, source, out = VirtualClock(), MemoryStore(), Fed[int](), list[list[int]]()

    def flow(source: Fed[int]) -> Any:
        timed = Stream.read(source).event_time(lambda n: n * 1_000_000)
        return timed.window(Tumbling("10s")).collect().map(lambda each: each.value).write(out).named("collected")

    run = flow(source).prepare(RunConfig(checkpoint=store, clock=clock, every="1h"))
    async with anyio.create_task_group() as group:
        group.start_soon(run.arun)
        await source.send.send([1, 2])
        await clock.sleep(1)
        assert await run.asavepoint("two") == 1
        await source.send.send([3])
        await clock.sleep(1)
        run.stop()
    from rivusio_streams.checkpoint.history import History

    store.open("collected")
    history = History(store)
    store.delete([name for name in store.names() if not name.startswith("savepoint")])
    assert history.savepoints() == ["two"]
    store.close()
    second = Fed[int]()
    config = RunConfig(checkpoint=store, clock=clock, savepoint="two")
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: flow(second).arun(config))
        await second.send.send([4])
        second.send.close()
    assert out == [[1, 2, 4]]


@pytest.mark.anyio
async def test_savepoints_that_cannot_be() -> None:
    errors = list[str]()

    async def asks(n: int) -> int:
        try:
            await current_run().asavepoint("inside")
        except RuntimeError as error:
            errors.append(str(error))
        return n

    run = Stream.read([1]).through(pipe(asks)).write([]).prepare()
    with pytest.raises(CheckpointError, match="is not going on"):
        await run.asavepoint("early")
    await run.arun()
    assert errors == ["a step of a run cannot make a savepoint of it: it would wait for itself"]

    source = Fed[int]()
    run = Stream.read(source).write([]).prepare()
    async with anyio.create_task_group() as group:
        group.start_soon(run.arun)
        await source.send.send([1])
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(RuntimeError, match=r"await asavepoint\(\) instead"):
            run.savepoint("blocking")
        with pytest.raises(RuntimeError, match="would block the event loop"):
            run.wait()
        with pytest.raises(CheckpointError, match="a run without checkpoints"):
            await run.asavepoint("nowhere")
        run.stop()


@pytest.mark.anyio
async def test_a_savepoint_does_not_wait_for_a_run_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """The barrier waits behind an item that then fails: who asked hears of it."""
    called, going, source = anyio.Event(), anyio.Event(), Fed[int]()

    async def fails(n: int) -> int:
        called.set()
        await going.wait()
        raise SinkError("gone")

    run = Stream.read(source).through(pipe(fails)).write([]).prepare(RunConfig(checkpoint=MemoryStore()))
    ended, asked = list[Exception](), list[Exception]()

    async def until_it_fails() -> None:
        with pytest.raises(PipeError, match="pipe 'fails' failed on item 0: SinkError") as raised:
            await run.arun()
        ended.append(raised.value)

    async def ask() -> None:
        with pytest.raises(CheckpointError, match="ended before 'now' was kept") as raised:
            await run.asavepoint("now")
        asked.append(raised.value)

    caplog.set_level(logging.CRITICAL)
    async with anyio.create_task_group() as group:
        group.start_soon(until_it_fails)
        await source.send.send([1])
        await called.wait()
        group.start_soon(ask)
        await anyio.wait_all_tasks_blocked()
        going.set()
    assert (len(ended), len(asked)) == (1, 1)
