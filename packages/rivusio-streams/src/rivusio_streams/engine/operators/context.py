"""What a processor is given beside an item or timer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeAlias

from rivusio_core.duration import Duration, microseconds
from rivusio_core.errors import ConfigError, Fatal
from rivusio_streams.engine.operators.nothing import NOTHING
from rivusio_streams.moment import moment
from rivusio_streams.process import Context, TimeKind

__all__ = ["Call", "Change"]

Change: TypeAlias = "tuple[str, int, TimeKind] | tuple[str, None, None]"
"""A timer to set: name, time (of the clock: from now on), by; or one to cancel."""

_microseconds = lru_cache(256)(microseconds)  # the same few durations come again with every item


class Call(Context[Any, Any]):
    """One call of user code; used again for the next one. It only notes what is to be changed.

    Args:
        step: the name of the step.
        load: gives the state of a key, or NOTHING.
        create: makes a new one.
    """

    def __init__(self, step: str, load: Callable[[Any], Any], create: Callable[[], Any]) -> None:
        self._step, self._load, self._create = step, load, create
        self._key: Any = None
        self._time = self._watermark = 0
        self._timed = False
        self.value: Any = NOTHING
        """The state, if the call asked for it or assigned it."""
        self.cleared = False
        """What there was is to be forgotten, before the rest."""
        self.changes: list[Change] = []
        """To timers, in order."""

    def begin(self, key: Any, time: int, watermark: int, timed: bool) -> None:
        """Make ready for a call."""
        self._key, self._time, self._watermark, self._timed = key, time, watermark, timed
        self.value, self.cleared = NOTHING, False
        if self.changes:
            self.changes = []

    @property
    def key(self) -> Any:
        return self._key

    @property
    def time(self) -> int:
        return self._time

    @property
    def watermark(self) -> int:
        return self._watermark

    @property
    def state(self) -> Any:
        if self.value is NOTHING:
            found = NOTHING if self.cleared else self._load(self._key)
            self.value = self._create() if found is NOTHING else found
        return self.value

    @state.setter
    def state(self, value: Any) -> None:
        self.value = value

    def clear(self) -> None:
        self.value, self.cleared, self.changes = NOTHING, True, []

    def set_timer(self, at: datetime | int, name: str = "") -> None:
        if not self._timed:
            raise Fatal(
                f"{self._step}: set_timer needs to know how far event time has come; say .event_time(...) before, or "
                "use set_clock_timer"
            )
        try:
            self.changes.append((name, moment(at), "event_time"))
        except (TypeError, ValueError) as error:
            raise Fatal(f"set_timer: {error}") from error

    def set_clock_timer(self, after: Duration, name: str = "") -> None:
        try:
            left = _microseconds(after, "after")
        except ConfigError as error:
            raise Fatal(f"set_clock_timer: {error}") from error
        if left <= 0:
            raise Fatal("set_clock_timer: after must be longer than 0")
        self.changes.append((name, left, "clock"))

    def cancel_timer(self, name: str = "") -> None:
        self.changes.append((name, None, None))
