"""A clock for tests: when nothing else can run, time jumps to the next moment that somebody waits for."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager

import anyio
import anyio.to_thread

__all__ = ["VirtualClock"]

_START = 1_700_000_000_000_000
_QUIET_ROUNDS = 3
"""Turns of the event loop without anything to run: one lets it look at its sockets, the others are cheap."""


class VirtualClock:
    """Implements `Clock`, on asyncio and trio. A day passes in a millisecond; nothing sleeps.

    Time stands still while anything can run, and while a call in one of anyio's default worker threads is under way.

    Args:
        wall: microseconds since the epoch at the beginning.

    Example:
        >>> async def main() -> float:
        ...     clock = VirtualClock()
        ...     await clock.sleep(86_400)
        ...     return clock.monotonic()
        >>> anyio.run(main)
        86400.0
    """

    def __init__(self, wall: int = _START) -> None:
        self._start = wall
        self._elapsed = 0
        self._waiting: list[tuple[int, int, Callable[[], object]]] = []
        self._order = itertools.count()
        self._cancelled = set[int]()
        self._running = False

    def wall(self) -> int:
        """Microseconds since the epoch, UTC."""
        return self._start + self._elapsed

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self._elapsed / 1_000_000

    async def sleep(self, seconds: float) -> None:
        """Wait until time has jumped that far."""
        woken = anyio.Event()
        with self._calling(seconds, woken.set):
            await woken.wait()

    @contextmanager
    def deadline(self, seconds: float) -> Generator[anyio.CancelScope, None, None]:
        """A cancel scope that is cancelled when time has jumped that far."""
        with anyio.CancelScope() as scope, self._calling(seconds, scope.cancel):
            yield scope

    @contextmanager
    def _calling(self, seconds: float, call: Callable[[], object]) -> Iterator[None]:
        due, order = self._elapsed + max(round(seconds * 1_000_000), 0), next(self._order)
        heapq.heappush(self._waiting, (due, order, call))
        self._start_jumping()
        try:
            yield
        finally:
            self._cancelled.add(order)

    def _start_jumping(self) -> None:
        if self._running:
            return
        self._running = True
        trio = sys.modules.get("trio")
        if trio is not None and trio.lowlevel.in_trio_task():
            trio.lowlevel.spawn_system_task(self._jump_on_trio)
        else:
            loop = asyncio.get_running_loop()
            loop.call_soon(self._jump_on_asyncio, loop, 0)

    def _jump_on_asyncio(self, loop: asyncio.AbstractEventLoop, quiet: int) -> None:
        if not self._pending():
            self._running = False
            return
        # The list of ready callbacks is private, and the only way to see that nothing else can run.
        quiet = 0 if getattr(loop, "_ready") else quiet + 1  # noqa: B009
        if quiet >= _QUIET_ROUNDS and not _threads():
            self._jump()
            quiet = 0
        if quiet >= _QUIET_ROUNDS:
            loop.call_later(0.001, self._jump_on_asyncio, loop, quiet)  # a worker thread is busy: real time
        else:
            loop.call_soon(self._jump_on_asyncio, loop, quiet)

    async def _jump_on_trio(self) -> None:
        import trio  # noqa: PLC0415  # optional: only tests that run on trio have it
        import trio.testing  # noqa: PLC0415

        while self._pending():
            await trio.testing.wait_all_tasks_blocked()
            if _threads():
                await trio.sleep(0.001)
            elif self._pending():
                self._jump()
        self._running = False

    def _pending(self) -> bool:
        while self._waiting and self._waiting[0][1] in self._cancelled:
            self._cancelled.discard(heapq.heappop(self._waiting)[1])
        return bool(self._waiting)

    def _jump(self) -> None:
        """To the next moment; everybody who waits for it is woken, in the order in which they began to wait."""
        self._elapsed = max(self._elapsed, self._waiting[0][0])
        while self._pending() and self._waiting[0][0] <= self._elapsed:
            _, _, call = heapq.heappop(self._waiting)
            call()


def _threads() -> int:
    return anyio.to_thread.current_default_thread_limiter().borrowed_tokens
