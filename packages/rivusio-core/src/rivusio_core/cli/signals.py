"""Signals during a run: the first asks for a clean stop, the second cancels, the third does not ask.

Plain handlers rather than the event loop's: a sync pipe that blocks the loop would keep those from being called.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

import anyio

__all__ = ["Signals"]


class Signals:
    """Turns SIGINT and SIGTERM into a stop or a cancellation of one run on asyncio.

    Args:
        told: called once, in the event loop, with the name of the first signal.

    Attributes:
        stop: set by the first signal.
        scope: cancelled by the second.
        number: of the last signal; 0 if there was none.
    """

    def __init__(self, told: Callable[[str], None]) -> None:
        self.stop = anyio.Event()
        self.scope = anyio.CancelScope()
        self.number = 0
        self._told = told
        self._count = 0
        self._heard = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._before: dict[int, Any] = {}  # Any: what signal.signal returns

    def __enter__(self) -> Signals:
        """Take the signals over; inside the event loop, in the main thread."""
        self._loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._came)
        return self

    def __exit__(self, *_: object) -> None:
        """Give them back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _came(self, number: int, _: FrameType | None) -> None:
        self.number = number
        self._count += 1
        if self._count > 3:
            os._exit(128 + number)
        if self._count > 1 and self._heard < self._count - 1:
            # The loop did not even hear of the one before: something blocks it, and this breaks that something off.
            raise KeyboardInterrupt
        if self._count > 2:
            raise KeyboardInterrupt
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._hear, self._count)

    def _hear(self, count: int) -> None:
        self._heard = count
        if count == 1:
            self.stop.set()
            self._told(signal.Signals(self.number).name)
        else:
            self.scope.cancel()
