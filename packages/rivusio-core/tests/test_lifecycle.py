"""Set-up, tear-down, resources, and cancellation: nothing is left running, nothing unclosed."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Iterator
from typing import Annotated

import anyio
import pytest
from anyio.lowlevel import checkpoint
from sample_pipes import LIFE, ARecorded, Recorded, aadd, add, fail_at_17

from rivusio_core import (
    AsyncBasePipe,
    Clock,
    DefinitionError,
    Listener,
    Parallel,
    PipeError,
    RunInfo,
    SystemClock,
    Use,
    branch,
    flat_pipe,
    pipe,
    resource,
    run_clock,
    state,
)
from rivusio_core.pipe import SyncBasePipe
from rivusio_core.testing import VirtualClock


@pytest.fixture(autouse=True)
def _fresh() -> None:
    LIFE.clear()


BOTH = ["setup a", "setup b", "teardown b", "teardown a"]


def test_set_up_once_per_run_and_torn_down_in_reverse() -> None:
    for second in (Recorded(label="b"), ARecorded(label="b")):
        LIFE.clear()
        pipeline = Recorded(label="a") >> second
        assert list(pipeline.map([1, 2, 3])) == [1, 2, 3]
        assert LIFE == BOTH
        with pipeline.opened() as opened:
            assert [opened.run(1), opened.run(2)] == [1, 2]
        assert LIFE == BOTH * 2
        assert pipeline.run(1) == 1
        assert LIFE == BOTH * 3


def test_opened_runs_are_told_to_listeners() -> None:
    class Ears(Listener):
        def run_started(self, run: RunInfo) -> None:
            LIFE.append("started")

        def run_ended(self, run: RunInfo, error: BaseException | None) -> None:
            LIFE.append(f"ended {error}")

    for pipeline in (Recorded(label="a") >> add, Recorded(label="a") >> aadd):
        LIFE.clear()
        with pipeline.opened(listeners=[Ears()]) as opened:
            assert opened.run(1) == 2
        assert LIFE == ["started", "setup a", "teardown a", "ended None"]


@pytest.mark.anyio
async def test_the_same_from_async_code() -> None:
    pipeline = Recorded(label="a") >> ARecorded(label="b")
    assert [out async for out in pipeline.amap([1, 2])] == [1, 2]
    async with pipeline.aopened() as opened:
        assert [await opened.arun(1), await opened.arun(2)] == [1, 2]
    assert LIFE == BOTH * 2


def test_torn_down_when_an_item_fails() -> None:
    for second in (Recorded(label="b"), ARecorded(label="b")):
        LIFE.clear()
        with pytest.raises(PipeError):
            list((Recorded(label="a") >> second >> fail_at_17).map([16, 17]))
        assert LIFE == BOTH


def test_torn_down_when_setup_fails_itself() -> None:
    pipeline = Recorded(label="a") >> Recorded(label="b", broken="setup")
    with pytest.raises(OSError, match="no setup"):
        list(pipeline.map([1]))
    assert LIFE == BOTH
    with pytest.raises(OSError, match="no setup"):
        pipeline.run(1)
    assert LIFE == BOTH * 2


def test_a_failing_teardown_is_raised_but_does_not_stop_the_others() -> None:
    pipeline = Recorded(label="a") >> Recorded(label="b", broken="teardown")
    for run in (lambda: list(pipeline.map([1])), lambda: pipeline.run(1), lambda: list((pipeline >> aadd).map([1]))):
        LIFE.clear()
        with pytest.raises(OSError, match="no teardown"):
            run()
        assert LIFE == BOTH


def test_the_error_of_an_item_is_not_hidden_by_a_failing_teardown() -> None:
    with pytest.raises(PipeError) as caught:
        list((Recorded(label="a", broken="teardown") >> fail_at_17).map([17]))
    assert any("OSError" in note for note in caught.value.__notes__)


def test_stopping_early_closes_everything() -> None:
    for second in (Recorded(label="b"), ARecorded(label="b"), ARecorded(label="b").with_options(concurrency=4)):
        LIFE.clear()
        for result in (Recorded(label="a") >> second).map(range(100)):
            assert result == 0
            break
        gc.collect()
        assert LIFE == BOTH


@pytest.mark.anyio
async def test_stopping_early_closes_everything_async() -> None:
    for second in (ARecorded(label="b"), ARecorded(label="b").with_options(concurrency=4)):
        LIFE.clear()
        results = (Recorded(label="a") >> second).amap(range(100))
        assert await anext(results) == 0
        await results.aclose()  # type: ignore[attr-defined]  # an async generator in fact  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
        assert LIFE == BOTH


@pytest.mark.anyio
async def test_cancellation_closes_everything_and_loses_no_task() -> None:
    running: list[int] = []

    @pipe(concurrency=8)
    async def hang(number: int) -> int:
        running.append(number)
        try:
            await anyio.sleep_forever()
        finally:
            running.remove(number)
        return number

    async with anyio.create_task_group() as group:

        async def consume() -> None:
            async for _ in (Recorded(label="a") >> ARecorded(label="b") >> hang).amap(range(100)):
                raise AssertionError("nothing ever comes out")

        group.start_soon(consume)
        while len(running) < 8:
            await checkpoint()
        group.cancel_scope.cancel()
    assert running == []
    assert LIFE == BOTH


@pytest.mark.anyio
async def test_async_generators_are_closed_on_failure_and_cancellation() -> None:
    closed: list[str] = []

    @flat_pipe
    async def tail(number: int) -> AsyncIterator[int]:
        try:
            for offset in range(1_000_000):
                await checkpoint()
                yield number + offset
        finally:
            closed.append("step")

    async def numbers() -> AsyncIterator[int]:
        try:
            for number in range(100):
                await checkpoint()
                yield number
        finally:
            closed.append("input")

    with pytest.raises(PipeError):
        async for _ in (tail >> fail_at_17).amap(numbers()):
            pass
    assert sorted(closed) == ["input", "step"]
    closed.clear()
    results = (tail >> aadd).amap(numbers())
    await anext(results)
    await results.aclose()  # type: ignore[attr-defined]  # an async generator in fact  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    assert sorted(closed) == ["input", "step"]


# ------------------------------------------------------------------------------------------------- resources

OPEN: list[str] = []


class Connection:
    def __init__(self, number: int) -> None:
        self.number = number
        self.busy = False


@resource
def shared() -> Iterator[Connection]:
    OPEN.append("shared")
    yield Connection(0)
    OPEN.remove("shared")


@resource(pool=3)
async def pooled() -> AsyncIterator[Connection]:
    name = f"pooled {len(OPEN)}"
    OPEN.append(name)
    await checkpoint()
    yield Connection(len(OPEN))
    await checkpoint()
    OPEN.remove(name)


class PooledHolder(AsyncBasePipe[int, int]):
    connection: Annotated[Connection, Use(pooled)] = state()
    amount: int = 1

    async def process(self, item: int) -> int:
        connection = self.connection
        assert not connection.busy
        connection.busy = True
        await checkpoint()
        assert self.connection is connection
        connection.busy = False
        return item + self.amount


class Holder(SyncBasePipe[int, int]):
    connection: Annotated[Connection, Use(shared)] = state()

    def process(self, item: int) -> int:
        assert OPEN == ["shared"]
        return item + self.connection.number


def test_a_shared_resource_is_opened_once_and_closed() -> None:
    @pipe
    def use(number: int, *, connection: Annotated[Connection, Use(shared)]) -> int:
        assert OPEN == ["shared"]
        return number + connection.number

    assert list((use >> Holder() >> use).map([1, 2])) == [1, 2]
    assert OPEN == []
    assert list((use >> Holder() >> aadd).map([1, 2])) == [2, 3]
    assert OPEN == []
    with pytest.raises(PipeError):
        list((use >> fail_at_17).map([17]))
    assert OPEN == []


@pytest.mark.anyio
async def test_a_pool_lends_each_thing_to_one_call_at_a_time() -> None:
    most: list[int] = []

    @pipe(concurrency=10)
    async def use(number: int, *, connection: Annotated[Connection, Use(pooled)] = state()) -> int:
        assert not connection.busy
        connection.busy = True
        most.append(len(OPEN))
        await checkpoint()
        await checkpoint()
        connection.busy = False
        return number

    assert [out async for out in use.amap(range(50))] == list(range(50))
    assert max(most) == 3
    assert OPEN == []
    assert [out async for out in use.with_options(concurrency=1).amap(range(3))] == [0, 1, 2]
    assert most[-1] == 1  # no more are opened than can be in use
    assert add.run(1) == 2


def test_pipes_of_classes_borrow_from_a_pool_too() -> None:
    pipeline = PooledHolder(amount=2).with_options(concurrency=5) >> PooledHolder().with_options(concurrency=5)
    assert list(pipeline.map(range(50))) == list(range(3, 53))
    assert OPEN == []


def test_a_resource_must_yield_and_its_pool_be_positive() -> None:
    def returns() -> Iterator[int]:
        return iter([1])

    with pytest.raises(DefinitionError, match="'returns': it must `yield`"):
        resource(returns)

    def yields() -> Iterator[int]:
        yield 1

    with pytest.raises(DefinitionError, match="'yields': pool must be 1 or more, not -1"):
        resource(pool=-1)(yields)
    assert repr(shared) == "resource shared"


def test_an_opened_pipeline_works_inside_its_block_only() -> None:
    for pipeline in (add, add >> aadd):
        with pipeline.opened() as opened:
            assert opened.run(1) == pipeline.run(1)
        with pytest.raises(RuntimeError, match=r"not opened; use `with pipeline\.opened"):
            opened.run(1)


# ------------------------------------------------------------------------------------------- the clock of the run


@pipe
def tell(number: int, *, clock: Annotated[Clock, Use(run_clock)] = state()) -> int:
    return clock.wall() + number


class Wait(AsyncBasePipe[int, float]):
    clock: Annotated[Clock, Use(run_clock)] = state()

    async def process(self, item: int) -> float:
        await self.clock.sleep(item)
        return self.clock.monotonic()


def test_pipes_are_lent_the_clock_of_their_run() -> None:
    assert list(tell.map([1, 2], clock=VirtualClock(wall=10))) == [11, 12]
    assert list(branch(tell, Wait()).map([60], clock=VirtualClock(wall=10))) == [(70, 60.0)]
    assert Wait() == Wait()


def test_without_one_of_the_tests_own_it_is_the_clock_of_the_machine() -> None:
    before = SystemClock().wall()
    for results in (
        tell.map([0]),
        tell.with_options(thread=True).map([0]),
        tell.map([0], parallel=Parallel(kind="thread", workers=2)),
    ):
        assert before <= next(iter(results)) <= SystemClock().wall()
