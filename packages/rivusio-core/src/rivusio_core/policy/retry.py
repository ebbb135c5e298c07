"""Trying again: exponential waits with full jitter."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from rivusio_core.clock import Clock
from rivusio_core.duration import Duration, seconds
from rivusio_core.errors import BadRecord, ConfigError, Fatal, Fault, PipeTypeError, RetriesExhausted, Transient
from rivusio_core.policy.layer import Call

__all__ = ["Outcome", "Retry"]


@dataclass(frozen=True)
class Outcome:
    """A result, and the number of attempts it took."""

    result: object
    attempts: int


@dataclass(frozen=True, kw_only=True)
class Retry:
    """Tries an item again that failed.

    Before attempt n + 1 it waits a random time between 0 and `least * 2 ** (n - 1)`, at most `most` (full jitter), and
    never less than the `retry_after` of a `Transient`.

    Args:
        attempts: calls in all, the first included.
        backoff: `"100ms..5s"`, the first and the longest bound; one duration is both.
        total: no attempt begins later than this after the first failure.
        on: which errors are tried again; `BadRecord`, `Fatal` and `PipeTypeError` never, `Transient` always.
        when: a further condition on the error.
    """

    attempts: int = 3
    backoff: Duration = "100ms..5s"
    total: Duration | None = None
    on: type[Exception] | tuple[type[Exception], ...] = Exception
    when: Callable[[Exception], bool] | None = None
    random: random.Random = field(default_factory=random.Random, compare=False, repr=False)

    def __post_init__(self) -> None:
        faults = list[Fault]()
        if self.attempts < 1:
            faults.append(Fault(f"must be 1 or more, not {self.attempts}", "attempts"))
        try:
            least, most = self.bounds()
            if not 0 <= least <= most:
                faults.append(Fault(f"must go from a shorter to a longer time, not {self.backoff!r}", "backoff"))
            if self.total is not None and seconds(self.total, "total") <= 0:
                faults.append(Fault("must be longer than 0", "total"))
        except ConfigError as error:
            faults += error.faults
        if faults:
            raise ConfigError("Retry", faults=faults)

    def bounds(self) -> tuple[float, float]:
        """The first and the longest bound of a wait, in seconds."""
        if isinstance(self.backoff, str) and ".." in self.backoff:
            least, _, most = self.backoff.partition("..")
            return seconds(least, "backoff"), seconds(most, "backoff")
        both = seconds(self.backoff, "backoff")
        return both, both

    def again(self, error: Exception) -> bool:
        """Whether an error is one to try again."""
        if isinstance(error, BadRecord | Fatal | PipeTypeError):
            return False
        if isinstance(error, Transient):
            return True
        return isinstance(error, self.on) and (self.when is None or self.when(error))

    async def resume(self, call: Call, item: object, error: Exception, clock: Clock) -> Outcome:
        """Go on after a first attempt that raised `error`.

        Raises:
            RetriesExhausted: the last attempt failed too.
            Exception: an error that is not one to try again, as it was raised.
        """
        least, most = self.bounds()
        began = clock.monotonic()
        attempt = 1
        while True:
            if not self.again(error):
                raise error
            if attempt >= self.attempts:
                raise RetriesExhausted(attempts=attempt, cause=error)
            wait = self.random.uniform(0, min(most, least * 2 ** (attempt - 1)))
            if isinstance(error, Transient) and error.retry_after is not None:
                wait = max(wait, error.retry_after)
            if self.total is not None and clock.monotonic() + wait - began > seconds(self.total):
                raise RetriesExhausted(attempts=attempt, cause=error)
            await clock.sleep(wait)
            attempt += 1
            try:
                return Outcome(await call(item), attempt)
            except Exception as raised:
                error = raised

    def layer(self, call: Call, clock: Clock) -> Call:
        """The call with retries around it."""

        async def retried(item: object) -> object:
            try:
                return await call(item)
            except Exception as error:
                return (await self.resume(call, item, error, clock)).result

        return retried
