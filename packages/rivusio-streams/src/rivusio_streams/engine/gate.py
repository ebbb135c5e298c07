"""One at a time, the one that is furthest behind first."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio

__all__ = ["Gate"]


class Gate:
    """Lets the tasks that push one stage in one by one. Of those that wait, the smallest priority goes first.

    With watermarks as priorities the partition that holds the others back is the one that gets on, so that little
    has to be kept open.
    """

    def __init__(self) -> None:
        self._busy = False
        self._waiting: list[tuple[int, int, anyio.Event]] = []
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
        entry = (priority, self._count, anyio.Event())
        self._waiting.append(entry)
        try:
            await entry[2].wait()
        except BaseException:
            if entry in self._waiting:
                self._waiting.remove(entry)
            else:  # it was this one's turn already
                self._leave()
            raise

    def _leave(self) -> None:
        if self._waiting:
            first = min(self._waiting, key=lambda entry: entry[:2])
            self._waiting.remove(first)
            first[2].set()  # still busy: the gate is handed over
        else:
            self._busy = False
