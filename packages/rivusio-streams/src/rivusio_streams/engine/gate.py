"""One at a time, the one that is furthest behind first."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import anyio.lowlevel

__all__ = ["Gate"]


class Gate:
    """Lets the tasks that push one stage in one by one. Of those that wait, the smallest priority goes first.

    With watermarks as priorities the partition that holds the others back is the one that gets on, so that little
    has to be kept open.
    """

    def __init__(self) -> None:
        self._busy = False
        self._waiting: list[_Entry] = []
        self._count = 0

    @asynccontextmanager
    async def turn(self, priority: int) -> AsyncGenerator[None, None]:
        """Hold the gate; a cancellation point only where it must be waited for."""
        await self._enter(priority)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, priority: int) -> None:
        if not self._busy:
            self._busy = True
            return
        self._count += 1
        entry = _Entry(priority, self._count)
        self._waiting.append(entry)
        try:
            await entry.turn.wait()
            # Who has just left may come back at once, and be the one that is furthest behind still.
            await anyio.lowlevel.checkpoint()
            while min(self._waiting, key=_Entry.rank) is not entry:
                entry.turn = anyio.Event()
                self._hand_over()
                await entry.turn.wait()
        except BaseException:
            self._waiting.remove(entry)
            if entry.turn.is_set():
                self._leave()
            raise
        self._waiting.remove(entry)

    def _leave(self) -> None:
        if self._waiting:
            self._hand_over()  # it stays busy
        else:
            self._busy = False

    def _hand_over(self) -> None:
        min(self._waiting, key=_Entry.rank).turn.set()

    async def checkpoint(self) -> None:
        """A cancellation point, and a turn for other tasks, but not where others wait to be let in: they will run."""
        if not self._waiting:
            await anyio.lowlevel.checkpoint()


class _Entry:
    """Somebody who waits; of equal priorities the one that came first goes first."""

    def __init__(self, priority: int, order: int) -> None:
        self.priority, self.order = priority, order
        self.turn = anyio.Event()

    def rank(self) -> tuple[int, int]:
        return self.priority, self.order
