"""An aggregator of one's own: another one, over the values that are there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from rivusio_streams import Aggregator

__all__ = ["Known"]

T = TypeVar("T", contravariant=True)
V = TypeVar("V")
A = TypeVar("A")
R = TypeVar("R", covariant=True)


@dataclass(frozen=True)
class Known(Aggregator[T, "A | None", "R | None"], Generic[T, V, A, R]):
    """What `inner` makes of the values of `of` that are not None, as SQL does; None where all are."""

    of: Callable[[T], V | None]
    inner: Aggregator[V, A, R]
    ordered = False

    def create(self) -> A | None:
        return None

    def add(self, accumulator: A | None, value: T) -> A | None:
        found = self.of(value)
        if found is None:
            return accumulator
        return self.inner.add(self.inner.create() if accumulator is None else accumulator, found)

    def merge(self, left: A | None, right: A | None) -> A | None:
        if left is None or right is None:
            return right if left is None else left
        return self.inner.merge(left, right)

    def result(self, accumulator: A | None) -> R | None:
        return None if accumulator is None else self.inner.result(accumulator)
