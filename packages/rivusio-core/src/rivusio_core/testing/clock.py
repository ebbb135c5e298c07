"""A clock for tests: when nothing else can run, time jumps to the next moment that somebody waits for."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
import sys
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import TypeVar

import anyio
import anyio.lowlevel
import anyio.to_thread

from rivusio_core.event_loop import running_loop
from rivusio_core.testing.deadlock import Deadlock, waiting_tasks

__all__ = ["QUIET_ROUNDS", "VirtualClock", "is_quiet"]

R = TypeVar("R")

_WATCHING = "the test"
_START = 1_700_000_000_000_000
QUIET_ROUNDS = 3
"""Turns of the event loop without anything to run: one lets it look at its sockets, the others are cheap."""
_POLL = 0.001
"""Real seconds between two looks at a worker that is busy."""


class VirtualClock:
    """Implements `Clock`, on asyncio and trio. A day passes in a millisecond; nothing sleeps.

    Time stands still while any task can run, while a call in one of anyio's default worker threads is under way, and
    inside `with clock.working():`, which the engine holds while it waits for other threads and for processes. Nothing
    else holds it back: a test that waits for a socket, or with `anyio.sleep`, has to hold `working()` itself.

    Time is counted in whole microseconds; a sleep is rounded up to the next one.

    Args:
        wall: microseconds since the epoch at the beginning; 2023-11-14 22:13:20 UTC unless given.

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
        self._timers: list[tuple[int, int, _Timer]] = []
        self._order = itertools.count()
        self._gone = 0
        self._workers = 0
        self._driven_by: object = None

    def wall(self) -> int:
        """Microseconds since the epoch, UTC."""
        return self._start + self._elapsed

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self._elapsed / 1_000_000

    async def sleep(self, seconds: float) -> None:
        """Wait until time has jumped that far."""
        if seconds <= 0:
            await anyio.lowlevel.checkpoint()
            return
        woken = anyio.Event()
        with self._timer(seconds, woken.set):
            await woken.wait()

    @contextmanager
    def deadline(self, seconds: float) -> Generator[anyio.CancelScope, None, None]:
        """A cancel scope that is cancelled when time has jumped that far."""
        with anyio.CancelScope() as scope, self._timer(seconds, scope.cancel):
            yield scope

    @contextmanager
    def working(self) -> Generator[None, None, None]:
        """Time stands still inside: something works that the event loop does not see."""
        self._workers += 1
        try:
            yield
        finally:
            self._workers -= 1

    def run(self, function: Callable[..., Awaitable[R]], *args: object) -> R:
        """Run an async function on asyncio as `anyio.run` does, and say who waits where it would never end.

        Args:
            function: of which this clock is the time.
            args: its arguments.

        Raises:
            Deadlock: nothing can run, and no timer, thread or process will change that.

        Example:
            >>> async def main() -> None:
            ...     await anyio.Event().wait()
            >>> VirtualClock().run(main)
            Traceback (most recent call last):
            ...
            rivusio_core.testing.deadlock.Deadlock: deadlock: nothing can run any more; waiting are
              ...
        """

        async def main() -> R:
            loop = asyncio.get_running_loop()
            task = asyncio.ensure_future(function(*args))
            stuck: list[str] = []

            def look(quiet: int) -> None:
                quiet = quiet + 1 if is_quiet(loop) else 0
                if task.done():
                    return
                if self._waited_for() or self.busy():  # the clock jumps when nothing else can run: this must not
                    loop.call_later(_POLL, look, 0)
                elif quiet < 2 * QUIET_ROUNDS:
                    loop.call_soon(look, quiet)
                else:
                    stuck.extend(line for line in waiting_tasks(loop) if not line.startswith(_WATCHING))
                    task.cancel()

            watching = asyncio.current_task()
            if watching is not None:
                watching.set_name(_WATCHING)
            loop.call_soon(look, 0)
            try:
                return await task
            except asyncio.CancelledError:
                if not stuck:
                    raise
                raise Deadlock(stuck) from None

        return anyio.run(main)

    # ------------------------------------------------------------------------------------------------- timers

    @contextmanager
    def _timer(self, seconds: float, call: Callable[[], object]) -> Generator[None, None, None]:
        if seconds == math.inf:
            yield
            return
        due = self._elapsed + max(math.ceil(round(seconds * 1_000_000, 3)), 0)  # 0.07 * 1e6 is a little over 70,000
        timer = _Timer(call)
        heapq.heappush(self._timers, (due, next(self._order), timer))
        self._drive()
        try:
            yield
        finally:
            if timer.call is not None:
                timer.call = None
                self._gone += 1
                if self._gone > 64 + len(self._timers) // 2:  # deadlines that were met would pile up
                    self._timers = [entry for entry in self._timers if entry[2].call is not None]
                    heapq.heapify(self._timers)
                    self._gone = 0

    def _waited_for(self) -> bool:
        while self._timers and self._timers[0][2].call is None:
            heapq.heappop(self._timers)
            self._gone -= 1
        return bool(self._timers)

    def _jump(self) -> None:
        """To the next moment; everybody who waits for it is woken, in the order in which they began to wait."""
        self._elapsed = max(self._elapsed, self._timers[0][0])
        while self._waited_for() and self._timers[0][0] <= self._elapsed:
            timer = heapq.heappop(self._timers)[2]
            call, timer.call = timer.call, None
            if call is not None:
                call()

    def busy(self) -> bool:
        """A worker thread or process computes: time has to wait for it."""
        return self._workers > 0 or anyio.to_thread.current_default_thread_limiter().borrowed_tokens > 0

    # ------------------------------------------------------------------------------------------------- jumping

    def _drive(self) -> None:
        """Have somebody watch for the moment when nothing can run: no task of the run, for it would be seen there."""
        if running_loop() == "trio":
            trio = sys.modules["trio"]
            here: object = trio.lowlevel.current_trio_token()
            if self._driven_by is not here:
                self._driven_by = here
                trio.lowlevel.spawn_system_task(self._jump_on_trio)
        else:
            loop = asyncio.get_running_loop()
            if self._driven_by is not loop:
                self._driven_by = loop
                loop.call_soon(self._jump_on_asyncio, loop, 0)

    def _jump_on_asyncio(self, loop: asyncio.AbstractEventLoop, quiet: int) -> None:
        if not self._waited_for():
            self._driven_by = None
            return
        quiet = quiet + 1 if is_quiet(loop) else 0
        if quiet < QUIET_ROUNDS:
            loop.call_soon(self._jump_on_asyncio, loop, quiet)
        elif self.busy():
            loop.call_later(_POLL, self._jump_on_asyncio, loop, 0)
        else:
            self._jump()
            loop.call_soon(self._jump_on_asyncio, loop, 0)

    async def _jump_on_trio(self) -> None:
        import trio.testing  # optional: only tests that run on trio have it

        while self._waited_for():
            await trio.testing.wait_all_tasks_blocked()
            if self.busy():
                await trio.sleep(_POLL)
            elif self._waited_for():
                self._jump()
        self._driven_by = None


class _Timer:
    """A call at some time; None once it was made or nobody wants it any more."""

    def __init__(self, call: Callable[[], object]) -> None:
        self.call: Callable[[], object] | None = call


def is_quiet(loop: asyncio.AbstractEventLoop) -> bool:
    """Nothing is ready to run. asyncio does not tell; anyio, too, looks at a private attribute (of all tasks)."""
    ready: object = getattr(loop, "_ready", None)
    if ready is not None:
        return not ready
    waiters = [getattr(task, "_fut_waiter", None) for task in asyncio.all_tasks(loop)]  # uvloop has no list to look at
    return all(waiter is not None and not waiter.done() for waiter in waiters)
