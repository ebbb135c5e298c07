"""Dates and times of day, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

__all__ = ["day_of", "hour_of", "minute_of"]

_MINUTE = 60_000_000


@lru_cache
def _texts(minute: int) -> tuple[str, str]:
    """Date and time of a minute since the epoch: neighbours in a stream mostly have the same."""
    when = datetime.fromtimestamp(minute * 60, UTC)
    return f"{when:%Y-%m-%d}", f"{when:%H:%M}"


def day_of(time: int) -> str:
    """The date, such as `2026-01-01`."""
    return _texts(time // _MINUTE)[0]


def minute_of(time: int) -> str:
    """The time of day, such as `18:50`."""
    return _texts(time // _MINUTE)[1]


def hour_of(time: int) -> int:
    """The hour of the day, 0 to 23."""
    return time // (60 * _MINUTE) % 24
