"""Aggregators of large sets: approximate, in little memory. They need the extra `sketches`."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar, cast

from rivusio_core.errors import ConfigError, Fault
from rivusio_streams.aggregate import Aggregator
from rivusio_streams.aggregates.digest import digest
from rivusio_streams.aggregates.sketches import DistinctSketch, QuantileSketch, library

__all__ = ["ApproximateDistinct", "ApproximateQuantile"]

T = TypeVar("T", contravariant=True)

_SAMPLES: Final = range(8, 65_536)
"""What the library takes as `k` of a quantile sketch; the larger, the smaller the error."""
_REGISTERS: Final = range(7, 22)
"""What it takes as `lg_k` of a sketch of different values: 2 ** lg_k bytes when full."""


def _fitting(owner: str, sizes: range, error: float, error_of: Callable[[int], float]) -> int:
    """The smallest size whose error is not above the given one."""
    smallest = error_of(sizes[-1])
    if not smallest <= error < 1:
        message = f"must lie between {smallest:.2g} and 1, not {error}"
        raise ConfigError(owner, faults=[Fault(message, "error")])
    return sizes[bisect_left(sizes, -error, key=lambda size: -error_of(size))]


@dataclass(frozen=True)
class ApproximateQuantile(Aggregator[T, QuantileSketch, float], Generic[T]):
    """A value whose rank is about `q`; see `agg.approx_quantile`. Of no values: not a number."""

    q: float
    of: Callable[[T], float]
    error: float = 0.01
    ordered = False
    _size: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0 <= self.q <= 1:
            raise ConfigError("agg.approx_quantile", faults=[Fault(f"must lie between 0 and 1, not {self.q}", "q")])
        sketches = library().kll_doubles_sketch
        size = _fitting(
            "agg.approx_quantile", _SAMPLES, self.error, lambda k: sketches.get_normalized_rank_error(k, False)
        )
        object.__setattr__(self, "_size", size)

    def create(self) -> QuantileSketch:
        return library().kll_doubles_sketch(self._size)

    def add(self, accumulator: QuantileSketch, value: T) -> QuantileSketch:
        accumulator.update(self.of(value))
        return accumulator

    def merge(self, left: QuantileSketch, right: QuantileSketch) -> QuantileSketch:
        left.merge(right)
        return left

    def result(self, accumulator: QuantileSketch) -> float:
        return float("nan") if accumulator.is_empty() else accumulator.get_quantile(self.q, True)

    def dump(self, accumulator: QuantileSketch) -> object:
        return accumulator.serialize()

    def load(self, kept: object) -> QuantileSketch:
        return library().kll_doubles_sketch.deserialize(cast("bytes", kept))


@dataclass(frozen=True)
class ApproximateDistinct(Aggregator[T, DistinctSketch, int], Generic[T]):
    """How many different values, about; see `agg.approx_distinct`."""

    of: Callable[[T], Hashable]
    error: float = 0.02
    ordered = False
    _size: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        sketches = library().hll_sketch

        def error_of(lg_k: int) -> float:
            bounds = [sketches.get_rel_err(upper, True, lg_k, 2) for upper in (False, True)]
            return max(map(abs, bounds))

        object.__setattr__(self, "_size", _fitting("agg.approx_distinct", _REGISTERS, self.error, error_of))

    def create(self) -> DistinctSketch:
        sketches = library()
        return sketches.hll_sketch(self._size, sketches.tgt_hll_type.HLL_8)

    def add(self, accumulator: DistinctSketch, value: T) -> DistinctSketch:
        accumulator.update(digest(self.of(value)))
        return accumulator

    def merge(self, left: DistinctSketch, right: DistinctSketch) -> DistinctSketch:
        sketches = library()
        union = sketches.hll_union(self._size)
        union.update(left)
        union.update(right)
        return union.get_result(sketches.tgt_hll_type.HLL_8)

    def result(self, accumulator: DistinctSketch) -> int:
        # A sketch that was never merged estimates by the order of arrival, too. Taken together with itself it does
        # not: so the result depends on the set of values alone, in whatever order and parts they came.
        union = library().hll_union(self._size)
        union.update(accumulator)
        union.update(accumulator)
        return round(union.get_estimate())

    def dump(self, accumulator: DistinctSketch) -> object:
        return accumulator.serialize_compact()

    def load(self, kept: object) -> DistinctSketch:
        return library().hll_sketch.deserialize(cast("bytes", kept))
