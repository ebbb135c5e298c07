"""Calls of sync sources, sinks and stores: in threads, one at a time, and none that hangs holds up the end of a run.

A thread cannot be interrupted. When a run is cancelled while one is in a call, the call is waited for, since most
return soon and what they work on is closed next. One that does not return is left to itself.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

import anyio
import anyio.to_thread

from rivusio_core.duration import duration_text
from rivusio_core.event_loop import calling_in_loop

__all__ = ["PATIENCE", "Blocking"]

PATIENCE = 10.0
"""Seconds for which a call is waited for after its run was cancelled, unless stopping is to be quicker."""

R = TypeVar("R")
_log = logging.getLogger("rivusio")


class Blocking:
    """Has the methods of one object called in threads.

    Args:
        name: of the object, for messages.
        patience: seconds for which a call is waited for after its run was cancelled.
        limiter: of the threads; None: the one that everything shares.
    """

    def __init__(self, name: str, patience: float = PATIENCE, limiter: anyio.CapacityLimiter | None = None) -> None:
        self.name, self._patience = name, patience
        self.stuck = ""
        """What has not returned; nothing else is called then, closing included."""
        self._limiter = limiter
        self._lock = anyio.Lock()

    async def call(self, what: str, call: Callable[[], R], undo: Callable[[R], object] | None = None) -> R:
        """Call it and give what it gives; a cancellation waits for it, but not for ever.

        Args:
            what: it does, for messages: `"writing"`.
            call: what is called.
            undo: called, in its thread, with a result that nobody is there to take any more.

        Raises:
            RuntimeError: an earlier call has not returned.
        """
        async with self._lock:
            if self.stuck:
                raise RuntimeError(f"{self.stuck} has not returned")
            attempt = _Attempt[R](call, undo)
            try:
                return await anyio.to_thread.run_sync(attempt, abandon_on_cancel=True, limiter=self._limiter)
            except anyio.get_cancelled_exc_class():
                await self._wait(what, attempt)
                raise

    async def _wait(self, what: str, attempt: _Attempt[R]) -> None:
        over = attempt.abandon()
        if over is None:
            return
        with anyio.move_on_after(self._patience, shield=True) as waiting:
            await over.wait()
        if waiting.cancelled_caught:
            self.stuck = what
            _log.error(
                "%s: %s has not returned %s after the run was cancelled; its thread is left to itself, and nothing "
                "more is done with it, closing included",
                self.name,
                what,
                duration_text(round(self._patience * 1_000_000)),
            )


class _Attempt(Generic[R]):
    """One call: not begun, under way or over; and maybe there is nobody any more who takes what it gives."""

    def __init__(self, call: Callable[[], R], undo: Callable[[R], object] | None) -> None:
        self._call, self._undo = call, undo
        self._lock = threading.Lock()
        self._begun = self._done = self._alone = False
        self._over = anyio.Event()
        self._tell = calling_in_loop()

    def __call__(self) -> R:
        with self._lock:
            self._begun = True
            if self._alone:
                raise RuntimeError("given up before it began")
        try:
            result = self._call()
        except BaseException:
            self._end()
            raise
        if self._end() and self._undo is not None:
            self._undo(result)
        return result

    def _end(self) -> bool:
        """It is over; True: nobody takes the result."""
        with self._lock:
            self._done = True
        if self._alone:
            with suppress(RuntimeError):  # the event loop is over, too
                self._tell(self._over.set)
        return self._alone

    def abandon(self) -> anyio.Event | None:
        """Nobody takes its result any more; gives what is set once it is over, if it is under way."""
        with self._lock:
            self._alone = True
            return self._over if self._begun and not self._done else None
