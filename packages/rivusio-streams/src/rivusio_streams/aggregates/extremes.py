"""Aggregators that compare: smallest, largest, the top few, quantiles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import floor
from operator import itemgetter
from typing import Any, Generic, Protocol, TypeVar, cast

from rivusio_core.errors import ConfigError, Fault
from rivusio_streams.aggregate import Aggregator
from rivusio_streams.formula import Formula

__all__ = ["Comparable", "Maximum", "Minimum", "Quantile", "Top"]

T = TypeVar("T", contravariant=True)
V = TypeVar("V")


class Comparable(Protocol):
    """What can be put in order."""

    def __lt__(self, other: Any, /) -> bool: ...  # Any: every type says for itself what it compares with


C = TypeVar("C", bound=Comparable)


@dataclass(frozen=True)
class Minimum(Aggregator[T, Any, C], Generic[T, C]):
    """The smallest; of equal ones the first to arrive. Of no values: None."""

    of: Callable[[T], C]
    ordered = False

    # The accumulator is `C | None`, but typed Any: with that type pyright infers nothing of a lambda.

    def create(self) -> Any:
        return None

    def add(self, accumulator: Any, value: T) -> Any:
        found = self.of(value)
        return found if accumulator is None or found < accumulator else accumulator

    def merge(self, left: Any, right: Any) -> Any:
        if left is None or right is None:
            return right if left is None else left
        return min(left, right)

    def result(self, accumulator: Any) -> C:
        return cast("C", accumulator)

    def formula(self) -> Formula:
        return Formula(
            "None",
            "({x} if ({x} := {of}({v})) < {a} else {a}) if {a} is not None else {of}({v})",
            "{b} if {a} is None else {a} if {b} is None else {min}({a}, {b})",
            names={"of": self.of, "min": min},
        )


@dataclass(frozen=True)
class Maximum(Aggregator[T, Any, C], Generic[T, C]):
    """The largest; of equal ones the first to arrive. Of no values: None."""

    of: Callable[[T], C]
    ordered = False

    # The accumulator is `C | None`, but typed Any: with that type pyright infers nothing of a lambda.

    def create(self) -> Any:
        return None

    def add(self, accumulator: Any, value: T) -> Any:
        found = self.of(value)
        return found if accumulator is None or accumulator < found else accumulator

    def merge(self, left: Any, right: Any) -> Any:
        if left is None or right is None:
            return right if left is None else left
        return max(left, right)

    def result(self, accumulator: Any) -> C:
        return cast("C", accumulator)

    def formula(self) -> Formula:
        return Formula(
            "None",
            "({x} if {a} < ({x} := {of}({v})) else {a}) if {a} is not None else {of}({v})",
            "{b} if {a} is None else {a} if {b} is None else {max}({a}, {b})",
            names={"of": self.of, "max": max},
        )


_Ranked = list[tuple[Any, int, V]]


@dataclass(frozen=True)
class Top(Aggregator[V, "_Ranked[V]", list[V]], Generic[V, C]):
    """The `n` values with the largest `by`, largest first; equal ones in the order of (event time, arrival)."""

    n: int
    by: Callable[[V], C]
    ordered = False

    def __post_init__(self) -> None:
        if self.n < 1:
            raise ConfigError("agg.top", faults=[Fault(f"must be 1 or more, not {self.n}", "n")])

    def create(self) -> _Ranked[V]:
        return []

    def add(self, accumulator: _Ranked[V], value: V) -> _Ranked[V]:
        return self.add_at(accumulator, value, 0)

    def add_at(self, accumulator: _Ranked[V], value: V, time: int) -> _Ranked[V]:
        accumulator.append((self.by(value), time, value))
        if len(accumulator) > 4 * self.n + 16:  # cut rarely, so that a value costs little
            accumulator[:] = self._best(accumulator)
        return accumulator

    def merge(self, left: _Ranked[V], right: _Ranked[V]) -> _Ranked[V]:
        return self._best(left + right)

    def result(self, accumulator: _Ranked[V]) -> list[V]:
        return [value for _, _, value in self._best(accumulator)]

    def _best(self, ranked: _Ranked[V]) -> _Ranked[V]:
        # Two stable sorts: what is equal stays in order of arrival.
        return sorted(sorted(ranked, key=itemgetter(1)), key=itemgetter(0), reverse=True)[: self.n]


@dataclass(frozen=True)
class Quantile(Aggregator[T, "list[float]", float], Generic[T]):
    """The exact quantile with linear interpolation between neighbours, as SQL's `percentile_cont` (R type 7).

    Every value of the window is kept. Of no values: not a number.
    """

    q: float
    of: Callable[[T], float]
    ordered = False

    def __post_init__(self) -> None:
        if not 0 <= self.q <= 1:
            raise ConfigError("agg.quantile", faults=[Fault(f"must lie between 0 and 1, not {self.q}", "q")])

    def create(self) -> list[float]:
        return []

    def add(self, accumulator: list[float], value: T) -> list[float]:
        accumulator.append(self.of(value))
        return accumulator

    def merge(self, left: list[float], right: list[float]) -> list[float]:
        return left + right

    def result(self, accumulator: list[float]) -> float:
        if not accumulator:
            return float("nan")
        values = sorted(accumulator)
        place = self.q * (len(values) - 1)
        below = floor(place)
        above = min(below + 1, len(values) - 1)
        return values[below] + (values[above] - values[below]) * (place - below)
