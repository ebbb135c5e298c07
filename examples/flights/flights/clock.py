"""The clock of the three airports."""

from __future__ import annotations

from zoneinfo import ZoneInfo

__all__ = ["NEW_YORK", "minutes"]

NEW_YORK = ZoneInfo("America/New_York")


def minutes(reading: int) -> int:
    """Minutes since midnight of a clock reading as the files write it: 1065 for `1745`."""
    return reading // 100 * 60 + reading % 100
