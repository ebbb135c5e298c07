"""One thread that looks after everything that must not depend on an event loop."""

from __future__ import annotations

import os
import threading
import time
from typing import Final, Protocol

__all__ = ["Patrol", "Watched", "patrol"]

_PERIOD: Final = 0.25
"""Seconds between two rounds at most: so soon a newcomer is known of, without waking the thread for it."""
_IDLE_ROUNDS: Final = 8
"""The thread ends after so many rounds without anybody to look after: to start it takes longer than a short run."""


class Watched(Protocol):
    """Wants to be looked after."""

    @property
    def every(self) -> float:
        """Seconds between two looks."""
        ...

    def look(self, now: float, cpu: float) -> None:
        """Look; by real time and by the processor time of this process, in seconds."""
        ...


class Patrol:
    """Looks after some things, each in its own interval, from one daemon thread that is there only as long as needed.

    What hangs in a look keeps the others from being looked after.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due = dict[Watched, float]()
        self._period = 0.0  # what the thread waits for; 0 until it has looked around
        self._thread: threading.Thread | None = None

    def add(self, watched: Watched) -> None:
        """Look after it from now on."""
        with self._changed:
            self._due[watched] = time.monotonic() + watched.every
            if self._thread is None:
                self._thread = threading.Thread(target=self._rounds, name="rivusio watchdog", daemon=True)
                self._thread.start()
            elif watched.every < self._period:
                self._changed.notify()

    def remove(self, watched: Watched) -> None:
        """No longer look after it; a look that is under way is not waited for."""
        with self._changed:
            self._due.pop(watched, None)

    def _rounds(self) -> None:
        idle = 0
        while True:
            with self._changed:
                idle = 0 if self._due else idle + 1
                if idle > _IDLE_ROUNDS:
                    self._thread = None
                    return
                self._period = min((_PERIOD, *(each.every for each in self._due)))
                self._changed.wait(self._period)
                now = time.monotonic()
                due = [each for each, time_due in self._due.items() if time_due <= now]
                for each in due:
                    self._due[each] = now + each.every
            for each in due:
                try:
                    each.look(time.monotonic(), time.process_time())
                except RuntimeError:  # its loop is closed, and it was left in it
                    self.remove(each)


patrol = Patrol()
"""That of this process."""


def _start_afresh() -> None:
    patrol.__init__()  # type: ignore[misc]  # the thread and who held the lock stayed in the parent


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_afresh)
