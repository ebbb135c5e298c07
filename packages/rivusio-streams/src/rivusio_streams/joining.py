"""How two streams are joined: what a `JoinNode` says."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from rivusio_core.duration import Duration, duration_text, microseconds
from rivusio_core.errors import ConfigError, Fault
from rivusio_streams.windows import Windows

__all__ = ["AsofJoin", "By", "How", "IntervalJoin", "Join", "TableJoin", "WindowJoin"]

How: TypeAlias = Literal["inner", "left", "right", "outer"]
"""Whose items are given without a partner, too: nobody's, those of the left stream, of the right one, of both."""

By: TypeAlias = Literal["event_time", "arrival"]
"""What an item of a stream sees of a table: what held when it happened, or what has come when it comes."""

_ALL: Sequence[How] = ("inner", "left", "right", "outer")
_LEFT: Sequence[How] = ("inner", "left")


class Join(ABC):  # noqa: B024  # what its kinds have in common is that they have two inputs
    """Base of the kinds of joins; values."""

    @property
    def timed(self) -> bool:
        """It needs event times."""
        return True


@dataclass(frozen=True)
class WindowJoin(Join):
    """Items of the same key and window.

    Raises:
        ConfigError: these are no windows in which two streams can meet; `how` is none of its values.
    """

    windows: Windows
    how: How

    def __post_init__(self) -> None:
        faults = [*_how(self.how, _ALL)]
        if not isinstance(self.windows, Windows):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
            faults.append(Fault(f"takes windows such as Tumbling('10s'), not {self.windows!r}", "window"))
        elif not (self.windows.timed and self.windows.joinable):
            message = f"{self.windows!r} does not say which items of two streams are together; take a tumbling, hopping"
            faults.append(Fault(f"{message}, calendar or session window, or interval_join", "window"))
        if faults:
            raise ConfigError("join", faults=faults)


@dataclass(frozen=True, init=False, repr=False)
class IntervalJoin(Join):
    """Items of the same key with `lower <= right.time - left.time <= upper` (kept in microseconds).

    Raises:
        ConfigError: a bound is no duration, `lower` is above `upper`; `how` is none of its values.
    """

    lower: int
    upper: int
    how: How

    def __init__(self, lower: Duration, upper: Duration, how: How) -> None:
        faults = [*_how(how, _ALL)]
        low, high = _micros(lower, "lower", faults), _micros(upper, "upper", faults)
        if low is not None and high is not None and low > high:
            text = f"must not be above upper: {duration_text(low)} is longer than {duration_text(high)}"
            faults.append(Fault(text, "lower"))
        if faults or low is None or high is None:
            raise ConfigError("interval_join", faults=faults)
        object.__setattr__(self, "lower", low)
        object.__setattr__(self, "upper", high)
        object.__setattr__(self, "how", how)

    def __repr__(self) -> str:
        return f"IntervalJoin({duration_text(self.lower)!r}, {duration_text(self.upper)!r}, how={self.how!r})"


@dataclass(frozen=True, init=False, repr=False)
class AsofJoin(Join):
    """Each left item and the latest right one of its key that is not after it.

    Attributes:
        tolerance: how far before it at most, microseconds; None: however far.

    Raises:
        ConfigError: `tolerance` is no duration, or negative; `how` is neither `"inner"` nor `"left"`.
    """

    tolerance: int | None
    how: How

    def __init__(self, tolerance: Duration | None, how: How) -> None:
        faults = [*_how(how, _LEFT)]
        found = None if tolerance is None else _micros(tolerance, "tolerance", faults)
        if found is not None and found < 0:
            faults.append(Fault(f"must not be negative, and is {duration_text(found)}", "tolerance"))
        if faults:
            raise ConfigError("asof_join", faults=faults)
        object.__setattr__(self, "tolerance", found)
        object.__setattr__(self, "how", how)

    def __repr__(self) -> str:
        tolerance = None if self.tolerance is None else duration_text(self.tolerance)
        return f"AsofJoin(tolerance={tolerance!r}, how={self.how!r})"


@dataclass(frozen=True, repr=False)
class TableJoin(Join):
    """Each left item and what a table says of its key.

    Attributes:
        table: its name.
        of: the value of an item of the stream behind it, None deletes; left out: the item itself.
        ttl: how long a row of it lasts, microseconds; None: until another one replaces it.

    Raises:
        ConfigError: `how` is neither `"inner"` nor `"left"`; `by` is neither `"event_time"` nor `"arrival"`.
    """

    table: str
    of: Callable[[Any], Any] | None
    ttl: int | None
    how: How
    by: By

    def __post_init__(self) -> None:
        faults = [*_how(self.how, _LEFT)]
        if self.by not in ("event_time", "arrival"):
            faults.append(Fault(f"is 'event_time' or 'arrival', not {self.by!r}", "by"))
        if faults:
            raise ConfigError("table_join", faults=faults)

    @property
    def timed(self) -> bool:
        return self.by == "event_time"

    def __repr__(self) -> str:
        ttl = "" if self.ttl is None else f", ttl={duration_text(self.ttl)!r}"
        return f"TableJoin({self.table!r}{ttl}, how={self.how!r}, by={self.by!r})"


def _how(how: object, allowed: Sequence[How]) -> Sequence[Fault]:
    if how in allowed:
        return ()
    *others, last = (repr(each) for each in allowed)
    return (Fault(f"is {', '.join(others)} or {last}, not {how!r}", "how"),)


def _micros(value: Duration, name: str, faults: list[Fault]) -> int | None:
    try:
        return microseconds(value, name)
    except ConfigError as error:
        faults += error.faults
        return None
