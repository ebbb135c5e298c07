"""Aggregators of functions: fold, and reduce."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from types import NoneType
from typing import Any, Final, Generic, TypeVar, cast, overload
from uuid import UUID
from zoneinfo import ZoneInfo

from rivusio_core.errors import ConfigError, Fault
from rivusio_streams.aggregate import Aggregator

__all__ = ["Fold", "Reduce"]

T = TypeVar("T", contravariant=True)
V = TypeVar("V")
A = TypeVar("A")
R = TypeVar("R", covariant=True)
T0 = TypeVar("T0")
A0 = TypeVar("A0")

_IMMUTABLE: Final = (
    *(NoneType, bool, int, float, complex, str, bytes, range),
    *(date, datetime, time, timedelta, timezone, ZoneInfo, Decimal, Fraction, UUID),
)


def _immutable(value: object) -> bool:
    """It cannot change, nor can what it holds. Types are compared exactly: a subclass may bring attributes."""
    if type(value) is tuple or type(value) is frozenset:
        return all(map(_immutable, cast("tuple[object, ...]", value)))
    return type(value) in _IMMUTABLE or isinstance(value, Enum)


class Fold(Aggregator[T, A, R], Generic[T, A, R]):
    """Begins with a value and adds one item after the other, in the order of (event time, arrival).

    Args:
        initial: the accumulator of no items. Each window begins with a deep copy of it, unless it is immutable (a
            number, text, bytes, a date or time, None, an enum member, or a tuple or frozenset of such).
        add: gives the accumulator with one more item; it may change the one it is given, and return it.
        merge: gives the accumulator of the items of two, of which the left one came first; it may change both.
            Needed for session windows only.
        result: makes the result of an accumulator, and must not change it. Without it the result is the accumulator,
            a deep copy unless it is immutable.

    Raises:
        ConfigError: `initial` cannot be copied.

    Example:
        >>> from rivusio_streams.aggregate import fold
        >>> fold(Fold("", lambda text, item: text + item), ["a", "b"])
        'ab'
        >>> def put(seen: dict[str, int], item: str) -> dict[str, int]:
        ...     seen[item] = seen.get(item, 0) + 1
        ...     return seen
        >>> fold(Fold({}, put, result=len), ["a", "b", "a"])
        2
    """

    @overload
    def __init__(
        self: Fold[T0, A0, A0], initial: A0, add: Callable[[A0, T0], A0], merge: Callable[[A0, A0], A0] | None = None
    ) -> None: ...
    @overload
    def __init__(
        self,
        initial: A,
        add: Callable[[A, T], A],
        merge: Callable[[A, A], A] | None = None,
        *,
        result: Callable[[A], R],
    ) -> None: ...
    def __init__(
        self,
        initial: Any,  # Any: the overloads say what fits together
        add: Callable[[Any, Any], Any],
        merge: Callable[[Any, Any], Any] | None = None,
        *,
        result: Callable[[Any], Any] | None = None,
    ) -> None:
        self._plain = _immutable(initial)
        try:
            self._initial: A = initial if self._plain else deepcopy(initial)
        except Exception as error:  # as its type likes; often a TypeError of pickle
            message = f"a {type(initial).__name__} cannot be copied, and each window needs its own"
            raise ConfigError("Fold", faults=[Fault(message, "initial")]) from error
        self._add: Callable[[A, T], A] = add
        self._merge: Callable[[A, A], A] | None = merge
        self._result: Callable[[A], R] | None = result
        self.mergeable = merge is not None

    def create(self) -> A:
        return self._initial if self._plain else deepcopy(self._initial)

    def add(self, accumulator: A, value: T) -> A:
        return self._add(accumulator, value)

    def merge(self, left: A, right: A) -> A:
        if self._merge is None:
            raise ConfigError("Fold: two windows cannot be made one without a function for that; give it merge=")
        return self._merge(left, right)

    def result(self, accumulator: A) -> R:
        if self._result is not None:
            return self._result(accumulator)
        return cast("R", accumulator if _immutable(accumulator) else deepcopy(accumulator))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fold) and self._value() == other._value()

    def __hash__(self) -> int:
        return hash((self._add, self._merge, self._result))  # `initial` need not be hashable

    def _value(self) -> tuple[object, ...]:
        return (type(self._initial), self._initial, self._add, self._merge, self._result)

    def __repr__(self) -> str:
        named = {"merge": self._merge, "result": self._result}
        parts = [f"{name}={_name(function)}" for name, function in named.items() if function is not None]
        return f"Fold({', '.join([repr(self._initial), _name(self._add), *parts])})"


@dataclass(frozen=True, repr=False)
class Reduce(Aggregator[V, "tuple[V, ...]", V], Generic[V]):
    """Makes one item of two until one is left, in the order of (event time, arrival). Of no items: None.

    Args:
        function: takes what came of the items so far, and the next one, and must change neither. It also merges
            windows, so how the items of a session are grouped must not matter to it (as to `max`, or `+` of integers).

    Example:
        >>> from rivusio_streams.aggregate import fold
        >>> fold(Reduce(max), [3, 1, 4])
        4
    """

    function: Callable[[V, V], V]

    # The accumulator is a tuple of one value, or of none: any value, None too, may be an item.

    def create(self) -> tuple[V, ...]:
        return ()

    def add(self, accumulator: tuple[V, ...], value: V) -> tuple[V, ...]:
        return (self.function(accumulator[0], value),) if accumulator else (value,)

    def merge(self, left: tuple[V, ...], right: tuple[V, ...]) -> tuple[V, ...]:
        return (self.function(left[0], right[0]),) if left and right else left or right

    def result(self, accumulator: tuple[V, ...]) -> V:
        return accumulator[0] if accumulator else cast("V", None)

    def __repr__(self) -> str:
        return f"Reduce({_name(self.function)})"


def _name(function: Callable[..., object]) -> str:
    return getattr(function, "__name__", type(function).__name__)
