"""Values with which something begins for each key or window."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from types import NoneType
from typing import Final, TypeVar, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from rivusio_core.errors import ConfigError, Fault

__all__ = ["copies", "immutable"]

S = TypeVar("S")

_IMMUTABLE: Final = (
    *(NoneType, bool, int, float, complex, str, bytes, range),
    *(date, datetime, time, timedelta, timezone, ZoneInfo, Decimal, Fraction, UUID),
)


def immutable(value: object) -> bool:
    """It cannot change, nor can what it holds. Types are compared exactly: a subclass may bring attributes."""
    if type(value) is tuple or type(value) is frozenset:
        return all(map(immutable, cast("tuple[object, ...]", value)))
    return type(value) in _IMMUTABLE or isinstance(value, Enum)


def copies(initial: S, step: str) -> Callable[[], S]:
    """A function that gives a copy of a value each time; the value itself, if it cannot be changed in place.

    Args:
        initial: the value.
        step: what errors call the step.

    Raises:
        ConfigError: it cannot be copied.

    Example:
        >>> make = copies([1], "scan")
        >>> make(), make() is make()
        ([1], False)
    """
    if immutable(initial):
        return lambda: initial
    try:
        own = deepcopy(initial)
    except Exception as error:  # as its type likes; often a TypeError of pickle
        message = f"a {type(initial).__name__} cannot be copied, and each key or window needs its own"
        raise ConfigError(step, faults=[Fault(message, "initial")]) from error
    return lambda: deepcopy(own)
