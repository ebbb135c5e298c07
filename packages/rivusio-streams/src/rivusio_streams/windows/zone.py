"""Time zones: when a local day begins, in microseconds since the epoch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, available_timezones

from rivusio_core.errors import ConfigError, Fault
from rivusio_core.nearest import did_you_mean
from rivusio_streams.moment import as_datetime, moment

__all__ = ["Zone", "zone_key"]

_SECOND = 1_000_000
_MICROSECOND = timedelta(microseconds=1)


def zone_key(owner: str, tz: str | ZoneInfo | timezone) -> str:
    """The key of a time zone that there is.

    Args:
        owner: whose setting it is.
        tz: a key such as `"Europe/Berlin"`, a `ZoneInfo` made from a key, or `datetime.UTC`.

    Raises:
        ConfigError: nobody knows it, or it is something else.
    """
    key = "UTC" if tz == UTC else tz.key if isinstance(tz, ZoneInfo) else tz
    if not isinstance(key, str):  # a ZoneInfo may have no key, and callers may be untyped
        message = (
            "takes a key such as 'Europe/Berlin', a ZoneInfo made from a key, or datetime.UTC; "
            f"write a fixed offset as a key such as 'Etc/GMT-2' (two hours east), not {tz!r}"
        )
        raise ConfigError(owner, faults=[Fault(message, "tz")])
    try:
        _tzinfo(key)
    except (KeyError, ValueError, OSError):  # not there; no key at all, such as '../x'; a folder, such as 'Europe'
        known = available_timezones()
        hint = did_you_mean(key, known) if known else "; there is no zone data: pip install tzdata"
        raise ConfigError(owner, faults=[Fault(f"there is no time zone {key[:64]!r}{hint}", "tz")]) from None
    return key


def _tzinfo(key: str) -> tzinfo:
    return UTC if key == "UTC" else ZoneInfo(key)  # so that UTC needs no zone data


@dataclass(frozen=True)
class Zone:
    """A time zone. All times are microseconds since the epoch, within the years 2 to 9998.

    Args:
        key: that is known to exist.
    """

    key: str
    _tzinfo: tzinfo = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_tzinfo", _tzinfo(self.key))

    def offset(self, moment: int) -> int:
        """How far local clocks are ahead of UTC, in microseconds."""
        return _micros(self._local(moment).utcoffset())

    def day(self, moment: int) -> date:
        """The date that a local calendar shows."""
        return self._local(moment).date()

    def _local(self, moment: int) -> datetime:
        return as_datetime(moment).astimezone(self._tzinfo)

    def begin(self, day: date) -> int:
        """The first moment at which a local calendar shows this day or a later one.

        That is midnight, and the first of two where clocks are put back over it. Where they are put forward over
        midnight it is when they are: a day that is left out as a whole begins with the day after it.
        """
        midnight = datetime.combine(day, time())
        before = _micros(midnight.replace(tzinfo=self._tzinfo, fold=0).utcoffset())
        after = _micros(midnight.replace(tzinfo=self._tzinfo, fold=1).utcoffset())
        local = moment(midnight.replace(tzinfo=UTC))
        if before >= after:  # there is such a midnight; if there are two, this is the first
            return local - before
        return _first(lambda each: self._local(each).replace(tzinfo=None) >= midnight, local - after, local - before)

    def change(self, earlier: int, later: int) -> int:
        """When between the two clocks were changed; they must have been, and only once."""
        offset = self.offset(later)
        return _first(lambda each: self.offset(each) == offset, earlier, later)


def _micros(offset: timedelta | None) -> int:
    return (offset or timedelta()) // _MICROSECOND


def _first(holds: Callable[[int], bool], low: int, high: int) -> int:
    """The first moment after `low` from which on something holds, as it does at `high`, to the second.

    Clocks are changed at whole seconds.
    """
    below, above = low // _SECOND, -(-high // _SECOND)
    while above - below > 1:
        middle = (below + above) // 2
        if holds(middle * _SECOND):
            above = middle
        else:
            below = middle
    return above * _SECOND
