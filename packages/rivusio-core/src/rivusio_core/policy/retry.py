"""Trying again: exponential waits with full jitter.

The waits are those of "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015), called full jitter there: before
attempt n + 1 a time drawn evenly from 0 to `least * 2 ** (n - 1)`, at most `most`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random, uniform
from typing import cast

from rivusio_core.clock import Clock
from rivusio_core.duration import Duration, seconds
from rivusio_core.errors import (
    BadRecord,
    CircuitOpen,
    ConfigError,
    DefinitionError,
    Fatal,
    Fault,
    LimitExceeded,
    PipeError,
    PipeTypeError,
    RetriesExhausted,
    Transient,
)
from rivusio_core.policy.faults import count_faults, duration_faults
from rivusio_core.policy.layer import Call
from rivusio_core.policy.pristine import pristine

__all__ = ["Outcome", "Retry"]

_HOPELESS = (BadRecord, Fatal, PipeTypeError, LimitExceeded, DefinitionError)
"""What fails the same way again, or was declared final by who raised it."""

_DOUBLINGS = 64
"""After so many doublings any longest wait is reached; more would overflow a float."""


@dataclass(frozen=True)
class Outcome:
    """A result, and the number of attempts it took."""

    result: object
    attempts: int


@dataclass(frozen=True, kw_only=True)
class Retry:
    """Tries an item again that failed; each attempt gets an item that equals the one that came in.

    So an item that can be changed is copied (`copy.deepcopy`) before each attempt, the first included: what a pipe
    does to its item is seen by its own attempt alone, and a dead letter holds the item as it came. Items that cannot
    be changed are not copied: text, numbers and the like, tuples, frozen sets, frozen dataclasses and frozen models of
    such. Nor are those of a pipe with `process` or `isolate`, which gets its own. An item that cannot be copied fails
    with a `PipeTypeError`, before the pipe is called.

    A wait is never shorter than the `retry_after` of a `Transient` or `CircuitOpen`. So a pipe with a retry and a
    circuit waits for the circuit to close, as far as `attempts` and `total` go; one without a retry fails at once.

    Args:
        attempts: calls in all, the first included.
        backoff: `"100ms..5s"`: the first wait is up to 100 ms, the bound doubles each time, and none is longer than
            5 s. One duration: every wait is exactly that long, without jitter.
        total: no attempt begins later than this after the first failure; attempts under way are not cut short (that
            is what `timeout` does).
        on: which errors are tried again. `BadRecord`, `Fatal`, `PipeTypeError`, `LimitExceeded` and errors of
            definition never are, `Transient` always is.
        when: a further condition on an error of `on`.
        copy: False promises that the pipe does not change its items: none is copied.
        random: where the jitter comes from; the shared generator of the `random` module by default.

    Raises:
        ConfigError: listing every argument that is wrong.

    Example:
        >>> Retry(attempts=5, backoff="100ms..5s").again(ConnectionError())
        True
        >>> Retry(on=OSError, when=lambda error: "busy" in str(error)).again(OSError("full"))
        False
    """

    attempts: int = 3
    backoff: Duration = "100ms..5s"
    total: Duration | None = None
    on: type[Exception] | tuple[type[Exception], ...] = Exception
    when: Callable[[Exception], bool] | None = None
    copy: bool = True
    random: Random | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        faults = [*count_faults(attempts=self.attempts), *duration_faults(total=self.total)]
        try:
            least, most = self.bounds()
            if least < 0 or most < least or (_is_range(self.backoff) and least == 0):
                faults.append(Fault(f"must go from a shorter to a longer time, not {self.backoff!r}", "backoff"))
        except ConfigError as error:
            faults.append(Fault(str(error).removeprefix("backoff: "), "backoff"))
        kinds = cast("tuple[object, ...]", self.on if isinstance(self.on, tuple) else (self.on,))
        faults += [
            Fault(f"must be exception classes, not {kind!r}", "on")
            for kind in kinds
            if not (isinstance(kind, type) and issubclass(kind, Exception))
        ]
        if faults:
            raise ConfigError("Retry", faults=faults)

    def bounds(self) -> tuple[float, float]:
        """The first and the longest bound of a wait, in seconds."""
        if isinstance(self.backoff, str) and ".." in self.backoff:
            least, _, most = self.backoff.partition("..")
            return seconds(least, "backoff"), seconds(most, "backoff")
        fixed = seconds(self.backoff, "backoff")
        return fixed, fixed

    def again(self, error: Exception) -> bool:
        """Whether an error is one to try again."""
        if isinstance(error, Transient):
            return True
        if isinstance(error, _HOPELESS) or not isinstance(error, self.on):
            return False
        return self.when is None or self.when(error)

    def wait(self, attempt: int, error: Exception) -> float:
        """Seconds to wait after a failed attempt, counted from 1; random where `backoff` is a range."""
        least, most = self.bounds()
        wait = least
        if _is_range(self.backoff):
            draw = uniform if self.random is None else self.random.uniform
            wait = draw(0, min(most, least * 2.0 ** min(attempt - 1, _DOUBLINGS)))
        asked = error.retry_after if isinstance(error, Transient | CircuitOpen) else None
        return wait if asked is None else max(wait, asked)

    async def resume(self, call: Call, item: object, error: Exception, clock: Clock) -> Outcome:
        """Go on after a first attempt that raised `error`; `call` sees to it that the item stays as it came.

        Raises:
            RetriesExhausted: the last attempt failed too, or there is no time left for another.
            Exception: an error that is not one to try again, as it was raised; a `PipeError` says its `attempts`.
        """
        first_failure = clock.monotonic()
        attempt = 1
        while True:
            if not self.again(error):
                if isinstance(error, PipeError) and not error.pipe:
                    error.attempts = attempt
                raise error
            if attempt >= self.attempts:
                raise RetriesExhausted(attempts=attempt, cause=error)
            wait = self.wait(attempt, error)
            if self.total is not None and clock.monotonic() + wait - first_failure > seconds(self.total):
                raise RetriesExhausted(attempts=attempt, cause=error)
            await clock.sleep(wait)
            attempt += 1
            try:
                return Outcome(await call(item), attempt)
            except Exception as raised:  # noqa: BLE001  # `again` decides
                error = raised

    def layer(self, call: Call, clock: Clock) -> Call:
        """The call with retries around it."""
        attempt = cast("Call", pristine(call)) if self.copy else call

        async def retried(item: object) -> object:
            try:
                return await attempt(item)
            except Exception as error:  # noqa: BLE001  # `resume` raises it where it must
                return (await self.resume(attempt, item, error, clock)).result

        return retried


def _is_range(backoff: Duration) -> bool:
    return isinstance(backoff, str) and ".." in backoff
