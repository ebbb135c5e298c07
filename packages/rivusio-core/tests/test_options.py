"""Every option of a pipe at work inside a pipeline, sync and async."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from sample_pipes import aadd, add

from rivusio_core import (
    CircuitBreaker,
    CircuitOpen,
    ConfigError,
    DeadLetter,
    PipeError,
    PipeOptions,
    PipeTimeout,
    PipeTypeError,
    RateLimit,
    Retry,
    SyncBasePipe,
    flat_pipe,
    keep,
    pipe,
)
from rivusio_core.testing import VirtualClock


@pytest.mark.anyio
async def test_unordered_results_leave_as_they_are_ready() -> None:
    clock = VirtualClock()

    @pipe(concurrency=3)
    async def wait(seconds: int) -> int:
        await clock.sleep(seconds)
        return seconds

    delays = [3, 1, 2]
    assert [out async for out in wait.amap(delays, clock=clock)] == [3, 1, 2]
    assert [out async for out in wait.with_options(ordered=False).amap(delays, clock=clock)] == [1, 2, 3]


@pytest.mark.anyio
async def test_an_unordered_failure_gives_what_was_ready_before_it() -> None:
    clock = VirtualClock()

    @pipe(concurrency=3, ordered=False)
    async def wait(seconds: int) -> int:
        await clock.sleep(seconds)
        if seconds == 2:
            raise ValueError
        return seconds

    results = (wait >> add(amount=0)).amap([3, 2, 1], clock=clock)
    assert await anext(results) == 1
    with pytest.raises(PipeError, match="item 1"):
        await anext(results)


@pytest.mark.anyio
async def test_concurrency_is_used_and_bounded() -> None:
    clock = VirtualClock()
    busy: list[int] = []
    most: list[int] = []

    @pipe(concurrency=5)
    async def wait(number: int) -> int:
        busy.append(number)
        most.append(len(busy))
        await clock.sleep(1)
        busy.remove(number)
        return number

    assert [out async for out in wait.amap(range(50), clock=clock)] == list(range(50))
    assert max(most) == 5
    assert clock.monotonic() == pytest.approx(10)


@pytest.mark.anyio
async def test_a_timeout_cancels_the_attempt_and_a_retry_tries_again() -> None:
    clock = VirtualClock()
    begun: list[float] = []
    cancelled: list[int] = []

    @pipe(timeout="2s", retry=Retry(attempts=3, backoff=0), on_error="skip")
    async def slow(number: int) -> int:
        begun.append(clock.monotonic())
        try:
            await clock.sleep(10 if number == 1 else 1)
        except BaseException:
            cancelled.append(number)
            raise
        return number

    assert [out async for out in slow.amap([0, 1, 2], clock=clock)] == [0, 2]
    assert cancelled == [1, 1, 1]
    assert begun == [0, 1, 3, 5, 7]
    with pytest.raises(PipeTimeout, match="took longer than its timeout of 2s"):
        [out async for out in slow.with_options(on_error="fail", retry=None).amap([1], clock=clock)]


def test_a_timeout_abandons_a_thread() -> None:
    release = threading.Event()

    @pipe(thread=True, timeout="20ms", on_error="skip")
    def hang(number: int) -> int:
        if number == 1:
            release.wait(30)
        return number

    assert list(hang.map([0, 1, 2])) == [0, 2]
    release.set()


@pytest.mark.anyio
async def test_a_rate_limit_holds_calls_back() -> None:
    for step in (add, aadd, aadd.with_options(concurrency=7)):
        clock = VirtualClock()
        limited = step.with_options(rate_limit=RateLimit(rate=10, burst=1))
        assert [out async for out in limited.amap(range(21), clock=clock)] == list(range(1, 22))
        assert clock.monotonic() == pytest.approx(2, abs=0.11)


@pytest.mark.anyio
async def test_an_open_circuit_spares_the_service() -> None:
    clock = VirtualClock()
    calls: list[int] = []

    @pipe(circuit=CircuitBreaker(failures=3, reset="10s"), on_error="dead_letter")
    def broken(number: int) -> int:
        calls.append(number)
        raise ValueError

    letters: list[DeadLetter] = []
    assert [out async for out in broken.amap(range(10), clock=clock, dead_letters=letters)] == []
    assert calls == [0, 1, 2]
    assert [type(letter.error) for letter in letters] == [PipeError] * 3 + [CircuitOpen] * 7
    assert [letter.error.position for letter in letters] == list(range(10))


def test_policies_work_where_no_event_loop_runs() -> None:
    calls: list[int] = []

    @pipe(circuit=CircuitBreaker(failures=1), rate_limit="100000/s", on_error="skip", validate=True)
    def broken(number: int) -> int:
        calls.append(number)
        if number < 2:
            raise ValueError
        return number

    assert list(broken.map([5, 0, 6])) == [5]
    assert calls == [5, 0]


def test_validation_says_side_type_and_fault_but_not_the_value() -> None:
    @pipe(validate=True)
    def wrong(number: int) -> int:
        return "s3cret" if number == 2 else number  # type: ignore[return-value]  # the mistake under test  # pyright: ignore[reportReturnType]

    @flat_pipe(validate=True)
    def wrong_flat(number: int) -> Iterator[int]:
        yield number
        yield "s3cret"  # type: ignore[misc]  # the mistake under test  # pyright: ignore[reportReturnType]

    assert wrong.run(1) == 1
    with pytest.raises(PipeTypeError, match="item") as caught:
        wrong.run("s3cret")  # type: ignore[arg-type]  # the mistake under test  # pyright: ignore[reportArgumentType]
    assert "s3cret" not in str(caught.value)
    with pytest.raises(PipeTypeError, match="result"):
        list(wrong.map([1, 2]))
    with pytest.raises(PipeTypeError, match="result"):
        list(wrong_flat.map([1]))


def test_the_name_is_used_in_errors_and_repeated_names_are_told_apart() -> None:
    @pipe(name="divide")
    def inverse(number: int) -> float:
        return 1 / number

    with pytest.raises(PipeError, match="pipe 'divide' failed on item 0: ZeroDivisionError"):
        list(inverse.map([0]))

    @pipe(on_error="skip")
    def same(number: int) -> int:
        return number

    from rivusio_core.engine.build import step_names

    assert step_names(same >> same >> add) == ("same", "same-2", "add")


def test_options_of_a_class_are_its_default() -> None:
    class Fails(SyncBasePipe[int, int]):
        options = PipeOptions(on_error="skip", name="picky")

        def process(self, item: int) -> int:
            raise ValueError

    assert list(Fails().map([1])) == []
    assert Fails().step_name == "picky"
    with pytest.raises(PipeError):
        list(Fails().with_options(on_error="fail").map([1]))


@pytest.mark.parametrize(
    ("step", "settings", "message"),
    [
        (add, {"concurrency": 2}, "needs an async pipe, or thread=True or process=True"),
        (add, {"timeout": 1}, "cannot interrupt a sync pipe"),
        (aadd, {"thread": True}, "waits in the event loop already"),
        (aadd, {"process": True}, "waits in the event loop already"),
    ],
)
def test_options_that_do_not_suit_the_pipe_are_refused_before_anything_runs(
    step: object, settings: dict[str, object], message: str
) -> None:
    assert step is add or step is aadd
    with pytest.raises(ConfigError, match=message):
        step.with_options(**settings).map([1])  # type: ignore[arg-type]  # settings vary


@pytest.mark.parametrize(
    "settings",
    [
        {"concurrency": 0},
        {"thread": True, "process": True},
        {"timeout": -1},
        {"timeout": "soon"},
        {"on_error": "ignore"},
        {"rate_limit": "fast"},
        {"retry": 0},
        {"thread": "yes"},
        {"retries": 3},
    ],
    ids=str,
)
def test_wrong_options_are_refused_at_once(settings: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(settings)) if "retry" not in settings else "attempts"):
        add.with_options(**settings)  # type: ignore[arg-type]  # the mistakes under test


def test_a_filter_may_fail_too() -> None:
    def picky(number: int) -> bool:
        if number == 3:
            raise ValueError
        return number % 2 == 1

    pipeline = add(amount=0) >> keep(picky)
    with pytest.raises(PipeError, match=r"keep\(picky\).*item 3"):
        list(pipeline.map(range(5)))
