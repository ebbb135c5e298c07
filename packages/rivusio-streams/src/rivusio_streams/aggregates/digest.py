"""A number of 64 bits for each value, the same in every process: what counts different values."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from hashlib import blake2b
from math import inf, isnan
from typing import Any, Final, cast
from uuid import UUID

from rivusio_streams.moment import moment

__all__ = ["digest"]

_MICROSECOND: Final = timedelta(microseconds=1)
_SMALLEST: Final = -(2**63)
_LARGEST: Final = 2**63 - 1
_WRITTEN_OUT: Final = 4_000
"""Places of a Decimal: beyond it, a few letters could make an integer that fills the memory."""


def digest(value: object) -> int:
    """Equal values have equal numbers (as `1`, `1.0` and `True`), different ones very likely different ones.

    Not-a-number counts as one value.

    Args:
        value: text, bytes, a number, None, a date or time, a timedelta, a UUID, an enum member, or a tuple or frozenset
            of such.

    Raises:
        TypeError: it is something else.

    Example:
        >>> digest(7), digest("ann"), digest(("ann", 7)) == digest(("ann", 7.0))
        (7, -2537931487934968193, True)
    """
    if type(value) is int and _SMALLEST <= value <= _LARGEST:
        return value
    if type(value) is str:
        return _hashed(b"s" + value.encode("utf-8", "surrogatepass"))
    kept = _bytes(value)
    return kept if isinstance(kept, int) else _hashed(kept)


def _hashed(kept: bytes) -> int:
    return int.from_bytes(blake2b(kept, digest_size=8).digest(), "little", signed=True)


def _bytes(value: object) -> bytes | int:
    for kinds, shown in _SHOWN:
        if isinstance(value, kinds):
            return shown(value)
    raise TypeError(
        f"a {type(value).__name__} cannot be counted; give `of` a function that makes of it text, bytes, a number, "
        "a date or time, a UUID, an enum member, or a tuple of such"
    )


def _number(value: int | float | Decimal | Fraction) -> bytes | int:
    if isinstance(value, int):
        above, below = int(value), 1
    elif isinstance(value, Fraction):
        above, below = value.numerator, value.denominator
    elif value.is_nan() if isinstance(value, Decimal) else isnan(value):
        return b"nan"
    elif value in (inf, -inf):
        return b"inf" if value > 0 else b"-inf"
    elif not value:
        return 0
    elif isinstance(value, Decimal) and abs(value.adjusted()) > _WRITTEN_OUT:
        digits = "".join(map(str, value.as_tuple().digits)).rstrip("0")
        return f"m{'-' if value < 0 else ''}{digits}e{value.adjusted()}".encode()
    else:
        above, below = value.as_integer_ratio()
    if below == 1 and _SMALLEST <= above <= _LARGEST:
        return above
    return f"n{above:x}/{below:x}".encode()


def _datetime(value: datetime) -> bytes:
    return f"d{value.isoformat()}".encode() if value.utcoffset() is None else f"z{moment(value)}".encode()


def _time(value: time) -> bytes:
    since = timedelta(hours=value.hour, minutes=value.minute, seconds=value.second, microseconds=value.microsecond) - (
        value.utcoffset() or timedelta()
    )
    return f"{'t' if value.utcoffset() is None else 'o'}{since // _MICROSECOND}".encode()


def _enum(value: Enum) -> bytes:
    name: str | None = value.name  # a flag of several has none
    return f"e{type(value).__module__}.{type(value).__qualname__}.{name or value.value}".encode()


def _parts(value: tuple[object, ...]) -> bytes:
    return b"(" + b"".join(digest(each).to_bytes(8, "little", signed=True) for each in value)


def _set(value: frozenset[object]) -> bytes:
    return b"{" + b"".join(each.to_bytes(8, "little", signed=True) for each in sorted(map(digest, value)))


# The first that fits. Members of a StrEnum or IntEnum equal their values, so these come before the enums.
_SHOWN: Final[list[tuple[type | tuple[type, ...], Callable[[Any], bytes | int]]]] = [
    (str, lambda value: b"s" + cast("str", value).encode("utf-8", "surrogatepass")),
    ((int, float, Decimal, Fraction), _number),
    (bytes, lambda value: b"b" + cast("bytes", value)),
    (type(None), lambda _: b"none"),
    (tuple, _parts),
    (datetime, _datetime),
    (date, lambda value: f"D{value.isoformat()}".encode()),
    (time, _time),
    (timedelta, lambda value: f"T{value // _MICROSECOND}".encode()),
    (UUID, lambda value: b"u" + value.bytes),
    (Enum, _enum),
    (frozenset, _set),
]
