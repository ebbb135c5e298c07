"""Durations and sizes as people write them: `"250ms"`, `"1m30s"`, `timedelta(seconds=2)`, `2.5` (seconds), `"64MiB"`.

>>> seconds("1m30s"), microseconds("250ms"), size("64MiB")
(90.0, 250000, 67108864)
"""

from __future__ import annotations

import re
from datetime import timedelta
from fractions import Fraction
from typing import TypeAlias

from rivusio_core.errors import ConfigError

__all__ = ["Duration", "Size", "duration_text", "microseconds", "seconds", "size"]

Duration: TypeAlias = timedelta | float | str
"""A `timedelta`, a number of seconds, or text such as `"250ms"`, `"5s"`, `"1m30s"`, `"2h"`, `"1d"`; may carry a `-`."""

Size: TypeAlias = int | str
"""A number of bytes, or text such as `"64MiB"`, `"500kB"`."""

_UNITS = {"us": 1, "ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
_PART = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s|m|h|d)", re.ASCII)
_SIZES = {"": 1, "B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_SIZE = re.compile(r"(\d+)\s*([A-Za-z]*)", re.ASCII)
_LONGEST_TEXT = 64
_LARGEST = 10**18
"""Microseconds, about 31,700 years: beyond it a value is a mistake, and sums of times stay within 64 bits."""


def microseconds(value: Duration, name: str = "duration") -> int:
    """The duration in whole microseconds (rounded half to even).

    Raises:
        ConfigError: it is no duration; `name` says which setting.
    """
    if isinstance(value, timedelta):
        micros = (value.days * 86_400 + value.seconds) * 1_000_000 + value.microseconds
        if abs(micros) > _LARGEST:
            raise ConfigError(f"{name}: {value} is out of range")
        return micros
    if isinstance(value, str):
        return _parse(value, name)
    if isinstance(value, bool) or not isinstance(value, int | float):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
        raise ConfigError(f"{name}: {type(value).__name__} is no duration; give seconds, a timedelta or text like '5s'")
    if not abs(value) <= _LARGEST / 1_000_000:  # so that not-a-number is out, too
        raise ConfigError(f"{name}: that many seconds are out of range")
    return round(value * 1_000_000)


def seconds(value: Duration, name: str = "duration") -> float:
    """The duration in seconds.

    Raises:
        ConfigError: it is no duration; `name` says which setting.
    """
    return microseconds(value, name) / 1_000_000


def _parse(text: str, name: str) -> int:
    body = text.strip()
    sign = -1 if body.startswith("-") else 1
    body = body.removeprefix("-")
    parts = _PART.findall(body) if len(body) <= _LONGEST_TEXT else []
    if not parts or "".join(number + unit for number, unit in parts) != body:
        raise ConfigError(
            f"{name}: {text[:_LONGEST_TEXT]!r} is no duration; write it like '250ms', '5s', '1m30s', '2h' or '1d'"
        )
    total = round(sum(Fraction(number) * _UNITS[unit] for number, unit in parts))
    if total > _LARGEST:
        raise ConfigError(f"{name}: {text!r} is out of range")
    return sign * total


def duration_text(micros: int) -> str:
    """The shortest text for a duration of whole microseconds: `90_000_000` is `"1m30s"`."""
    if micros == 0:
        return "0s"
    rest, parts = abs(micros), list[str]()
    for unit in ("d", "h", "m", "s", "ms", "us"):
        count, rest = divmod(rest, _UNITS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return ("-" if micros < 0 else "") + "".join(parts)


def size(value: Size, name: str = "size") -> int:
    """The size in bytes.

    Raises:
        ConfigError: it is no size, or negative.
    """
    if isinstance(value, str):
        match = _SIZE.fullmatch(value.strip()) if len(value) <= _LONGEST_TEXT else None
        if match and match[2] in _SIZES:
            return int(match[1]) * _SIZES[match[2]]
        given: object = None
    else:
        given = value  # callers may be untyped
    if isinstance(given, int) and not isinstance(given, bool) and given >= 0:
        return given
    raise ConfigError(f"{name}: {repr(value)[:_LONGEST_TEXT]} is no size; write bytes, or text like '64MiB' or '500kB'")
