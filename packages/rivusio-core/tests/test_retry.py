"""Trying again: which errors, how often, and how long it waits."""

from __future__ import annotations

import contextlib
import copy
import pickle
from datetime import timedelta
from random import Random

import pytest
import stamina
import stamina.instrumentation
from hypothesis import given
from hypothesis import strategies as st

from rivusio_core import (
    BadRecord,
    CircuitOpen,
    ConfigError,
    DefinitionError,
    Fatal,
    LimitExceeded,
    PipeError,
    PipeTimeout,
    PipeTypeError,
    RetriesExhausted,
    Retry,
    Transient,
)
from rivusio_core.testing import VirtualClock


class Flaky:
    """Raises the errors one after the other, then gives twice the item; notes when it was called."""

    def __init__(self, clock: VirtualClock, *errors: Exception) -> None:
        self.clock, self.errors = clock, list(errors)
        self.times: list[float] = []

    async def __call__(self, item: object) -> object:
        self.times.append(self.clock.monotonic())
        if self.errors:
            raise self.errors.pop(0)
        return (item, item)


@pytest.mark.anyio
async def test_it_tries_until_it_works() -> None:
    clock = VirtualClock()
    call = Flaky(clock, OSError("1"), OSError("2"))
    assert await Retry(attempts=3, backoff="2s").layer(call, clock)("a") == ("a", "a")
    assert call.times == [0, 2, 4]


@pytest.mark.anyio
async def test_resume_counts_the_attempt_that_was_made() -> None:
    clock = VirtualClock()
    call = Flaky(clock, OSError("2"))
    outcome = await Retry(attempts=3, backoff=0).resume(call, "a", OSError("1"), clock)
    assert (outcome.result, outcome.attempts) == (("a", "a"), 3)
    assert len(call.times) == 2


@pytest.mark.anyio
@pytest.mark.parametrize("attempts", [1, 2, 5])
async def test_the_last_error_is_the_cause(attempts: int) -> None:
    clock = VirtualClock()
    errors = [OSError(str(number)) for number in range(10)]
    call = Flaky(clock, *errors)
    with pytest.raises(RetriesExhausted) as caught:
        await Retry(attempts=attempts, backoff=0).layer(call, clock)("a")
    assert caught.value.attempts == attempts == len(call.times)
    assert caught.value.cause is caught.value.__cause__ is errors[attempts - 1]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "error", [BadRecord("x"), Fatal("x"), PipeTypeError("x"), LimitExceeded("x"), DefinitionError("x")]
)
async def test_what_cannot_succeed_is_raised_unchanged(error: Exception) -> None:
    clock = VirtualClock()
    call = Flaky(clock, OSError("1"), error)
    with pytest.raises(type(error)) as caught:
        await Retry(attempts=5, backoff=0, on=(type(error), OSError)).layer(call, clock)("a")
    assert caught.value is error
    assert len(call.times) == 2
    if isinstance(error, PipeError):
        assert error.attempts == 2


@pytest.mark.anyio
async def test_cancellation_is_not_an_error() -> None:
    clock = VirtualClock()
    call = Flaky(clock, *(OSError("x") for _ in range(9)))
    with clock.deadline(5) as scope:
        await Retry(attempts=9, backoff="2s").layer(call, clock)("a")
    assert scope.cancelled_caught
    assert call.times == [0, 2, 4]


def test_which_errors_are_tried_again() -> None:
    plain = Retry()
    for error in (ValueError(), OSError(), PipeTimeout(), CircuitOpen(), RetriesExhausted(), PipeError()):
        assert plain.again(error)
    some = Retry(on=(OSError, PipeTimeout), when=lambda error: "busy" in str(error))
    assert some.again(OSError("busy"))
    assert some.again(PipeTimeout("busy"))
    assert not some.again(OSError("full"))
    assert not some.again(ValueError("busy"))
    assert some.again(Transient("full"))
    assert Retry(on=()).again(Transient())
    assert not Retry(on=()).again(OSError())


# ------------------------------------------------------------------------------------------------------------- waits


@given(st.integers(1, 2_000), st.integers(1, 10_000), st.integers(1, 10_000), st.integers())
def test_a_wait_is_drawn_from_the_formula(attempt: int, least: int, factor: int, seed: int) -> None:
    retry = Retry(backoff=f"{least}ms..{least * factor}ms", random=Random(seed))
    # AWS, "Exponential Backoff And Jitter": sleep = random_between(0, min(cap, base * 2 ** attempt)), from attempt 0
    bound = min(least * factor, least * 2 ** (attempt - 1)) / 1_000
    assert retry.wait(attempt, OSError()) == pytest.approx(Random(seed).uniform(0, bound))


