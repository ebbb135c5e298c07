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
        load: gives the state of a key, or NOTHING, when it is first asked for; None: `value` says it before the call.
        create: makes a new one.
    """

    def __init__(self, step: str, load: Callable[[Any], Any] | None, create: Callable[[], Any]) -> None:
        self._step, self._load, self._create = step, load, create
        self.owner: Any = None
        """The key."""
        self.at = 0
        """The event time."""
        self.mark = 0
        """The watermark."""
        self.timed = False
        """Event time is known."""
        self.value: Any = NOTHING
        """The state, if it was looked up already, or the call asked for it or assigned it."""
        self.cleared = False
        """What there was is to be forgotten, before the rest."""
        self.changes: list[Change] = []
        """To timers, in order."""

    def reset(self) -> None:
        """Forget what was noted."""
        self.value, self.cleared = NOTHING, False
        if self.changes:
            self.changes = []

    @property
    def key(self) -> Any:
        return self.owner

    @property
    def time(self) -> int:
        return self.at

    @property
    def watermark(self) -> int:
        return self.mark

    @property
    def state(self) -> Any:
        if self.value is NOTHING:
            found = NOTHING if self.cleared or self._load is None else self._load(self.owner)
            self.value = self._create() if found is NOTHING else found
        return self.value

    @state.setter
    def state(self, value: Any) -> None:
        self.value = value

    def clear(self) -> None:
        self.value, self.cleared, self.changes = NOTHING, True, []

    def set_timer(self, at: datetime | int, name: str = "") -> None:
        if not self.timed:
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
