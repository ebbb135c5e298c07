"""Event times: whole microseconds since the epoch, UTC, as exact integers; negative before 1970.

>>> moment(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)), as_datetime(-1).isoformat()
(1000000, '1969-12-31T23:59:59.999999+00:00')
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

__all__ = ["FIRST", "FOREVER", "LAST", "NEVER", "as_datetime", "moment"]

NEVER: Final = -(2**63)
"""Before all times: the watermark at the beginning."""

FOREVER: Final = 2**63 - 1
"""After all times: the watermark at the end of input."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
FIRST: Final = -62_135_596_800_000_000
"""The start of the year 1, the first that a `datetime` can hold."""
LAST: Final = 253_402_300_799_999_999
"""The last microsecond of the year 9999."""


def moment(value: datetime | int) -> int:
    """A time in microseconds since the epoch.

    Args:
        value: an aware datetime, or microseconds already.

    Raises:
        ValueError: a datetime without time zone, or a time outside of the years 1 to 9999.
        TypeError: something else.
    """
    if type(value) is int:
        if not FIRST <= value <= LAST:
            raise ValueError("the time lies outside of the years 1 to 9999; is it in microseconds since the epoch?")
        return value
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise ValueError(
                "the datetime is naive: it has no time zone, so it could be any of some forty times; make it aware"
            )
        return (value - _EPOCH) // _MICROSECOND
    raise TypeError(f"an event time is an aware datetime or an int of microseconds, not {type(value).__name__}")


def as_datetime(micros: int) -> datetime:
    """The same time as an aware datetime, exact.

    Raises:
        OverflowError: it lies outside of the years 1 to 9999.
    """
    return _EPOCH + timedelta(microseconds=micros)