def test_waits_fill_the_bounds_that_stamina_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stamina knows the same powers of two and the same cap; full jitter draws evenly from 0 up to them."""
    bounds = list[float]()
    monkeypatch.setattr("time.sleep", lambda _: None)
    stamina.instrumentation.set_on_retry_hooks([])
    with contextlib.suppress(OSError):
        settings = {"wait_initial": 0.1, "wait_max": 5, "wait_jitter": 0}
        for attempt in stamina.retry_context(on=OSError, attempts=9, timeout=None, **settings):
            bounds.append(attempt.next_wait)
            with attempt:
                raise OSError
    assert bounds[0] == 0.1
    assert bounds[-1] == 5
    retry, count = Retry(backoff="100ms..5s", random=Random(4711)), 4_000
    for number, bound in enumerate(bounds, start=1):
        waits = sorted(retry.wait(number, OSError()) / bound for _ in range(count))
        # Kolmogorov and Smirnov: the largest distance from the even distribution, at a level of 1 in 1,000
        distance = max(abs(wait - rank / count) for rank, wait in enumerate(waits))
        assert distance < 1.95 / count**0.5


def test_one_duration_is_a_fixed_wait() -> None:
    for backoff in ("250ms", 0.25, timedelta(milliseconds=250)):
        assert {Retry(backoff=backoff).wait(attempt, OSError()) for attempt in range(1, 50)} == {0.25}


@pytest.mark.parametrize("kind", [Transient, CircuitOpen])
def test_a_wait_is_never_shorter_than_asked_for(kind: type[Transient] | type[CircuitOpen]) -> None:
    retry = Retry(backoff="100ms..5s", random=Random(1))
    assert retry.wait(1, kind("x", retry_after=60)) == 60
    assert {retry.wait(50, kind("x", retry_after=0.0)) > 0 for _ in range(9)} == {True}
    assert 0 <= retry.wait(1, kind("x", retry_after=float("nan"))) <= 0.1
    assert 0 <= retry.wait(1, kind("x", retry_after=-1)) <= 0.1


@pytest.mark.anyio
async def test_no_attempt_begins_after_the_total() -> None:
    clock = VirtualClock()
    call = Flaky(clock, *(OSError("x") for _ in range(99)))
    with pytest.raises(RetriesExhausted) as caught:
        await Retry(attempts=99, backoff="3s", total="10s").layer(call, clock)("a")
    assert call.times == [0, 3, 6, 9]
    assert caught.value.attempts == 4
    assert clock.monotonic() == 9


@pytest.mark.anyio
async def test_it_does_not_wait_for_what_comes_too_late() -> None:
    clock = VirtualClock()
    call = Flaky(clock, Transient("x", retry_after=60), OSError())
    with pytest.raises(RetriesExhausted):
        await Retry(attempts=9, total="10s").layer(call, clock)("a")
    assert clock.monotonic() == 0


# ----------------------------------------------------------------------------------------------------------- as a value


def test_it_is_a_value() -> None:
    assert Retry(random=Random(1)) == Retry(random=Random(2)) == Retry()
    assert hash(Retry(random=Random(1))) == hash(Retry())
    assert Retry(attempts=4) != Retry()
    assert pickle.loads(pickle.dumps(Retry(on=OSError))) == copy.deepcopy(Retry(on=OSError)) == Retry(on=OSError)
    assert "Random" not in repr(Retry(random=Random(1)))


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"attempts": 0}, "attempts: must be 1 or more, not 0"),
        ({"backoff": "5s..1s"}, "backoff: must go from a shorter to a longer time"),
        ({"backoff": "0s..1s"}, "backoff: must go from a shorter to a longer time"),
        ({"backoff": -1}, "backoff: must go from a shorter to a longer time"),
        ({"backoff": "1s..soon"}, "backoff: 'soon' is no duration"),
        ({"total": 0}, "total: must be longer than 0"),
        ({"total": "soon"}, "total: 'soon' is no duration"),
        ({"on": BaseException}, "on: must be exception classes"),
        ({"on": (OSError, "x")}, "on: must be exception classes, not 'x'"),
    ],
)
def test_wrong_arguments_are_named(settings: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigError, match=named) as caught:
        Retry(**settings)  # type: ignore[arg-type]
    assert caught.value.faults[0].path == next(iter(settings))


def test_all_wrong_arguments_are_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        Retry(attempts=0, backoff="x", total=0, on=())
    assert [fault.path for fault in caught.value.faults] == ["attempts", "total", "backoff"]
