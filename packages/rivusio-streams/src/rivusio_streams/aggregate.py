"""Aggregators: how the values of a window become one result. A contract; the ready-made ones are in `agg`.

Example, the distance between the smallest and the largest value:

    >>> class Spread(Aggregator[float, tuple[float, float], float]):
    ...     ordered = False
    ...     def create(self) -> tuple[float, float]:
    ...         return (float("inf"), float("-inf"))
    ...     def add(self, accumulator: tuple[float, float], value: float) -> tuple[float, float]:
    ...         return (min(accumulator[0], value), max(accumulator[1], value))
    ...     def merge(self, left: tuple[float, float], right: tuple[float, float]) -> tuple[float, float]:
    ...         return (min(left[0], right[0]), max(left[1], right[1]))
    ...     def result(self, accumulator: tuple[float, float]) -> float:
    ...         return accumulator[1] - accumulator[0]
    >>> fold(Spread(), [3.0, 1.0, 2.0])
    2.0
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Generic, TypeVar, cast

from rivusio_streams.formula import Formula

__all__ = ["Aggregator", "fold", "formula_of"]

T = TypeVar("T", contravariant=True)
A = TypeVar("A")
R = TypeVar("R", covariant=True)


class Aggregator(ABC, Generic[T, A, R]):
    """Makes one result of many values: of values `T`, by way of an accumulator `A`, a result `R`.

    An aggregator is a value: it keeps nothing itself, and two runs may use it at once. It is called from the run's
    event loop, and must not block.

    Attributes:
        ordered: `add` is called in the order of (event time, arrival), for which the values of a window are kept
            until it gives a result. Set it to False where the order does not show in the result: values are then
            folded in as they come, and only the accumulator is kept.
        mergeable: `merge` can be called, which session windows do when an item joins two of them. Set it to False
            where two accumulators cannot be made one.
    """

    ordered: bool = True
    mergeable: bool = True

    @property
    def timeless(self) -> bool:
        """Event times do not matter to it: `add` will do."""
        return type(self).add_at is Aggregator[Any, Any, Any].add_at

    @abstractmethod
    def create(self) -> A:
        """The accumulator of no values; a new one each time, where it can be changed in place."""

    @abstractmethod
    def add(self, accumulator: A, value: T) -> A:
        """The accumulator with one more value; the given one may be changed and returned."""

    def add_at(self, accumulator: A, value: T, time: int) -> A:
        """As `add`, with the event time of the value in microseconds; override it where the time matters."""
        return self.add(accumulator, value)

    @abstractmethod
    def merge(self, left: A, right: A) -> A:
        """The accumulator of the values of both; those of `left` arrived first. Both may be changed."""

    @abstractmethod
    def result(self, accumulator: A) -> R:
        """The result; must not change the accumulator, nor share with it what `add` changes in place."""

    def formula(self) -> Formula | None:
        """The same as expressions, where they can be written so: values are then folded in without any call.

        They must mean what the methods do, which are used elsewhere still; and never change an accumulator.
        """
        return None

    def dump(self, accumulator: A) -> object:
        """What is kept of an accumulator in a checkpoint: plain values, such as numbers, text, bytes, lists and dicts.

        By default the accumulator itself; override it, with `load`, where that is not made of plain values. Must not
        change the accumulator, but may share values with it: they are written before anything is added.
        """
        return accumulator

    def load(self, kept: object) -> A:
        """The accumulator of what `dump` gave; takes what earlier releases of an aggregator gave, too."""
        return cast("A", kept)


_MEANING = ("create", "add", "add_at", "merge", "result")


def formula_of(aggregator: Aggregator[T, A, R]) -> Formula | None:
    """The formula of an aggregator; none where a subclass has changed what it does, and not the formula."""
    for each in type(aggregator).__mro__:
        if "formula" in vars(each):
            return aggregator.formula()
        if any(name in vars(each) for name in _MEANING):
            return None
    return None


def fold(aggregator: Aggregator[T, A, R], values: Iterable[T]) -> R:
    """The result for some values, without a window: for tests, and to try an aggregator out."""
    accumulator = aggregator.create()
    for time, value in enumerate(values):
        accumulator = aggregator.add_at(accumulator, value, time)
    return aggregator.result(accumulator)
