"""Noticing that something keeps an event loop from running, while it does so.

A thread (see `patrol`) asks the loop for a sign of life, a few times a second, and looks what the loop's thread is at
when none comes. Nothing of it is on the way of the items.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from rivusio_core.duration import Duration, seconds
from rivusio_core.engine.culprit import Culprit
from rivusio_core.engine.patrol import patrol
from rivusio_core.errors import ConfigError, Fault
from rivusio_core.event_loop import running_loop
from rivusio_core.listener import Listeners, RunInfo

__all__ = ["BLOCKED_AFTER", "Silence", "Watchdog"]

BLOCKED_AFTER: Duration = "1s"
"""How long an event loop may stand still by default."""
_LOOKS = 4
"""How often the watchdog looks in that time."""
_log = logging.getLogger("rivusio")


class Silence:
    """How long nothing was heard, measured by somebody who may have been stopped, too.

    Whoever looks late did so for one of two reasons. The whole process stood still (SIGSTOP, a sleeping laptop): that
    is nobody's fault. Or something held Python's lock and computed: the processor time of the process tells.

    Args:
        every: seconds between two looks, as planned.
    """

    def __init__(self, every: float) -> None:
        self.seconds = 0.0
        self._every = every
        self._last = (0.0, 0.0)

    def begin(self, now: float, cpu: float) -> None:
        """Start at 0, by a clock and by the processor time of the process."""
        self.seconds, self._last = 0.0, (now, cpu)

    def look(self, now: float, cpu: float) -> None:
        """Add the time since the last look, as far as the process ran."""
        gap, computed = now - self._last[0], cpu - self._last[1]
        self.seconds += gap if gap <= 2 * self._every else max(self._every, min(gap, computed))
        self._last = (now, cpu)


class Watchdog:
    """Logs once per incident which step keeps the event loop from running, where, and for how long so far.

    `Listener.loop_blocked` is told the same, from the watchdog's thread. Hold it around a run, inside its event loop
    (asyncio or trio). It goes by real time, whatever the clock of the run.

    Args:
        info: of the run.
        listeners: of the run.
        after: report a loop that stood still for so long; None: do not watch.

    Raises:
        ConfigError: `after` is no duration, or not longer than 0.

    Example:
        >>> async def main() -> None:
        ...     with Watchdog(RunInfo("orders", "1"), Listeners(), after="500ms"):
        ...         await asyncio.sleep(0)
        >>> asyncio.run(main())
    """

    def __init__(self, info: RunInfo, listeners: Listeners, after: Duration | None = BLOCKED_AFTER) -> None:
        self._info, self._listeners = info, listeners
        self._after = self.check(after)
        self.every = (self._after or 0) / _LOOKS
        self._over = False
        self._silence = Silence(self.every)
        self._heard = True
        self._reported = False
        self._ask: Callable[[Callable[[], None]], object] | None = None
        self._thread = 0

    @staticmethod
    def check(after: Duration | None) -> float | None:
        """The time in seconds.

        Raises:
            ConfigError: it is no duration, or not longer than 0.
        """
        found = None if after is None else seconds(after, "blocked_after")
        if found is not None and found <= 0:
            raise ConfigError(faults=[Fault("must be longer than 0; None turns the watchdog off", "blocked_after")])
        return found

    def __enter__(self) -> Self:
        """Start watching the loop that runs here."""
        if self._after is not None:
            self._ask, self._thread = _asking(), threading.get_ident()
            patrol.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop watching; a report under way is not waited for, since the loop must not wait for a listener."""
        self._over = True
        patrol.remove(self)

    def look(self, now: float, cpu: float) -> None:
        """Ask for a sign of life, or see how long none has come.

        Args:
            now: seconds of real time.
            cpu: seconds of processor time that this process has used.

        Raises:
            RuntimeError: the loop is closed.
        """
        if self._ask is None or self._after is None:
            return
        if self._heard:
            self._heard = self._reported = False
            self._silence.begin(now, cpu)
            self._ask(self._answer)
            return
        self._silence.look(now, cpu)
        if self._silence.seconds >= self._after and not self._reported:
            self._reported = True
            self._report(self._silence.seconds)

    def _answer(self) -> None:
        self._heard = True

    def _report(self, silent: float) -> None:
        frames = sys._current_frames()  # pyright: ignore[reportPrivateUsage]  # documented, for this very purpose
        culprit = Culprit.of(frames.get(self._thread), self._info.steps)
        if self._heard or self._over:  # it ran again meanwhile, so that what was seen is not the cause
            return
        where = f" at {Path(culprit.frame.filename).name}:{culprit.frame.lineno} in {culprit.frame.name}"
        stack = culprit.stack()
        _log.warning(
            "run %s: %s has kept the event loop from running for %.1f s so far%s; nothing else moves meanwhile: %s\n%s",
            self._info.name,
            "something" if culprit.step is None else f"step {culprit.step!r}",
            silent,
            where if culprit.frame.filename else "",
            culprit.advice(),
            "\n".join(f"  {line}" for line in stack),
        )
        self._listeners.loop_blocked(self._info, culprit.step, silent, stack)


def _asking() -> Callable[[Callable[[], None]], object]:
    """How another thread has something called in the loop that runs here."""
    if running_loop() == "trio":
        token = sys.modules["trio"].lowlevel.current_trio_token()
        return functools.partial(token.run_sync_soon)
    return asyncio.get_running_loop().call_soon_threadsafe
