"""Calendar windows: the hours, days, weeks, months and years of a time zone."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, timedelta, timezone
from functools import partial
from typing import Final, Literal, TypeAlias, get_args
from zoneinfo import ZoneInfo

from rivusio_core.errors import ConfigError, Fault
from rivusio_core.nearest import did_you_mean
from rivusio_streams.windows.windowing import AlignedWindows, Span
from rivusio_streams.windows.zone import Zone, zone_key

__all__ = ["CalendarWindows", "Daily", "Hourly", "Monthly", "Weekday", "Weekly", "Yearly"]

Weekday: TypeAlias = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
"""The day that a week begins with."""

_WEEKDAYS: tuple[str, ...] = get_args(Weekday)
_HOUR: Final = 3_600_000_000
_CYCLE: Final = 146_097 * 24 * _HOUR
"""400 years, after which dates, weekdays and the rules of time zones repeat themselves."""
_SAFE_FIRST: Final = -61_000_000_000_000_000
"""In the year 36, with more than a window between it and the first day that a `date` can hold."""
_SAFE_LAST: Final = 253_000_000_000_000_000
"""In the year 9987; later rules of a zone are long in force."""
_REMEMBERED: Final = 4


@dataclass(frozen=True, init=False, repr=False)
class CalendarWindows(AlignedWindows):
    """Windows between two local times that a calendar tells, without gap or overlap.

    They are found for any time. A bound that no `datetime` can hold, before the year 1 or after 9999, is found as if
    the calendar and today's rules went on.

    Attributes:
        tz: the key of the time zone.
    """

    tz: str
    _zone: Zone = field(init=False, repr=False, compare=False)
    _recent: tuple[tuple[Span], ...] = field(init=False, repr=False, compare=False)
    """The last windows found, the newest first: nearly all times fall into one of them."""

    def __init__(self, *, tz: str | ZoneInfo | timezone = UTC) -> None:
        key = zone_key(type(self).__name__, tz)
        object.__setattr__(self, "tz", key)
        object.__setattr__(self, "_zone", Zone(key))
        object.__setattr__(self, "_recent", ())

    def assign(self, time: int) -> Sequence[Span]:
        for known in self._recent:
            if known[0][0] <= time < known[0][1]:
                return known
        # Times at the edges are looked at where `datetime` does not end, a number of whole cycles away.
        shift = 0
        if time < _SAFE_FIRST:
            shift = -((time - _SAFE_FIRST) // _CYCLE) * _CYCLE
        elif time >= _SAFE_LAST:
            shift = -((time - _SAFE_LAST) // _CYCLE + 1) * _CYCLE
        start, end = self._find(time + shift)
        found = ((start - shift, end - shift),)
        object.__setattr__(self, "_recent", (found, *self._recent[: _REMEMBERED - 1]))
        return found

    @abstractmethod
    def _find(self, time: int) -> Span:
        """The window that holds this time."""

    def _settings(self) -> dict[str, str]:
        """What it is made with, where that is not the default."""
        return {} if self.tz == "UTC" else {"tz": self.tz}

    def __reduce__(self) -> tuple[object, ...]:
        # By its settings, so that equal ones are pickled equally, whatever they have found.
        return (partial(type(self), **self._settings()), ())

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in self._settings().items())
        return f"{type(self).__name__}({settings})"


@dataclass(frozen=True, init=False, repr=False)
class Hourly(CalendarWindows):
    """The hours of local clocks: where they are half an hour off UTC, so are the windows.

    An hour that is repeated when clocks are put back gives two windows. A window ends where clocks are changed, and the
    next begins: it is shorter than an hour if that is not at a whole hour (in Australia/Lord_Howe clocks are put
    forward from 02:00 to 02:30; the window from then to 03:00 has 30 minutes).

    Args:
        tz: the time zone: a key such as `"Europe/Berlin"`, a `ZoneInfo` or `datetime.UTC`.

    Attributes:
        tz: the key of the time zone.

    Raises:
        ConfigError: there is no such time zone.

    Example:
        >>> Hourly(tz="Asia/Kolkata").assign(0)
        ((-1800000000, 1800000000),)
    """

    def _find(self, time: int) -> Span:
        zone = self._zone
        offset = zone.offset(time)
        start = time - (time + offset) % _HOUR
        end = start + _HOUR
        if zone.offset(start) != offset:
            start = zone.change(start, time)
        if zone.offset(end - 1) != offset:
            end = zone.change(time, end - 1)
        return (start, end)


@dataclass(frozen=True, init=False, repr=False)
class _Days(CalendarWindows):
    """Windows of whole local days."""

    def _find(self, time: int) -> Span:
        zone = self._zone
        first = self._first(zone.day(time))
        start = zone.begin(first)
        while True:
            first = self._following(first)
            end = zone.begin(first)
            if time < end:
                return (start, end)
            start = end  # clocks were put back over midnight: the next window has begun, though it is yesterday again

    @abstractmethod
    def _first(self, day: date) -> date:
        """The first day of the window that this day is in."""

    @abstractmethod
    def _following(self, first: date) -> date:
        """The first day of the next window."""


@dataclass(frozen=True, init=False, repr=False)
class Daily(_Days):
    """The days of a time zone, from midnight to midnight: of 23 and of 25 hours where clocks are changed.

    A day begins at the first moment of its date, where there is no midnight or where there are two. A date that a
    zone leaves out (30 December 2011 in Pacific/Apia) has no window.

    Args:
        tz: the time zone: a key such as `"Europe/Berlin"`, a `ZoneInfo` or `datetime.UTC`.

    Attributes:
        tz: the key of the time zone.

    Raises:
        ConfigError: there is no such time zone.

    Example, a day of 23 hours:

        >>> from rivusio_streams.moment import as_datetime
        >>> start, end = Daily(tz="Europe/Berlin").assign(1_774_750_000_000_000)[0]
        >>> as_datetime(start).isoformat(), as_datetime(end).isoformat()
        ('2026-03-28T23:00:00+00:00', '2026-03-29T22:00:00+00:00')
    """

    def _first(self, day: date) -> date:
        return day

    def _following(self, first: date) -> date:
        return first + timedelta(days=1)


@dataclass(frozen=True, init=False, repr=False)
class Weekly(_Days):
    """The weeks of a time zone, from midnight to midnight.

    Args:
        start: the day that a week begins with.
        tz: the time zone: a key such as `"Europe/Berlin"`, a `ZoneInfo` or `datetime.UTC`.

    Attributes:
        start: the day that a week begins with.
        tz: the key of the time zone.

    Raises:
        ConfigError: there is no such day or time zone.

    Example, the week of 1 January 1970, a Thursday:

        >>> Weekly().assign(0)
        ((-259200000000, 345600000000),)
    """

    start: Weekday

    def __init__(self, *, start: Weekday = "monday", tz: str | ZoneInfo | timezone = UTC) -> None:
        faults = list[Fault]()
        if start not in _WEEKDAYS:
            faults.append(Fault(f"there is no day {start!r}{did_you_mean(str(start), _WEEKDAYS)}", "start"))
        try:
            super().__init__(tz=tz)
        except ConfigError as error:
            faults += error.faults
        if faults:
            raise ConfigError("Weekly", faults=faults)
        object.__setattr__(self, "start", start)

    def _first(self, day: date) -> date:
        return day - timedelta(days=(day.weekday() - _WEEKDAYS.index(self.start)) % 7)

    def _following(self, first: date) -> date:
        return first + timedelta(days=7)

    def _settings(self) -> dict[str, str]:
        start = {} if self.start == "monday" else {"start": self.start}
        return start | super()._settings()


@dataclass(frozen=True, init=False, repr=False)
class Monthly(_Days):
    """The months of a time zone.

    Args:
        tz: the time zone: a key such as `"Europe/Berlin"`, a `ZoneInfo` or `datetime.UTC`.

    Attributes:
        tz: the key of the time zone.

    Raises:
        ConfigError: there is no such time zone.

    Example:
        >>> Monthly().assign(0)
        ((0, 2678400000000),)
    """

    def _first(self, day: date) -> date:
        return day.replace(day=1)

    def _following(self, first: date) -> date:
        return (first + timedelta(days=31)).replace(day=1)


@dataclass(frozen=True, init=False, repr=False)
class Yearly(_Days):
    """The years of a time zone, from midnight before 1 January.

    Args:
        tz: the time zone: a key such as `"Europe/Berlin"`, a `ZoneInfo` or `datetime.UTC`.

    Attributes:
        tz: the key of the time zone.

    Raises:
        ConfigError: there is no such time zone.

    Example:
        >>> Yearly().assign(0)
        ((0, 31536000000000),)
    """

    def _first(self, day: date) -> date:
        return day.replace(month=1, day=1)

    def _following(self, first: date) -> date:
        return first.replace(year=first.year + 1)
