"""Aggregators that the queries need and `agg` has not: every one of the highest, and figures by rank of price."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from nexmark.accumulators import Figures
from nexmark.functions import rank
from nexmark.model import Bid
from rivusio_streams import Aggregator

__all__ = ["BidsByRank", "ByRank", "Highest", "OfDay"]

T = TypeVar("T")

ByRank: TypeAlias = tuple[int, int, int, int]
"""Of all bids, and of those of a low, a middling and a high price."""


@dataclass(frozen=True)
class Highest(Aggregator[T, list[T], list[T]], Generic[T]):
    """The values with the largest `by`, all of them."""

    by: Callable[[T], int]
    ordered = False

    def create(self) -> list[T]:
        return []

    def add(self, accumulator: list[T], value: T) -> list[T]:
        best = self.by(accumulator[0]) if accumulator else None
        own = self.by(value)
        if best is None or own > best:
            return [value]
        if own == best:
            accumulator.append(value)
        return accumulator

    def merge(self, left: list[T], right: list[T]) -> list[T]:
        if not left or not right:
            return left or right
        one, other = self.by(left[0]), self.by(right[0])
        return left + right if one == other else left if one > other else right

    def result(self, accumulator: list[T]) -> list[T]:
        return list(accumulator)


@dataclass(frozen=True)
class BidsByRank(Aggregator[Bid, list[int], ByRank]):
    """How many bids."""

    ordered = False

    def create(self) -> list[int]:
        return [0, 0, 0, 0]

    def add(self, accumulator: list[int], value: Bid) -> list[int]:
        accumulator[0] += 1
        accumulator[rank(value.price)] += 1
        return accumulator

    def merge(self, left: list[int], right: list[int]) -> list[int]:
        return [one + other for one, other in zip(left, right, strict=True)]

    def result(self, accumulator: list[int]) -> ByRank:
        every, low, middling, high = accumulator
        return every, low, middling, high


@dataclass(frozen=True)
class OfDay(Aggregator[Bid, Figures, Figures]):
    """The figures of a day."""

    ordered = False

    def create(self) -> Figures:
        return Figures()

    def add(self, accumulator: Figures, value: Bid) -> Figures:
        return accumulator.add(value)

    def merge(self, left: Figures, right: Figures) -> Figures:
        return Figures().merge(left).merge(right)

    def result(self, accumulator: Figures) -> Figures:
        return accumulator
