"""Signals during a run: the first asks for a clean stop, the second cancels, the third does not ask.

Plain handlers rather than the event loop's: a sync pipe that blocks the loop would keep those from being called.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from types import FrameType
from typing import Any, cast

import anyio

__all__ = ["Signals"]


class Signals:
    """Turns SIGINT and SIGTERM into a stop or a cancellation of one run on asyncio.

    Attributes:
        stop: set by the first signal.
        scope: cancelled by the second.
    """

    def __init__(self) -> None:
        self.stop = anyio.Event()
        self.scope = anyio.CancelScope()
        self._count = 0
        self._heard = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._before: dict[int, Any] = {}  # Any: what signal.signal returns

    def __enter__(self) -> Signals:
        """Take the signals over; inside the event loop."""
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(_without_interrupts)
        if threading.current_thread() is threading.main_thread():  # no other may
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._came) or signal.SIG_DFL
        return self

    def __exit__(self, *_: object) -> None:
        """Give them back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _came(self, number: int, _: FrameType | None) -> None:
        self._count += 1
        if self._count > 3:
            os._exit(128 + number)
        # Where the loop has not even heard of the signal before, something blocks it: this breaks that something off.
        if self._count > 2 or self._heard < self._count - 1:
            raise KeyboardInterrupt
        if self._count == 1:
            _say(f"{signal.Signals(number).name}: stopping cleanly; the next signal breaks off\n")
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._hear, self._count)

    def _hear(self, count: int) -> None:
        self._heard = count
        if count == 1:
            self.stop.set()
        else:
            self.scope.cancel()


def _without_interrupts(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Breaking off is what was asked for: asyncio need not complain of each task that it hit."""
    error: object = context.get("exception")
    only = isinstance(error, KeyboardInterrupt)
    if isinstance(error, BaseExceptionGroup):
        only = cast("BaseExceptionGroup[BaseException]", error).split(KeyboardInterrupt)[1] is None
    if not only:
        loop.default_exception_handler(context)


def _say(text: str) -> None:
    with contextlib.suppress(OSError):
        os.write(2, text.encode())  # a print could land inside another print, which is an error
