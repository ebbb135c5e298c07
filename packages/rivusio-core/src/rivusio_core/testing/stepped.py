"""A clock that moves when the test says so."""

from __future__ import annotations

import asyncio

import anyio.to_thread

from rivusio_core.testing.clock import QUIET_ROUNDS, VirtualClock, is_quiet
from rivusio_core.testing.deadlock import Deadlock, waiting_tasks

__all__ = ["SteppedClock"]

_POLL = 0.001
"""Real seconds between two looks at a worker thread that is busy."""


class SteppedClock(VirtualClock):
    """A virtual clock that stands still until `advance` moves it; on asyncio.

    Example:
        >>> import anyio
        >>> async def main() -> list[float]:
        ...     clock, seen = SteppedClock(), []
        ...     async def sleeper() -> None:
        ...         await clock.sleep(10)
        ...         seen.append(clock.monotonic())
        ...     async with anyio.create_task_group() as group:
        ...         group.start_soon(sleeper)
        ...         await clock.advance(9)
        ...         seen.append(clock.monotonic())
        ...         await clock.advance(1)
        ...     return seen
        >>> anyio.run(main)
        [9.0, 10.0]
    """

    async def settle(self) -> None:
        """Wait until nothing can run any more: every other task waits, and no worker is busy."""
        loop = asyncio.get_running_loop()
        settled = loop.create_future()
        threads = anyio.to_thread.current_default_thread_limiter()  # a plain callback could not ask for it

        def look(quiet: int) -> None:
            quiet = quiet + 1 if is_quiet(loop) else 0
            if quiet < QUIET_ROUNDS:
                loop.call_soon(look, quiet)
            elif self._workers > 0 or threads.borrowed_tokens > 0:
                loop.call_later(_POLL, look, 0)
            elif not settled.done():
                settled.set_result(None)

        loop.call_soon(look, 0)
        await settled

    async def advance(self, seconds: float) -> None:
        """Let that much time pass; returns when all that it causes is done.

        Whoever waits for a moment in between runs at that moment.
        """
        until = self._elapsed + round(seconds * 1_000_000)
        await self.settle()
        while self._waited_for() and self._timers[0][0] <= until:
            self._jump()
            await self.settle()
        self._elapsed = max(self._elapsed, until)

    async def finish(self, task: asyncio.Task[object]) -> None:
        """Let time pass until a task is done.

        Raises:
            Deadlock: it never will be: nothing can run, and nobody waits for a moment in time.
        """
        await self.settle()
        while not task.done():
            if not self._waited_for():
                raise Deadlock(waiting_tasks(asyncio.get_running_loop()))
            self._jump()
            await self.settle()

    @property
    def awaited(self) -> bool:
        """Somebody waits for a moment in time."""
        return self._waited_for()

    def _drive(self) -> None:
        """Nobody but the test moves this clock."""
