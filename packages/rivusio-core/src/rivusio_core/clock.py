"""Time as a run sees it. Nothing but a clock reads time or sleeps, so that tests can bring their own."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

import anyio

__all__ = ["BlockingClock", "Clock", "SystemClock"]


class Clock(Protocol):
    """Two readings, a sleep, and a deadline.

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

    def deadline(self, seconds: float) -> AbstractContextManager[anyio.CancelScope]:
        """Cancel what is inside after that long; the scope's `cancelled_caught` then says that it was this deadline."""
        ...

    def working(self) -> AbstractContextManager[None]:
        """Hold around a wait for a thread or process: a clock that jumps must not jump while one computes."""
        ...


class SystemClock:
    """The machine's clock; sleeps on the event loop."""

    def wall(self) -> int:
        """Microseconds since the epoch, UTC."""
        return time.time_ns() // 1_000

    monotonic = staticmethod(time.monotonic)  # itself, not called by a method: some ask it for each item
    """Seconds since some fixed moment."""

    async def sleep(self, seconds: float) -> None:
        """Wait at least that long; a cancellation point."""
        await anyio.sleep(seconds)

    def deadline(self, seconds: float) -> AbstractContextManager[anyio.CancelScope]:
        """Cancel what is inside after that long."""
        return anyio.move_on_after(seconds)

    def working(self) -> AbstractContextManager[None]:
        """Nothing: this clock goes on whatever happens."""
        return _NOTHING


class BlockingClock(SystemClock):
    """The machine's clock where no event loop runs: sleeping blocks the calling thread; there are no deadlines."""

    async def sleep(self, seconds: float) -> None:
        """Block the thread that long."""
        time.sleep(seconds)  # noqa: ASYNC251  # no loop runs here


_NOTHING = nullcontext()
