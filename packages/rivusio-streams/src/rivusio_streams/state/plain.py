"""Plain values that MessagePack does not know, as lists of values that it knows, and back."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePath
from typing import Any, TypeAlias
from uuid import UUID
from zoneinfo import ZoneInfo

from rivusio_core.errors import StateError

__all__ = ["PLAIN", "parts_of"]

_Parts: TypeAlias = list[Any]  # Any, here and below: whatever a kind consists of


def _of_datetime(value: datetime) -> _Parts:
    day = [value.year, value.month, value.day]
    return [*day, value.hour, value.minute, value.second, value.microsecond, value.fold, _of_zone(value.tzinfo)]


def _datetime(*parts: Any) -> datetime:
    *numbers, fold, zone = parts
    year, month, day, hour, minute, second, micro = numbers
    return datetime(year, month, day, hour, minute, second, micro, fold=fold, tzinfo=_zone(zone))


def _of_time(value: time) -> _Parts:
    return [value.hour, value.minute, value.second, value.microsecond, value.fold, _of_zone(value.tzinfo)]


def _time(*parts: Any) -> time:
    hour, minute, second, micro, fold, zone = parts
    return time(hour, minute, second, micro, fold=fold, tzinfo=_zone(zone))


def _of_zone(zone: tzinfo | None) -> str | float | None:
    if zone is None:
        return None
    if zone is UTC:
        return ""
    if isinstance(zone, ZoneInfo) and zone.key:
        return zone.key
    if type(zone) is timezone:
        return zone.utcoffset(None).total_seconds()
    raise StateError(f"a time zone of type {type(zone).__qualname__} cannot be kept; use zoneinfo.ZoneInfo")


def _zone(kept: str | float | None) -> tzinfo | None:
    if kept is None:
        return None
    if isinstance(kept, str):
        return ZoneInfo(kept) if kept else UTC
    return timezone(timedelta(seconds=kept))


PLAIN: Mapping[str, tuple[type, Callable[[Any], _Parts], Callable[..., Any]]] = {
    "datetime": (datetime, _of_datetime, _datetime),
    "date": (date, lambda v: [v.year, v.month, v.day], date),
    "time": (time, _of_time, _time),
    "timedelta": (timedelta, lambda v: [v.days, v.seconds, v.microseconds], timedelta),
    "decimal": (Decimal, lambda v: [str(v)], Decimal),
    "fraction": (Fraction, lambda v: [v.numerator, v.denominator], Fraction),
    "complex": (complex, lambda v: [v.real, v.imag], complex),
    "uuid": (UUID, lambda v: [v.bytes], lambda data: UUID(bytes=data)),
    "zone": (ZoneInfo, lambda v: [_of_zone(v)], _zone),
    "range": (range, lambda v: [v.start, v.stop, v.step], range),
    "deque": (deque, lambda v: [list(v), v.maxlen], deque),
    "counter": (Counter, lambda v: [dict(v)], Counter),
    "ordered": (OrderedDict, lambda v: [list(v.items())], OrderedDict),
    "tuple": (tuple, lambda v: [list(v)], tuple),
    "set": (set, lambda v: [list(v)], set),
    "frozenset": (frozenset, lambda v: [list(v)], frozenset),
    "int": (int, lambda v: [hex(v)], lambda text: int(text, 16)),
}
"""By tag: the exact type, its parts, and how it is made of them."""

_TAGS = {kind: tag for tag, (kind, _, _) in PLAIN.items()}


def parts_of(value: object) -> tuple[str, _Parts] | None:
    """Tag and parts of a plain value; None: it is none."""
    tag = _TAGS.get(type(value))
    if tag is not None:
        return tag, PLAIN[tag][1](value)
    if isinstance(value, PurePath):
        return "path", [type(value).__name__, str(value)]
    return None
