"""Aggregators of numbers: how many, how much, how much on average."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, cast

from rivusio_streams.aggregate import Aggregator
from rivusio_streams.formula import Formula

__all__ = ["Addable", "Count", "Mean", "Total"]

T = TypeVar("T", contravariant=True)


class Addable(Protocol):
    """What `total` adds up: int, float, Decimal, Fraction, timedelta, ..."""

    def __add__(self, other: Any, /) -> Any: ...  # Any: every number type says for itself what it adds


N = TypeVar("N", bound=Addable)


@dataclass(frozen=True)
class Count(Aggregator[object, int, int]):
    """How many values."""

    ordered = False

    def create(self) -> int:
        return 0

    def add(self, accumulator: int, value: object) -> int:
        return accumulator + 1

    def merge(self, left: int, right: int) -> int:
        return left + right

    def result(self, accumulator: int) -> int:
        return accumulator

    def formula(self) -> Formula:
        return Formula("0", "{a} + 1", "{a} + {b}", counts=True)


@dataclass(frozen=True)
class Total(Aggregator[T, Any, N], Generic[T, N]):
    """The sum; added in order of arrival. Of no values: 0."""

    of: Callable[[T], N]
    ordered = False

    # The accumulator is `N | None`, but typed Any: with that type pyright infers nothing of a lambda.

    def create(self) -> Any:
        return None

    def add(self, accumulator: Any, value: T) -> Any:
        return self.of(value) if accumulator is None else accumulator + self.of(value)

    def merge(self, left: Any, right: Any) -> Any:
        if left is None or right is None:
            return right if left is None else left
        return left + right

    def result(self, accumulator: Any) -> N:
        return cast("N", 0 if accumulator is None else accumulator)

    def formula(self) -> Formula:
        return Formula(
            "None",
            "{of}({v}) if {a} is None else {a} + {of}({v})",
            "{b} if {a} is None else {a} if {b} is None else {a} + {b}",
            "0 if {a} is None else {a}",
            {"of": self.of},
        )


@dataclass(frozen=True)
class Mean(Aggregator[T, "tuple[float, int]", float], Generic[T]):
    """The arithmetic mean. Of no values: not a number."""

    of: Callable[[T], float]
    ordered = False

    def create(self) -> tuple[float, int]:
        return (0, 0)

    def add(self, accumulator: tuple[float, int], value: T) -> tuple[float, int]:
        return (accumulator[0] + self.of(value), accumulator[1] + 1)

    def merge(self, left: tuple[float, int], right: tuple[float, int]) -> tuple[float, int]:
        return (left[0] + right[0], left[1] + right[1])

    def result(self, accumulator: tuple[float, int]) -> float:
        return accumulator[0] / accumulator[1] if accumulator[1] else float("nan")

    def formula(self) -> Formula:
        return Formula(
            "(0, 0)",
            "({a}[0] + {of}({v}), {a}[1] + 1)",
            "({a}[0] + {b}[0], {a}[1] + {b}[1])",
            "{a}[0] / {a}[1] if {a}[1] else {nan}",
            {"of": self.of, "nan": float("nan")},
        )
