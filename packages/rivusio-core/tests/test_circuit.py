"""Circuit breakers: closed, open, half open."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from rivusio_core import BadRecord, CircuitBreaker, CircuitOpen, ConfigError, PipeTypeError, Retry
from rivusio_core.testing import VirtualClock


class Service:
    """Fails while it is down, with what it is told to; `gate` holds calls up."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.calls = 0
        self.gate: anyio.Event | None = None

    async def __call__(self, item: object) -> object:
        self.calls += 1
        error = self.error
        if self.gate is not None:
            await self.gate.wait()
        if error is not None:
            raise error
        return item


async def fail(call: Callable[[object], Awaitable[object]], times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(OSError, match="down"):
            await call(0)


DOWN = OSError("down")


@pytest.mark.anyio
async def test_it_opens_tries_and_closes() -> None:
    clock, service = VirtualClock(), Service()
    call = CircuitBreaker(failures=3, within="30s", reset="10s").layer(service, clock)
    service.error = DOWN
    await fail(call, 3)
    with pytest.raises(CircuitOpen, match="open after 3 failures within 30s; it is called again in 10s") as caught:
        await call(0)
    assert caught.value.retry_after == 10
    await clock.sleep(9.9995)
    with pytest.raises(CircuitOpen, match="again in 1ms"):
        await call(0)
    assert service.calls == 3
    await clock.sleep(0.0005)
    await fail(call)  # the trial; it fails, and the circuit opens anew
    with pytest.raises(CircuitOpen, match="again in 10s"):
        await call(0)
    await clock.sleep(10)
    service.error = None
    assert await call("a") == "a"
    service.error = DOWN
    await fail(call, 3)  # closed: it takes as many failures as ever
    with pytest.raises(CircuitOpen):
        await call(0)


@pytest.mark.anyio
async def test_failures_count_within_the_time_only() -> None:
    clock, service = VirtualClock(), Service()
    call = CircuitBreaker(failures=3, within="30s").layer(service, clock)
    for _ in range(20):
        service.error = DOWN
        await fail(call)
        service.error = None
        assert await call("a") == "a"
        await clock.sleep(15.001)
    service.error = DOWN
    await fail(call, 2)
    with pytest.raises(CircuitOpen):
        await call(0)


@pytest.mark.anyio
@pytest.mark.parametrize("error", [BadRecord("x"), PipeTypeError("x")])
async def test_the_items_fault_is_a_success_of_the_service(error: Exception) -> None:
    clock, service = VirtualClock(), Service()
    call = CircuitBreaker(failures=1).layer(service, clock)
    service.error = error
    for _ in range(5):
        with pytest.raises(type(error)):
            await call(0)
    service.error = DOWN
    await fail(call)
    await clock.sleep(10)
    service.error = error
    with pytest.raises(type(error)):
        await call(0)
    service.error = None
    assert await call("a") == "a"


@pytest.mark.anyio
async def test_so_many_trials_at_once_and_all_must_succeed() -> None:
    clock, service = VirtualClock(), Service()
    call = CircuitBreaker(failures=1, trial=2).layer(service, clock)
    service.error = DOWN
    await fail(call)
    await clock.sleep(10)
    service.error, service.gate = None, anyio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(call, "a")
        group.start_soon(call, "b")
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(CircuitOpen, match="it is being tried now") as caught:
            await call("c")
        assert caught.value.retry_after is None
        service.gate.set()
    assert service.calls == 3
    assert await call("c") == "c"


@pytest.mark.anyio
async def test_one_trial_of_several_does_not_close_it() -> None:
    clock, service = VirtualClock(), Service()
    call = CircuitBreaker(failures=2, trial=2).layer(service, clock)
    service.error = DOWN
    await fail(call, 2)
    await clock.sleep(10)
    service.error = None
    assert await call("a") == "a"
    service.error = DOWN
    await fail(call)
    with pytest.raises(CircuitOpen):
        await call("b")


@pytest.mark.anyio
async def test_a_cancelled_trial_leaves_room_for_another() -> None:
    clock, service = VirtualClock(), Service()
    call = CircuitBreaker(failures=1).layer(service, clock)
    service.error = DOWN
    await fail(call)
    await clock.sleep(10)
    service.error, service.gate = None, anyio.Event()
    with clock.deadline(1) as scope:
        await call("a")
    assert scope.cancelled_caught
    service.gate = None
    assert await call("b") == "b"


@pytest.mark.anyio
async def test_calls_from_before_do_not_count() -> None:
    clock, service = VirtualClock(), Service()
    call = CircuitBreaker(failures=1).layer(service, clock)

    async def late() -> None:
        await call("late")

    gate = service.gate = anyio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(late)
        await anyio.wait_all_tasks_blocked()
        service.error, service.gate = DOWN, None
        await fail(call)
        gate.set()  # a success now says nothing of the service as it is
        await anyio.wait_all_tasks_blocked()
    with pytest.raises(CircuitOpen):
        await call("b")


@pytest.mark.anyio
async def test_failures_from_before_do_not_keep_it_open() -> None:
    clock, service = VirtualClock(), Service()
    call = CircuitBreaker(failures=1, reset="10s").layer(service, clock)
    service.error, late = DOWN, anyio.Event()
    service.gate = late
    async with anyio.create_task_group() as group:
        group.start_soon(fail, call)
        await anyio.wait_all_tasks_blocked()
        service.gate = None
        await fail(call)
        await clock.sleep(5)
        late.set()
        await anyio.wait_all_tasks_blocked()
    with pytest.raises(CircuitOpen, match="again in 5s"):
        await call("a")
    await clock.sleep(5)
    service.error = None
    assert await call("a") == "a"


@pytest.mark.anyio
async def test_a_call_from_before_that_is_cancelled_makes_no_room_for_a_trial() -> None:
    clock, service = VirtualClock(), Service()
    call = CircuitBreaker(failures=1, reset="10s").layer(service, clock)
    service.gate = anyio.Event()
    async with anyio.create_task_group() as trials, anyio.create_task_group() as before:
        before.start_soon(call, "before")  # type: ignore[arg-type]
        await anyio.wait_all_tasks_blocked()
        service.error, gate, service.gate = DOWN, service.gate, None
        await fail(call)
        await clock.sleep(10)
        service.error, service.gate = None, gate
        trials.start_soon(call, "trial")  # type: ignore[arg-type]
        await anyio.wait_all_tasks_blocked()
        before.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            await anyio.wait_all_tasks_blocked()
            with pytest.raises(CircuitOpen, match="it is being tried now"):
                await call("another")
        gate.set()
    assert await call("b") == "b"


@pytest.mark.anyio
async def test_a_retry_waits_for_it_to_close() -> None:
    clock, service = VirtualClock(), Service()
    circuit = CircuitBreaker(failures=2, reset="10s").layer(service, clock)
    call = Retry(attempts=5, backoff="1s").layer(circuit, clock)
    service.error = DOWN
    async with anyio.create_task_group() as group:
        group.start_soon(_heal, clock, service)
        assert await call("a") == "a"
    # at 0 and 1 s it failed, at 2 s the circuit was open for 9 s more
    assert clock.monotonic() == 11
    assert service.calls == 3


async def _heal(clock: VirtualClock, service: Service) -> None:
    await clock.sleep(5)
    service.error = None


@pytest.mark.parametrize(
    ("name", "value"), [("failures", 0), ("trial", 0), ("within", 0), ("reset", -1), ("within", "soon"), ("reset", "")]
)
def test_wrong_arguments_are_named(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=f"{name}: ") as caught:
        CircuitBreaker(**{name: value})  # type: ignore[arg-type]
    assert [fault.path for fault in caught.value.faults] == [name]


class Steps(RuleBasedStateMachine):
    """Random calls and waits, against the plainest model: when did it open, which failures are recent?"""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.error: Exception | None = None
        self.opened: float | None = None
        self.failed = list[float]()
        self.call = CircuitBreaker(failures=3, within=20, reset=10).layer(self._service, self)

    def monotonic(self) -> float:
        return self.now

    async def _service(self, item: object) -> object:
        if self.error:
            raise self.error
        return item

    @rule(seconds=st.integers(0, 30))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @rule(works=st.booleans())
    def attempt(self, works: bool) -> None:
        self.error = None if works else DOWN
        expected = "ok" if works else "down"
        if self.opened is not None and self.now < self.opened + 10:
            expected = "open"
        assert self._outcome() == expected
        if expected == "down":
            self.failed = [time for time in self.failed if time >= self.now - 20] + [self.now]
            if self.opened is not None or len(self.failed) == 3:
                self.opened, self.failed = self.now, []
        elif expected == "ok" and self.opened is not None:
            self.opened, self.failed = None, []

    def _outcome(self) -> str:
        try:
            self.call(0).__await__().send(None)  # type: ignore[attr-defined]  # it never waits
        except CircuitOpen:
            return "open"
        except OSError:
            return "down"
        except StopIteration:
            return "ok"
        raise AssertionError("it waited")


TestSteps = Steps.TestCase
TestSteps.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
