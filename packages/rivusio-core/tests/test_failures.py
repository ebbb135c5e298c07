"""A failing item: who is told what, and what becomes of its neighbours."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from sample_pipes import aadd, add, afail_at_17, fail_at_17, twice

from rivusio_core import (
    BadRecord,
    BasePipe,
    CardinalityError,
    ConfigError,
    DeadLetter,
    DeadLetterError,
    Fatal,
    Listener,
    Parallel,
    PipeError,
    RetriesExhausted,
    Retry,
    RunInfo,
    Tally,
    Transient,
    batch,
    branch,
    flat_pipe,
    keep,
    pipe,
    route,
)
from rivusio_core.policy.options import OnError
from rivusio_core.testing import VirtualClock

Wrap = Callable[[BasePipe[int, int]], BasePipe[int, int]]

PLACES: dict[str, tuple[BasePipe[int, int], Wrap, dict[str, Any]]] = {
    "alone": (fail_at_17, lambda step: step, {}),
    "between": (fail_at_17, lambda step: add(amount=0) >> step >> add(amount=0), {}),
    "async": (afail_at_17, lambda step: add(amount=0) >> step >> aadd(amount=0), {}),
    "concurrent": (afail_at_17.with_options(concurrency=7), lambda step: step, {}),
    "thread": (fail_at_17.with_options(thread=True, concurrency=3), lambda step: step, {}),
    "parallel": (fail_at_17, lambda step: step >> add(amount=0), {"parallel": Parallel(kind="thread", workers=2)}),
    "route": (fail_at_17, lambda step: route((lambda number: number < 500, step), otherwise=add(amount=0)), {}),
    "async route": (afail_at_17, lambda step: route((lambda number: number < 500, step), otherwise=add(amount=0)), {}),
}
REST = [number for number in range(1000) if number != 17]


@pytest.mark.parametrize("place", PLACES)
def test_fail_gives_all_before_it_and_names_pipe_and_position(place: str) -> None:
    step, wrap, settings = PLACES[place]
    results: list[int] = []
    with pytest.raises(PipeError) as caught:
        results.extend(_collected(wrap(step).map(range(1000), **settings), results))
    assert results == list(range(17))
    _check(caught.value, step.step_name)


def _collected(results: Iterator[int], into: list[int]) -> Iterator[int]:
    for result in results:
        into.append(result)  # noqa: PERF402  # what came before an error counts
    return iter(())


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("on_error", ["skip", "dead_letter"])
def test_skip_and_dead_letter_give_999_in_order(place: str, on_error: OnError) -> None:
    step, wrap, settings = PLACES[place]
    letters: list[DeadLetter] = []
    pipeline = wrap(step.with_options(on_error=on_error))
    assert list(pipeline.map(range(1000), dead_letters=letters, **settings)) == REST
    if on_error == "dead_letter":
        (letter,) = letters
        assert (letter.value, letter.step) == (17, step.step_name)
        _check(letter.error, step.step_name)
    else:
        assert letters == []


def _check(error: PipeError, name: str) -> None:
    assert (error.pipe, error.position, error.attempts) == (name, 17, 1)
    assert isinstance(error.cause, ValueError)
    assert error.__cause__ is error.cause
    assert f"pipe {name!r} failed on item 17: ValueError at sample_pipes.py:" in str(error)
    assert "secret" not in str(error)


def test_positions_count_items_of_the_input_behind_filters_and_flat_steps() -> None:
    @pipe
    def odd(number: int) -> int:
        if number % 2:
            raise ValueError
        return number

    letters: list[DeadLetter] = []
    pipeline = add(amount=0) >> keep(lambda number: number > 2) >> twice >> odd.with_options(on_error="dead_letter")
    for last in (pipeline, pipeline >> aadd(amount=0), pipeline >> aadd(amount=0).with_options(concurrency=2)):
        letters.clear()
        assert list(last.map(range(7), dead_letters=letters)) == [4, 4, 6, 6]
        assert [letter.error.position for letter in letters] == [3, 3, 5, 5]


def test_a_flat_step_that_breaks_in_the_middle_keeps_what_it_gave() -> None:
    @flat_pipe(on_error="skip")
    def three(number: int) -> Iterator[int]:
        yield number
        if number == 1:
            raise ValueError
        yield number

    assert list((three >> add).map([0, 1, 2])) == [1, 1, 2, 3, 3]
    assert list((three >> aadd).map([0, 1, 2])) == [1, 1, 2, 3, 3]


def test_a_flat_step_that_breaks_after_its_own_results_failed() -> None:
    @flat_pipe(on_error="skip")
    def broken(number: int) -> Iterator[int]:
        yield 17
        yield number
        raise ValueError

    ends = fail_at_17.with_options(on_error="skip")
    assert list((broken >> ends).map([1, 2])) == [1, 2]
    assert list((broken >> ends >> aadd(amount=0)).map([1, 2])) == [1, 2]


def test_a_retried_flat_step_gives_nothing_twice() -> None:
    tries: list[int] = []

    @flat_pipe(retry=Retry(attempts=3, backoff=0))
    def flaky(number: int) -> Iterator[int]:
        yield number
        tries.append(number)
        if len(tries) % 2:
            raise ValueError
        yield number + 1

    assert list(flaky.map([10, 20])) == [10, 11, 20, 21]


def test_error_classes_say_the_treatment() -> None:
    @pipe(retry=Retry(attempts=2, backoff=0))
    def judge(number: int) -> int:
        if number == 1:
            raise BadRecord("no ones")
        if number == 2:
            raise Fatal("twos end it")
        return number

    letters: list[DeadLetter] = []
    assert list(judge.map([0, 1, 3])) == [0, 3]
    assert list(judge.map([0, 1, 3], dead_letters=letters)) == [0, 3]
    assert [str(letter.error) for letter in letters] == ["pipe 'judge' failed on item 1: no ones"]
    with pytest.raises(Fatal, match="pipe 'judge' failed on item 1: twos end it"):
        list(judge.with_options(on_error="skip").map([0, 2, 3]))


def test_transient_errors_are_tried_again_and_counted() -> None:
    tries: list[int] = []

    @pipe(retry=Retry(attempts=3, backoff=0))
    def flaky(number: int) -> int:
        tries.append(number)
        if len(tries) < 3:
            raise Transient("not yet")
        return number

    assert list(flaky.map([5, 6])) == [5, 6]
    assert tries == [5, 5, 5, 6]
    tries.clear()
    with pytest.raises(RetriesExhausted) as caught:
        list(flaky.with_options(retry=Retry(attempts=2, backoff=0)).map([5]))
    assert (caught.value.attempts, caught.value.position, caught.value.pipe) == (2, 0, "flaky")


def test_branches_name_the_inner_pipe() -> None:
    pipeline = add(amount=0) >> branch(add, fail_at_17.with_options(on_error="skip"))
    assert list(pipeline.map([16, 17, 18])) == [(17, 16), (19, 18)]
    with pytest.raises(PipeError, match="pipe 'fail_at_17' failed on item 1"):
        list((add(amount=0) & fail_at_17).map([16, 17]))


def test_two_async_branches_failing_together_give_one_error() -> None:
    with pytest.raises(PipeError, match="fail_at_17"):
        list((afail_at_17 & afail_at_17).map([17]))


def test_a_dead_letter_without_a_place_is_refused_before_anything_runs() -> None:
    with pytest.raises(ConfigError, match="'fail_at_17' sends failed items to dead letters"):
        fail_at_17.with_options(on_error="dead_letter").map([17])


def test_a_failing_dead_letter_place_ends_the_run() -> None:
    def full(letter: DeadLetter) -> None:
        raise OSError("disk full")

    for step in (fail_at_17, afail_at_17):
        with pytest.raises(DeadLetterError, match="item 17"):
            list(step.with_options(on_error="dead_letter").map(range(20), dead_letters=full))


@pytest.mark.anyio
async def test_dead_letters_may_be_taken_by_a_coroutine() -> None:
    letters: list[object] = []

    async def take(letter: DeadLetter) -> None:
        letters.append(letter.value)

    step = fail_at_17.with_options(on_error="dead_letter")
    assert [out async for out in step.amap(range(1000), dead_letters=take)] == REST
    assert letters == [17]


def test_an_error_of_the_input_is_the_callers_own() -> None:
    def numbers() -> Iterator[int]:
        yield 1
        raise LookupError("mine")

    for pipeline in (add, add >> aadd(amount=0)):
        with pytest.raises(LookupError, match="mine"):
            list(pipeline.map(numbers()))


def test_run_raises_whatever_on_error_says() -> None:
    for step in (fail_at_17, afail_at_17):
        with pytest.raises(PipeError, match="failed: ValueError") as caught:
            step.with_options(on_error="skip").run(17)
        assert caught.value.position is None


def test_run_needs_one_to_one() -> None:
    with pytest.raises(CardinalityError, match="map"):
        (add >> twice).run(1)


@pytest.mark.anyio
async def test_sync_calls_inside_an_event_loop_say_what_to_await() -> None:
    with pytest.raises(RuntimeError, match="arun"):
        aadd.run(1)
    with pytest.raises(RuntimeError, match="amap"):
        aadd.map([1])
    assert add.run(1) == 2
    assert await aadd.arun(1) == 2
    assert await add.arun(1) == 2


# ------------------------------------------------------------------------------------------- in the middle of items


@flat_pipe(on_error="skip")
def many(number: int) -> Iterator[int]:
    """5,000 numbers, the 17 first; breaks at the end for a negative item."""
    yield 17
    yield from range(100, 5_099)
    if number < 0:
        raise ValueError


@flat_pipe(on_error="skip")
async def amany(number: int) -> AsyncIterator[int]:
    """The same, async."""
    for each in many.function(number):
        yield each


@pytest.mark.parametrize("flat", [many, amany], ids=["sync", "async"])
@pytest.mark.parametrize("last", [add(amount=0), aadd(amount=0)], ids=["sync", "async"])
def test_the_rest_of_a_long_flat_result_follows_a_failed_one(flat: Any, last: Any) -> None:
    pipeline = flat >> fail_at_17.with_options(on_error="skip") >> last
    rest = list(range(100, 5_099))
    assert list(pipeline.map([1, 2])) == rest * 2
    assert list(pipeline.map([1, -1, 2])) == rest * 3  # what breaks at its end has given all before
    assert list((pipeline >> twice).map([1])) == [each for each in rest for _ in range(2)]


def test_a_failure_in_the_middle_of_a_flat_result_ends_the_run_and_closes_it() -> None:
    closed = list[str]()

    @flat_pipe
    def guarded(number: int) -> Iterator[int]:
        try:
            yield from (16, 17, 18)
        finally:
            closed.append("sync")

    @flat_pipe
    async def aguarded(number: int) -> AsyncIterator[int]:
        try:
            for each in (16, 17, 18):
                yield each
        finally:
            closed.append("async")

    for pipeline in (guarded >> fail_at_17 >> aadd(amount=0), aguarded >> fail_at_17, aguarded >> afail_at_17):
        results = pipeline.map([1, 2])
        assert next(results) == 16
        with pytest.raises(PipeError, match="failed on item 0"):
            next(results)
    assert closed == ["sync", "async", "async"]


def test_long_results_go_on_in_pieces_through_stages_of_their_own() -> None:
    expected = [17, *range(100, 5_099)]
    assert list((many >> aadd(amount=0).with_options(concurrency=3)).map([1])) == expected
    assert list((many >> add(amount=0).with_options(thread=True)).map([1])) == expected
    assert [len(each) for each in (many >> batch(1_000) >> aadd_list).map([1])] == [1_000] * 5


@pipe
async def aadd_list(numbers: list[int]) -> list[int]:
    return numbers


def test_a_dead_letter_that_cannot_be_stored_stops_what_is_in_the_middle_of_an_item() -> None:
    def full(letter: DeadLetter) -> None:
        raise OSError("disk full")

    step = fail_at_17.with_options(on_error="dead_letter")
    for first in (many, amany):
        pipeline = first >> batch(1_000) >> spread >> step >> aadd(amount=0)
        with pytest.raises(DeadLetterError, match="item 0"):
            list(pipeline.map([1], dead_letters=full))


@flat_pipe
def spread(numbers: list[int]) -> list[int]:
    return numbers


# ---------------------------------------------------------------------------------------------------- tried again


@pytest.mark.anyio
async def test_a_transient_error_is_tried_again_without_being_asked_for() -> None:
    clock, tries = VirtualClock(), list[int]()

    @pipe
    async def flaky(number: int) -> int:
        tries.append(number)
        if len(tries) == 1:
            raise Transient("not yet")
        return number

    assert [out async for out in flaky.amap([5, 6], clock=clock)] == [5, 6]
    assert tries == [5, 5, 6]
    assert clock.monotonic() > 0


@pytest.mark.anyio
async def test_a_predicate_is_tried_again_and_still_decides() -> None:
    tries: list[int] = []

    def even(number: int) -> bool:
        tries.append(number)
        if len(tries) % 2:
            raise Transient("not yet")
        return number % 2 == 0

    class Ears(Listener):
        total = Tally()

        def step_ran(self, run: RunInfo, step: str, tally: Tally, seconds: float) -> None:
            if step == "keep(even)":
                self.total.add(tally)

    ears = Ears()
    results = (add(amount=0) >> keep(even)).amap([1, 2, 3, 4], clock=VirtualClock(), listeners=[ears])
    assert [out async for out in results] == [2, 4]
    assert tries == [1, 1, 2, 2, 3, 3, 4, 4]
    assert (ears.total.passed, ears.total.filtered, ears.total.retries) == (2, 2, 4)
    assert ears.total.unaccounted == 0


def test_a_retried_async_flat_step_gives_nothing_twice() -> None:
    tries: list[int] = []

    @flat_pipe(retry=Retry(attempts=3, backoff=0))
    async def flaky(number: int) -> AsyncIterator[int]:
        yield number
        tries.append(number)
        if len(tries) % 2:
            raise ValueError
        yield number + 1

    assert list(flaky.map([10, 20])) == [10, 11, 20, 21]


# ---------------------------------------------------------------------------------------------------------- branches


def test_an_error_that_names_its_pipe_keeps_the_name() -> None:
    @pipe
    def delegates(number: int) -> int:
        raise PipeError("refused", pipe="the other service")

    with pytest.raises(PipeError, match="'the other service'") as caught:
        list((add(amount=0) >> delegates).map([1]))
    assert (caught.value.pipe, caught.value.position) == ("the other service", 0)


def test_the_cause_of_given_up_retries_names_the_pipe_too() -> None:
    @pipe(retry=Retry(attempts=2, backoff=0))
    def flaky(number: int) -> int:
        raise Transient("never")

    with pytest.raises(RetriesExhausted) as caught:
        list((add(amount=0) >> flaky).map([1]))
    assert isinstance(caught.value.cause, Transient)
    assert (caught.value.pipe, caught.value.cause.pipe) == ("flaky", "flaky")


class Interrupt(BaseException):
    """Like an interrupt, without harm to the tests."""


@pytest.mark.anyio
@pytest.mark.parametrize("other", [aadd, afail_at_17], ids=["works", "fails"])
async def test_an_interrupt_in_one_branch_is_no_failed_item(other: Any) -> None:
    @pipe(on_error="dead_letter")
    async def interrupted(number: int) -> int:
        raise Interrupt

    letters: list[DeadLetter] = []
    found: BaseException | None = None
    try:
        async for _ in (other & interrupted).amap([17], dead_letters=letters):
            pytest.fail("it was interrupted")
    except BaseException as error:  # noqa: BLE001  # a group, or the interrupt itself
        found = error
    leaves = [found]
    while any(isinstance(each, BaseExceptionGroup) for each in leaves):
        leaves = [leaf for each in leaves for leaf in getattr(each, "exceptions", [each])]
    assert any(isinstance(each, Interrupt) for each in leaves)
    assert letters == []
