"""Calls a second, as a bucket of tokens.

The bucket is kept as the time when it would be full again ("generic cell rate algorithm", ITU-T I.371): one number,
no timer, and nothing to refill.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from threading import Lock

import anyio

from rivusio_core.clock import BlockingClock, Clock
from rivusio_core.duration import Duration, seconds
from rivusio_core.errors import ConfigError, Fault
from rivusio_core.policy.faults import count_faults, duration_faults
from rivusio_core.policy.layer import Call

__all__ = ["RateLimit"]

_TEXT = re.compile(r"(\d{1,15}(?:\.\d{1,15})?)\s*/\s*(.+)", re.ASCII)
_UNIT = re.compile(r"us|ms|s|m|h|d")
_GRAIN = 0.01
"""Seconds. A machine sleeps no finer than some milliseconds: with single tokens a fast limit would never be reached."""


@dataclass(frozen=True)
class RateLimit:
    """Begins at most `rate` calls `per` duration, over all workers of a run, first come first served.

    Tokens come in evenly, one each `per / rate`, and `burst` of them are kept at most: after a quiet time so many
    calls may begin at once. In any stretch of length t that is `t * rate / per + burst` calls at most. A call that is
    cancelled while it waits takes no token.

    Args:
        rate: calls, more than 0.
        per: in this time.
        burst: how many may begin at once, 1 or more; by default as many as come in 10 ms, at least 1: so up to 100
            calls a second they are evenly spaced.

    Raises:
        ConfigError: listing every argument that is wrong.

    Example:
        >>> RateLimit.parse("100/250ms") == RateLimit(100, per="250ms")
        True
    """

    rate: float
    per: Duration = "1s"
    burst: int | None = None

    def __post_init__(self) -> None:
        faults = [*duration_faults(per=self.per), *count_faults(burst=self.burst)]
        if not (math.isfinite(self.rate) and self.rate > 0):
            faults.append(Fault(f"must be more than 0, not {self.rate}", "rate"))
        if faults:
            raise ConfigError("RateLimit", faults=faults)

    @classmethod
    def parse(cls, text: str) -> RateLimit:
        """The limit that `"100/s"`, `"10/m"`, `"5/h"` or `"100/250ms"` stands for.

        Raises:
            ConfigError: the text is no rate.
        """
        match = _TEXT.fullmatch(text.strip()) if len(text) <= 64 else None
        try:
            if match is None:
                raise ConfigError("no slash")
            return cls(float(match[1]), per=f"1{match[2]}" if _UNIT.fullmatch(match[2]) else match[2])
        except ConfigError:
            raise ConfigError(
                faults=[Fault(f"{text[:64]!r} is no rate; write it like '100/s', '10/m' or '100/250ms'", "rate_limit")]
            ) from None

    def layer(self, call: Call, clock: Clock) -> Call:
        """The call, begun no more often than this."""
        interval = seconds(self.per) / self.rate
        burst = self.burst or max(1, int(_GRAIN / interval))
        bucket = _Bucket(interval, (burst - 1) * interval)
        if isinstance(clock, BlockingClock):
            return _in_threads(call, clock, bucket)
        turn = anyio.Lock(fast_acquire=True)

        async def limited(item: object) -> object:
            came = clock.monotonic()
            async with turn:  # only the first in line sleeps, so one that is cancelled leaves no gap
                due = bucket.due(came)
                wait = due - clock.monotonic()
                if wait > 0:
                    await clock.sleep(wait)
                bucket.take(due)
            return await call(item)

        return limited


def _in_threads(call: Call, clock: Clock, bucket: _Bucket) -> Call:
    """Where no event loop runs: tokens are promised ahead, in order; a thread that sleeps cannot be cancelled."""
    turn = Lock()

    async def limited(item: object) -> object:
        with turn:
            now = clock.monotonic()
            due = bucket.due(now)
            bucket.take(due)
        if due > now:
            await clock.sleep(due - now)
        return await call(item)

    return limited


class _Bucket:
    """When the next token is due. A token counts as taken when it was due: a sleep that took too long costs nothing."""

    def __init__(self, interval: float, slack: float) -> None:
        self._interval, self._slack = interval, slack
        self._full_at = -math.inf

    def due(self, came: float) -> float:
        """The earliest time for a call that came at that time."""
        return max(came, self._full_at - self._slack)

    def take(self, due: float) -> None:
        self._full_at = max(self._full_at, due) + self._interval
