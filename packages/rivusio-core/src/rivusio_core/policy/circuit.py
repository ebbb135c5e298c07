"""Not calling what keeps failing ("circuit breaker", M. Nygard, Release It!, 2007)."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from threading import Lock

from rivusio_core.clock import Clock
from rivusio_core.duration import Duration, duration_text, microseconds, seconds
from rivusio_core.errors import BadRecord, BulkheadFull, CircuitOpen, ConfigError, PipeTypeError
from rivusio_core.policy.faults import count_faults, duration_faults
from rivusio_core.policy.layer import Call

__all__ = ["CircuitBreaker"]


@dataclass(frozen=True, kw_only=True)
class CircuitBreaker:
    """Stops calling a pipe that failed `failures` times `within` a time, and later tries whether it works again.

    Closed, every call goes through. Open, every call raises `CircuitOpen` at once, for the time `reset`. Then half
    open: `trial` calls are let through; when all of them succeed the circuit closes, when one fails it opens again.
    Successes in between do not take failures back: choose `failures` and `within` for the rate of calls.

    A `BadRecord` (or a `PipeTypeError`) is the item's fault: the service answered, and that counts as a success.
    A call that is cancelled, or finds its bulkhead full, counts as neither. Calls that began before the circuit last
    changed do not count.

    Args:
        failures: how many open the circuit, 1 or more.
        within: the time in which they happen.
        reset: how long the circuit stays open.
        trial: how many calls try it, and must succeed, 1 or more.

    Raises:
        ConfigError: listing every argument that is wrong.
    """

    failures: int = 5
    within: Duration = "30s"
    reset: Duration = "10s"
    trial: int = 1

    def __post_init__(self) -> None:
        faults = [
            *count_faults(failures=self.failures, trial=self.trial),
            *duration_faults(within=self.within, reset=self.reset),
        ]
        if faults:
            raise ConfigError("CircuitBreaker", faults=faults)

    def layer(self, call: Call, clock: Clock) -> Call:
        """The call, refused while the circuit is open; raises CircuitOpen."""
        circuit = _Circuit(self, clock)

        async def guarded(item: object) -> object:
            era = circuit.enter()
            try:
                result = await call(item)
            except (BadRecord, PipeTypeError):
                circuit.succeeded(era)
                raise
            except BulkheadFull:  # it was not called
                circuit.left(era)
                raise
            except Exception:
                circuit.failed(era)
                raise
            except BaseException:
                circuit.left(era)
                raise
            circuit.succeeded(era)
            return result

        return guarded


class _Circuit:
    """State of one circuit. Each change of it begins an era; what a call of an earlier era came to does not count."""

    def __init__(self, policy: CircuitBreaker, clock: Clock) -> None:
        self._policy, self._clock = policy, clock
        self._within, self._reset = seconds(policy.within), seconds(policy.reset)
        self._lock = Lock()  # calls may come from worker threads
        self._era = 0
        self._failed_at = deque[float]()
        self._opened_at: float | None = None
        self._trials = 0
        self._passed = 0

    def enter(self) -> int:
        """Let a call through, or refuse it.

        Raises:
            CircuitOpen: it is open, or other calls are trying it.
        """
        with self._lock:
            if self._opened_at is None:
                return self._era
            left = self._opened_at + self._reset - self._clock.monotonic()
            if left > 0:
                raise CircuitOpen(f"{self._why()}; it is called again in {_text(left)}", retry_after=left)
            if self._trials >= self._policy.trial:
                raise CircuitOpen(f"{self._why()}; it is being tried now, whether it works again")
            self._trials += 1
            return self._era

    def succeeded(self, era: int) -> None:
        with self._lock:
            if era != self._era or self._opened_at is None:
                return
            self._passed += 1
            if self._passed >= self._policy.trial:
                self._change(None)

    def failed(self, era: int) -> None:
        with self._lock:
            if era != self._era:
                return
            now = self._clock.monotonic()
            self._failed_at.append(now)
            while self._failed_at[0] < now - self._within:
                self._failed_at.popleft()
            if self._opened_at is not None or len(self._failed_at) >= self._policy.failures:
                self._change(now)

    def left(self, era: int) -> None:
        """A call was cancelled: if it was a trial, another may try."""
        with self._lock:
            if era == self._era and self._opened_at is not None:
                self._trials -= 1

    def _change(self, opened_at: float | None) -> None:
        self._era += 1
        self._opened_at = opened_at
        self._trials = self._passed = 0
        self._failed_at.clear()

    def _why(self) -> str:
        policy = self._policy
        return (
            f"its circuit is open after {policy.failures} failures within {duration_text(microseconds(policy.within))}"
        )


def _text(left: float) -> str:
    """At least that long, in whole milliseconds."""
    return duration_text(math.ceil(left * 1_000) * 1_000)
