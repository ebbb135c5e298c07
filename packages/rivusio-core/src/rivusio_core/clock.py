"""Time as a run sees it. Nothing but a clock reads time or sleeps, so that tests can bring their own."""

from __future__ import annotations

import time
from typing import Protocol

import anyio

__all__ = ["BlockingClock", "Clock", "SystemClock"]


class Clock(Protocol):
    """Two readings and a sleep.

    `wall` is UTC in microseconds since the epoch and may jump; `monotonic` is in seconds and never goes back.
    """

    def wall(self) -> int:
        """Microseconds since the epoch, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds since some fixed moment."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait at least that long; a cancellation point."""
        ...


class SystemClock:
    """The machine's clock; sleeps on the event loop."""

    def wall(self) -> int:
        return time.time_ns() // 1_000

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)


class BlockingClock(SystemClock):
    """The machine's clock where no event loop runs: sleeping blocks the calling thread."""

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
