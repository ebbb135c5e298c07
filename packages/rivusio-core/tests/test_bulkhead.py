"""No more calls at once than a bulkhead lets in, whoever shares it; places go in order, none is lost."""

from __future__ import annotations

import asyncio
import copy
import gc
import heapq
import itertools
import pickle
import threading
from collections.abc import Iterator

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_pipes import add

from rivusio_core import (
    Bulkhead,
    BulkheadFull,
    CircuitBreaker,
    CircuitOpen,
    ConfigError,
    DeadLetter,
    Parallel,
    PipeError,
    PipeTimeout,
    RateLimit,
    Retry,
    flat_pipe,
    pipe,
)
from rivusio_core.testing import VirtualClock


def places(bulkhead: Bulkhead) -> int:
    """Free places; nobody may wait for one."""
    assert not bulkhead._waiting
    return bulkhead._free


class Meter:
    """Counts calls under way, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.now = self.most = 0

    def __enter__(self) -> None:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.now -= 1


# ------------------------------------------------------------------------------------------------- how many, in order


def queued(arrivals: list[tuple[float, float]], calls: int, wait: float | None) -> list[float | None]:
    """When each call begins, None: never; as at counters with one line before them."""
    free = [0.0] * calls
    found: list[float | None] = []
    for came, takes in arrivals:
        begins = max(came, free[0])
        if wait is not None and begins - came > wait:
            found.append(None)
            continue
        heapq.heapreplace(free, begins + takes)
        found.append(begins)
    return found


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@settings(max_examples=50, deadline=None)
@given(
    gaps=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9)), max_size=12),
    calls=st.integers(1, 4),
    wait=st.sampled_from([None, 0, 2.5, 7.5]),
)
def test_calls_begin_as_at_counters(backend: str, gaps: list[tuple[int, int]], calls: int, wait: float | None) -> None:
    came, arrivals = 0, list[tuple[float, float]]()
    for index, (gap, takes) in enumerate(gaps):  # odd fractions, so that no two things happen at the same moment
        came += gap
        arrivals.append((came + index / 1_009, takes + index / 997))
    bulkhead = Bulkhead(calls, wait=wait)
    begun: list[float | None] = [None] * len(arrivals)
    meter = Meter()

    async def main() -> None:
        clock = VirtualClock()
        start = clock.monotonic()

        async def work(item: object) -> object:
            assert isinstance(item, int)
            begun[item] = clock.monotonic() - start
            with meter:
                await clock.sleep(arrivals[item][1])
            return item

        call = bulkhead.layer(work, clock)

        async def one(index: int) -> None:
            await clock.sleep(arrivals[index][0])
            try:
                assert await call(index) == index
            except BulkheadFull:
                assert begun[index] is None

        async with anyio.create_task_group() as group:
            for index in range(len(arrivals)):
                group.start_soon(one, index)

    anyio.run(main, backend=backend)
    expected = queued(arrivals, calls, wait)
    assert [each is None for each in begun] == [each is None for each in expected]
    exact = [each for each in expected if each is not None]
    assert [each for each in begun if each is not None] == pytest.approx(
        exact, abs=1e-4
    )  # the clock counts microseconds
    assert meter.most <= calls
    assert places(bulkhead) == calls


@pytest.mark.anyio
async def test_it_holds_over_several_pipes() -> None:
    clock, meter, shared = VirtualClock(), Meter(), Bulkhead(3)

    @pipe(concurrency=10, bulkhead=shared)
    async def one(number: int) -> int:
        with meter:
            await clock.sleep(1)
        return number

    other = one.with_options(name="other")
    assert [each async for each in (one >> other).amap(range(30), clock=clock)] == list(range(30))
    assert meter.most == 3
    assert clock.monotonic() == pytest.approx(20)
    assert places(shared) == 3


@pytest.mark.anyio
async def test_bulkheads_that_look_alike_are_two() -> None:
    clock, meter = VirtualClock(), Meter()

    @pipe(concurrency=10, bulkhead=Bulkhead(3))
    async def one(number: int) -> int:
        with meter:
            await clock.sleep(1)
        return number

    other = one.with_options(bulkhead=Bulkhead(3))
    assert one != other
    assert one == one.with_options(concurrency=10)
    assert [each async for each in (one >> other).amap(range(30), clock=clock)] == list(range(30))
    assert meter.most == 6


def test_it_holds_over_event_loops_and_threads() -> None:
    """Two loops of each library, and plain threads, all at one bulkhead; whoever waits is woken by any of them."""
    shared, meter, done = Bulkhead(2), Meter(), list[int]()

    @pipe(concurrency=8, bulkhead=shared)
    async def waits(number: int) -> int:
        with meter:
            await anyio.lowlevel.checkpoint()
            await anyio.to_thread.run_sync(int)
        done.append(number)
        return number

    @pipe(bulkhead=shared)
    def blocks(number: int) -> int:
        with meter:
            threading.Event().wait(0.0001)
        done.append(number)
        return number

    async def in_loop() -> None:
        assert [each async for each in waits.amap(range(100))] == list(range(100))

    def in_thread() -> None:
        assert list(blocks.map(range(100))) == list(range(100))
        assert list(blocks.map(range(100), parallel=Parallel(kind="thread", workers=3))) == list(range(100))

    threads = [
        threading.Thread(target=anyio.run, args=(in_loop,), kwargs={"backend": each})
        for each in ("asyncio", "trio") * 2
    ]
    threads += [threading.Thread(target=in_thread) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(50)
        assert not thread.is_alive()
    assert len(done) == 800
    assert meter.most <= 2
    assert places(shared) == 2


# ---------------------------------------------------------------------------------------------------- no place is lost


@pytest.mark.anyio
async def test_who_is_cancelled_while_waiting_or_working_leaves_the_place_to_the_next() -> None:
    clock, shared, begun = VirtualClock(), Bulkhead(1), list[object]()

    async def work(item: object) -> object:
        begun.append(item)
        await clock.sleep(10)
        return item

    call = shared.layer(work, clock)
    async with anyio.create_task_group() as group:
        scopes = [anyio.CancelScope() for _ in range(4)]

        async def one(index: int) -> None:
            with scopes[index]:
                await call(index)

        for index in range(4):
            group.start_soon(one, index)
            await clock.sleep(0.1)
        scopes[1].cancel()  # it waits
        await clock.sleep(0.1)
        scopes[0].cancel()  # it works
        await clock.sleep(0.1)
        assert begun == [0, 2]
    assert begun == [0, 2, 3]
    assert places(shared) == 1


@pytest.mark.anyio
async def test_who_is_cancelled_when_it_just_got_a_place_hands_it_on() -> None:
    clock, shared = VirtualClock(), Bulkhead(1)
    call = shared.layer(lambda item: clock.sleep(1), clock)
    async with anyio.create_task_group() as group:
        await shared._enter(clock)
        scope = anyio.CancelScope()

        async def waits() -> None:
            with scope:
                await call(1)

        group.start_soon(waits)
        await anyio.wait_all_tasks_blocked()
        group.start_soon(call, 2)
        await anyio.wait_all_tasks_blocked()
        shared._leave()  # to the first ...
        scope.cancel()  # ... which is cancelled before it can run
    assert scope.cancelled_caught
    assert places(shared) == 1


@pytest.mark.anyio
async def test_failures_give_their_places_back() -> None:
    shared = Bulkhead(1)

    @pipe(bulkhead=shared, on_error="skip", retry=Retry(attempts=2, backoff=0))
    async def fails(number: int) -> int:
        raise OSError

    assert [each async for each in fails.amap(range(5))] == []
    assert places(shared) == 1


def test_who_waits_in_a_loop_that_was_closed_is_passed_over() -> None:
    shared, clock = Bulkhead(1), VirtualClock()

    async def work(item: object) -> object:
        return item

    async def wait_in_vain() -> None:
        await shared._enter(clock)
        waiting.append(asyncio.ensure_future(shared.layer(work, clock)(1)))
        await asyncio.sleep(0)

    waiting: list[asyncio.Future[object]] = []
    loop = asyncio.new_event_loop()

    def elsewhere() -> None:
        loop.run_until_complete(wait_in_vain())
        loop.close()

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join(30)
    shared._leave()
    assert places(shared) == 1
    waiting[0]._log_destroy_pending = False  # type: ignore[attr-defined]  # that is what this test is about
    waiting.clear()
    gc.collect()
    assert places(shared) == 1, "the end of the forgotten one gives nothing back"


# ----------------------------------------------------------------------------------------------- beside other policies


@pytest.mark.anyio
async def test_waiting_does_not_count_for_the_timeout() -> None:
    clock = VirtualClock()

    @pipe(concurrency=4, bulkhead=Bulkhead(1), timeout="1500ms", on_error="skip")
    async def slow(number: int) -> int:
        await clock.sleep(2 if number == 2 else 1)
        return number

    assert [each async for each in slow.amap(range(4), clock=clock)] == [0, 1, 3]
    with pytest.raises(PipeTimeout):
        [each async for each in slow.with_options(on_error="fail").amap([2], clock=clock)]


@pytest.mark.anyio
async def test_a_full_bulkhead_is_an_error_that_may_be_tried_again() -> None:
    clock = VirtualClock()

    @pipe(concurrency=2, bulkhead=Bulkhead(1, wait="500ms"))
    async def slow(number: int) -> int:
        await clock.sleep(2)
        return number

    with pytest.raises(BulkheadFull, match=r"pipe 'slow' failed on item 1: waited 500ms for one of the 1 places"):
        [each async for each in slow.amap(range(2), clock=clock)]
    with pytest.raises(BulkheadFull, match="1 calls are under way already"):
        [each async for each in slow.with_options(bulkhead=Bulkhead(1, wait=0)).amap(range(2), clock=clock)]
    again = slow.with_options(retry=Retry(attempts=5, backoff="1s"))
    assert [each async for each in again.amap(range(2), clock=clock)] == [0, 1]


@pytest.mark.anyio
async def test_a_full_bulkhead_does_not_open_the_circuit() -> None:
    clock = VirtualClock()

    @pipe(concurrency=3, bulkhead=Bulkhead(1, wait=0), circuit=CircuitBreaker(failures=1, reset="1h"), on_error="skip")
    async def slow(number: int) -> int:
        await clock.sleep(1)
        if number == 9:
            raise OSError
        return number

    assert [each async for each in slow.amap([0, 1, 2], clock=clock)] == [0]
    one_by_one = slow.with_options(on_error="fail", concurrency=1)
    letters: list[DeadLetter] = []
    dying = one_by_one.with_options(on_error="dead_letter").amap([0, 9, 1], clock=clock, dead_letters=letters)
    assert [each async for each in dying] == [0]
    assert [type(letter.error) for letter in letters] == [PipeError, CircuitOpen], "but a failure does"


@pytest.mark.anyio
async def test_a_rate_is_kept_inside() -> None:
    clock, begun = VirtualClock(), list[float]()

    @pipe(concurrency=8, bulkhead=Bulkhead(2), rate_limit=RateLimit(10, burst=1))
    async def slow(number: int) -> int:
        begun.append(clock.monotonic())
        await clock.sleep(0.15)
        return number

    assert [each async for each in slow.amap(range(6), clock=clock)] == list(range(6))
    gaps = [later - sooner for sooner, later in itertools.pairwise(begun)]
    assert all(gap > 0.0999 for gap in gaps)


def test_every_kind_of_pipe_takes_one() -> None:
    shared = Bulkhead(1)

    @flat_pipe(bulkhead=shared)
    def both(number: int) -> Iterator[int]:
        yield number
        yield -number

    steps = (
        add(amount=1).with_options(bulkhead=shared) >> both >> add(amount=0).with_options(bulkhead=shared, thread=True)
    )
    assert list(steps.map([1, -1, 2])) == [2, -2, 0, 0, 3, -3]
    assert list(both.map([1])) == [1, -1]
    assert places(shared) == 1


# ----------------------------------------------------------------------------------------------------- blocking threads


def test_without_a_loop_waiting_blocks_and_is_bounded() -> None:
    shared, taken, release = Bulkhead(1, wait="50ms"), threading.Event(), threading.Event()

    @pipe(bulkhead=shared)
    def hold(number: int) -> int:
        if number == 1:
            taken.set()
            release.wait(30)
        return number

    thread = threading.Thread(target=hold.run, args=(1,))
    thread.start()
    assert taken.wait(30)
    with pytest.raises(BulkheadFull, match="waited 50ms"):
        hold.run(2)
    release.set()
    thread.join(30)
    assert hold.run(2) == 2
    assert places(shared) == 1


# ------------------------------------------------------------------------------------------------ values and mistakes


def test_copies_are_the_same_and_pickles_are_another() -> None:
    shared = Bulkhead(2, wait="1s")
    assert copy.copy(shared) is copy.deepcopy(shared) is shared
    first, second = pickle.loads(pickle.dumps((shared, shared)))
    assert first is second
    assert first is not shared
    assert repr(first) == repr(shared) == "Bulkhead(2, wait='1s')"
    assert repr(Bulkhead(3)) == "Bulkhead(3)"
    assert pickle.loads(pickle.dumps(add.with_options(bulkhead=shared))).run(1) == add.run(1)


@pytest.mark.parametrize(
    ("calls", "wait", "paths"), [(0, None, ["calls"]), (1, "-1s", ["wait"]), (0, "x", ["calls", "wait"])]
)
def test_wrong_arguments_are_refused_by_name(calls: int, wait: str | None, paths: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        Bulkhead(calls, wait=wait)
    assert [fault.path for fault in caught.value.faults] == paths


def test_what_is_no_bulkhead_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"bulkhead: must be Bulkhead\(...\) or None, not int"):
        add.with_options(bulkhead=8)  # type: ignore[arg-type]
