"""Calls a second, as a bucket of tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rivusio_core.clock import Clock
from rivusio_core.duration import Duration, seconds
from rivusio_core.errors import ConfigError, Fault
from rivusio_core.policy.layer import Call

__all__ = ["RateLimit"]

_TEXT = re.compile(r"(\d+(?:\.\d+)?)/(\d+(?:\.\d+)?)?(us|ms|s|m|h|d)")


@dataclass(frozen=True, kw_only=True)
class RateLimit:
    """At most `rate` calls `per` duration, `burst` of them at once."""

    rate: float
    per: Duration = "1s"
    burst: int | None = None

    def __post_init__(self) -> None:
        faults = list[Fault]()
        if self.rate <= 0:
            faults.append(Fault(f"must be more than 0, not {self.rate}", "rate"))
        if seconds(self.per, "per") <= 0:
            faults.append(Fault("must be longer than 0", "per"))
        if self.burst is not None and self.burst < 1:
            faults.append(Fault(f"must be 1 or more, not {self.burst}", "burst"))
        if faults:
            raise ConfigError("RateLimit", faults=faults)

    @classmethod
    def parse(cls, text: str) -> RateLimit:
        """`"100/s"`, `"10/m"`, `"100/250ms"`."""
        match = _TEXT.fullmatch(text.strip())
        if not match:
            raise ConfigError(f"rate_limit: {text!r} is no rate; write it like '100/s' or '10/m'")
        return cls(rate=float(match[1]), per=f"{match[2] or 1}{match[3]}")

    def layer(self, call: Call, clock: Clock) -> Call:
        """The call, begun no more often than this."""
        interval = seconds(self.per) / self.rate
        burst = self.burst or 1
        free_at = clock.monotonic() - burst * interval

        async def limited(item: object) -> object:
            nonlocal free_at
            now = clock.monotonic()
            free_at = max(free_at, now - burst * interval) + interval
            wait = free_at - now
            if wait > 0:
                await clock.sleep(wait)
            return await call(item)

        return limited


