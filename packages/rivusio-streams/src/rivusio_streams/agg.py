"""The ready-made aggregators: `from rivusio_streams import agg`, then `agg.count()`, `agg.total(of)`, ...

`of` takes what is aggregated from an item, and is the item itself if left out. A window that gives a result holds at
least one item; what an aggregator gives for none (seen with `fold` only) stands at each class.

>>> from rivusio_streams.aggregate import fold
>>> fold(combine(tuple, count(), total(), quantile(0.5)), [1, 2, 4])
(3, 7, 2.0)
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar, overload

from rivusio_core.errors import ConfigError
from rivusio_streams.aggregate import Aggregator
from rivusio_streams.aggregates import (
    Addable,
    ApproximateDistinct,
    ApproximateQuantile,
    Collect,
    Combine,
    Comparable,
    Count,
    Distinct,
    First,
    Last,
    Maximum,
    Mean,
    Minimum,
    Quantile,
    Top,
    Total,
)

__all__ = [
    "approx_distinct",
    "approx_quantile",
    "collect",
    "combine",
    "count",
    "distinct",
    "first",
    "last",
    "maximum",
    "mean",
    "minimum",
    "quantile",
    "top",
    "total",
]

T = TypeVar("T")
V = TypeVar("V")
N = TypeVar("N", bound=Addable)
C = TypeVar("C", bound=Comparable)
H = TypeVar("H", bound=Hashable)
R = TypeVar("R")
R1 = TypeVar("R1")
R2 = TypeVar("R2")
R3 = TypeVar("R3")
R4 = TypeVar("R4")


def itself(value: T) -> T:
    """What is aggregated where nothing else is said."""
    return value


def count() -> Count:
    """How many items."""
    return Count()


@overload
def total() -> Total[N, N]: ...
@overload
def total(of: Callable[[T], N]) -> Total[T, N]: ...
def total(of: Callable[[Any], Any] = itself) -> Total[Any, Any]:
    """The sum of numbers (or of anything that adds up: Decimal, timedelta), added in order of arrival."""
    return Total(of)


@overload
def mean() -> Mean[float]: ...
@overload
def mean(of: Callable[[T], float]) -> Mean[T]: ...
def mean(of: Callable[[Any], float] = itself) -> Mean[Any]:
    """The arithmetic mean, a float."""
    return Mean(of)


@overload
def minimum() -> Minimum[C, C]: ...
@overload
def minimum(of: Callable[[T], C]) -> Minimum[T, C]: ...
def minimum(of: Callable[[Any], Any] = itself) -> Minimum[Any, Any]:
    """The smallest."""
    return Minimum(of)


@overload
def maximum() -> Maximum[C, C]: ...
@overload
def maximum(of: Callable[[T], C]) -> Maximum[T, C]: ...
def maximum(of: Callable[[Any], Any] = itself) -> Maximum[Any, Any]:
    """The largest."""
    return Maximum(of)


@overload
def first() -> First[V, V]: ...
@overload
def first(of: Callable[[T], V]) -> First[T, V]: ...
def first(of: Callable[[Any], Any] = itself) -> First[Any, Any]:
    """That with the smallest event time; of several the first to arrive."""
    return First(of)


@overload
def last() -> Last[V, V]: ...
@overload
def last(of: Callable[[T], V]) -> Last[T, V]: ...
def last(of: Callable[[Any], Any] = itself) -> Last[Any, Any]:
    """That with the largest event time; of several the last to arrive."""
    return Last(of)


@overload
def collect() -> Collect[V, V]: ...
@overload
def collect(of: Callable[[T], V]) -> Collect[T, V]: ...
def collect(of: Callable[[Any], Any] = itself) -> Collect[Any, Any]:
    """All of them as a list, in the order of (event time, arrival)."""
    return Collect(of)


@overload
def distinct() -> Distinct[H, H]: ...
@overload
def distinct(of: Callable[[T], H]) -> Distinct[T, H]: ...
def distinct(of: Callable[[Any], Any] = itself) -> Distinct[Any, Any]:
    """Every different one once, as a list in the order of first (event time, arrival); they must be hashable."""
    return Distinct(of)


@overload
def top(n: int) -> Top[C, C]: ...
@overload
def top(n: int, by: Callable[[V], C]) -> Top[V, C]: ...
def top(n: int, by: Callable[[Any], Any] = itself) -> Top[Any, Any]:
    """The `n` items with the largest `by`, largest first; equal ones in the order of (event time, arrival).

    Raises:
        ConfigError: `n` is below 1.
    """
    return Top(n, by)


@overload
def quantile(q: float) -> Quantile[float]: ...
@overload
def quantile(q: float, of: Callable[[T], float]) -> Quantile[T]: ...
def quantile(q: float, of: Callable[[Any], float] = itself) -> Quantile[Any]:
    """The exact quantile, with linear interpolation; keeps every value. `q` = 0.5 is the median.

    Raises:
        ConfigError: `q` does not lie between 0 and 1.
    """
    return Quantile(q, of)


@overload
def approx_quantile(q: float, *, error: float = 0.01) -> ApproximateQuantile[float]: ...
@overload
def approx_quantile(q: float, of: Callable[[T], float], *, error: float = 0.01) -> ApproximateQuantile[T]: ...
def approx_quantile(q: float, of: Callable[[Any], float] = itself, *, error: float = 0.01) -> ApproximateQuantile[Any]:
    """A value whose rank is about `q`, in a few kilobytes however many there are; needs the extra `sketches`.

    It is one of the values: the share of values up to it is at least `q - error`, and the share of smaller ones is at
    most `q + error`, with a probability of 99 %. With up to 2.5 / `error` values (250 at 0.01) it is exact: the
    smallest value for which the share up to it is `q` or more. Not-a-number is left out.

    Of more values some are kept by chance, and the library takes no seed: two runs over the same values may then
    differ, within the error.

    Args:
        q: between 0 and 1; 0.5 is the median.
        of: takes the number from an item.
        error: the error of the rank, from 0.00005 to below 1. Memory is about 7 kB at 0.01, and 55 kB at 0.001.

    Raises:
        ConfigError: `q` or `error` is out of range, or the library is missing.

    Example:
        >>> from rivusio_streams.aggregate import fold
        >>> fold(approx_quantile(0.5), [4.0, 1.0, 3.0])
        3.0
    """
    return ApproximateQuantile(q, of, error)


@overload
def approx_distinct(*, error: float = 0.02) -> ApproximateDistinct[Hashable]: ...
@overload
def approx_distinct(of: Callable[[T], Hashable], *, error: float = 0.02) -> ApproximateDistinct[T]: ...
def approx_distinct(of: Callable[[Any], Hashable] = itself, *, error: float = 0.02) -> ApproximateDistinct[Any]:
    """About how many different values, in a few kilobytes however many there are; needs the extra `sketches`.

    The result is off by `error` times the true number at most, with a probability of 95 %. It depends on the set of
    values alone: it is the same in each run, in whatever order they come and however windows are merged. Values are
    equal as in Python (`1`, `1.0` and `True` are one value).

    Args:
        of: takes the value from an item: text, bytes, a number, None, a date or time, a timedelta, a UUID, an enum
            member, or a tuple or frozenset of such. Another one fails the item, with a `TypeError`.
        error: the relative error, from 0.0015 to below 1. Memory is 4 to 9 bytes divided by its square (16 KiB at
            0.02), and less as long as there are few values.

    Raises:
        ConfigError: `error` is out of range, or the library is missing.

    Example:
        >>> from rivusio_streams.aggregate import fold
        >>> fold(approx_distinct(str.lower), ["ann", "Ann", "bob"])
        2
    """
    return ApproximateDistinct(of, error)


@overload
def combine(
    make: type[tuple[Any, ...]], a: Aggregator[T, Any, R1], b: Aggregator[T, Any, R2], /
) -> Combine[T, tuple[R1, R2]]: ...
@overload
def combine(
    make: type[tuple[Any, ...]], a: Aggregator[T, Any, R1], b: Aggregator[T, Any, R2], c: Aggregator[T, Any, R3], /
) -> Combine[T, tuple[R1, R2, R3]]: ...
@overload
def combine(
    make: type[tuple[Any, ...]],
    a: Aggregator[T, Any, R1],
    b: Aggregator[T, Any, R2],
    c: Aggregator[T, Any, R3],
    d: Aggregator[T, Any, R4],
    /,
) -> Combine[T, tuple[R1, R2, R3, R4]]: ...
@overload
# Any as the results: with `object` pyright takes that for the type of numbers and values, and refuses lambdas.
def combine(make: Callable[..., R], /, **parts: Aggregator[T, Any, Any]) -> Combine[T, R]: ...
def combine(
    make: Callable[..., Any], /, *unnamed: Aggregator[Any, Any, Any], **parts: Aggregator[Any, Any, Any]
) -> Combine[Any, Any]:
    """Several aggregators over the same items, as one model or tuple.

    Args:
        make: a model class (or any function) called with the results by name; or `tuple`.
        unnamed: for a tuple: two to four aggregators.
        parts: for a model: an aggregator for each field.

    Raises:
        ConfigError: the model has no such field, or one without default gets nothing.

    Example:
        >>> from dataclasses import dataclass
        >>> from rivusio_streams.aggregate import fold
        >>> @dataclass
        ... class Totals:
        ...     orders: int
        ...     amount: float
        >>> fold(combine(Totals, orders=count(), amount=total(float)), ["1.5", "2"])
        Totals(orders=2, amount=3.5)
    """
    if unnamed and parts:
        raise ConfigError("agg.combine: give aggregators by name for a model, or without names for a tuple, not both")
    if unnamed:
        return Combine(make, unnamed)
    return Combine(make, tuple(parts.values()), tuple(parts))
