"""Aggregators that keep values, in the order of (event time, arrival)."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from operator import itemgetter
from typing import Generic, TypeVar, cast

from rivusio_streams.aggregate import Aggregator
from rivusio_streams.formula import Formula

__all__ = ["Collect", "Distinct", "First", "Last"]

T = TypeVar("T", contravariant=True)
V = TypeVar("V")
H = TypeVar("H", bound=Hashable)


@dataclass(frozen=True)
class First(Aggregator[T, "tuple[int, V] | None", V], Generic[T, V]):
    """The value with the smallest event time; of several the first to arrive. Of no values: None."""

    of: Callable[[T], V]
    ordered = False

    def create(self) -> tuple[int, V] | None:
        return None

    def add(self, accumulator: tuple[int, V] | None, value: T) -> tuple[int, V] | None:
        return self.add_at(accumulator, value, 0)

    def add_at(self, accumulator: tuple[int, V] | None, value: T, time: int) -> tuple[int, V] | None:
        own = self.of(value)  # of every value: which ones fail must not depend on which come first
        return (time, own) if accumulator is None or time < accumulator[0] else accumulator

    def merge(self, left: tuple[int, V] | None, right: tuple[int, V] | None) -> tuple[int, V] | None:
        if left is None or right is None:
            return right if left is None else left
        return right if right[0] < left[0] else left

    def result(self, accumulator: tuple[int, V] | None) -> V:
        return cast("V", None) if accumulator is None else accumulator[1]

    def formula(self) -> Formula:
        return Formula(
            "None",
            "({t}, {of}({v})) if {a} is None or {t} < {a}[0] else ({of}({v}), {a})[1]",
            "{b} if {a} is None else {a} if {b} is None else {b} if {b}[0] < {a}[0] else {a}",
            "None if {a} is None else {a}[1]",
            {"of": self.of},
        )


@dataclass(frozen=True)
class Last(Aggregator[T, "tuple[int, V] | None", V], Generic[T, V]):
    """The value with the largest event time; of several the last to arrive. Of no values: None."""

    of: Callable[[T], V]
    ordered = False

    def create(self) -> tuple[int, V] | None:
        return None

    def add(self, accumulator: tuple[int, V] | None, value: T) -> tuple[int, V] | None:
        return self.add_at(accumulator, value, 0)

    def add_at(self, accumulator: tuple[int, V] | None, value: T, time: int) -> tuple[int, V] | None:
        own = self.of(value)  # of every value: which ones fail must not depend on which come first
        return (time, own) if accumulator is None or time >= accumulator[0] else accumulator

    def merge(self, left: tuple[int, V] | None, right: tuple[int, V] | None) -> tuple[int, V] | None:
        if left is None or right is None:
            return right if left is None else left
        return right if right[0] >= left[0] else left

    def result(self, accumulator: tuple[int, V] | None) -> V:
        return cast("V", None) if accumulator is None else accumulator[1]

    def formula(self) -> Formula:
        return Formula(
            "None",
            "({t}, {of}({v})) if {a} is None or {t} >= {a}[0] else ({of}({v}), {a})[1]",
            "{b} if {a} is None else {a} if {b} is None else {b} if {b}[0] >= {a}[0] else {a}",
            "None if {a} is None else {a}[1]",
            {"of": self.of},
        )


@dataclass(frozen=True)
class Collect(Aggregator[T, "list[tuple[int, V]]", list[V]], Generic[T, V]):
    """All values as a list, in the order of (event time, arrival)."""

    of: Callable[[T], V]
    ordered = False

    def create(self) -> list[tuple[int, V]]:
        return []

    def add(self, accumulator: list[tuple[int, V]], value: T) -> list[tuple[int, V]]:
        return self.add_at(accumulator, value, 0)

    def add_at(self, accumulator: list[tuple[int, V]], value: T, time: int) -> list[tuple[int, V]]:
        accumulator.append((time, self.of(value)))
        return accumulator

    def merge(self, left: list[tuple[int, V]], right: list[tuple[int, V]]) -> list[tuple[int, V]]:
        return left + right

    def result(self, accumulator: list[tuple[int, V]]) -> list[V]:
        return [value for _, value in sorted(accumulator, key=itemgetter(0))]


@dataclass(frozen=True)
class Distinct(Aggregator[T, "dict[H, int]", list[H]], Generic[T, H]):
    """Every different value once, in the order of its first (event time, arrival)."""

    of: Callable[[T], H]
    ordered = False

    def create(self) -> dict[H, int]:
        return {}

    def add(self, accumulator: dict[H, int], value: T) -> dict[H, int]:
        return self.add_at(accumulator, value, 0)

    def add_at(self, accumulator: dict[H, int], value: T, time: int) -> dict[H, int]:
        found = self.of(value)
        known = accumulator.get(found)
        if known is None or time < known:
            if known is not None:
                del accumulator[found]  # so that it stands behind those of this time that came before it
            accumulator[found] = time
        return accumulator

    def merge(self, left: dict[H, int], right: dict[H, int]) -> dict[H, int]:
        for value, time in right.items():
            if value not in left or time < left[value]:
                left.pop(value, None)
                left[value] = time
        return left

    def result(self, accumulator: dict[H, int]) -> list[H]:
        return sorted(accumulator, key=accumulator.__getitem__)
