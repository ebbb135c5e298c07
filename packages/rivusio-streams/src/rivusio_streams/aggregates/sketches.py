"""What is used of the library `datasketches` (extra `sketches`), with types: it brings none.

Apache DataSketches says for each kind of sketch how large its error is, can merge all of them, and keeps their bytes
readable over releases.
"""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, TypeVar, cast

from rivusio_core.errors import ConfigError

__all__ = ["DistinctSketch", "QuantileSketch", "SketchLibrary", "library"]

S = TypeVar("S", covariant=True)


class QuantileSketch(Protocol):
    """A KLL sketch of floats: a sample of the values, with weights."""

    def update(self, item: float, /) -> None: ...  # not-a-number is left out
    def merge(self, sketch: QuantileSketch, /) -> None: ...
    def is_empty(self) -> bool: ...
    def get_quantile(self, rank: float, inclusive: bool, /) -> float: ...
    def serialize(self) -> bytes: ...


class DistinctSketch(Protocol):
    """A HyperLogLog sketch: the rarest of the values' hashes, by part."""

    def update(self, datum: int, /) -> None: ...
    def serialize_compact(self) -> bytes: ...


class DistinctUnion(Protocol):
    """Takes HyperLogLog sketches together."""

    def update(self, sketch: DistinctSketch, /) -> None: ...
    def get_estimate(self) -> float: ...
    def get_result(self, kind: object, /) -> DistinctSketch: ...


class _Readable(Protocol[S]):
    def deserialize(self, kept: bytes, /) -> S: ...


class _QuantileSketches(_Readable[QuantileSketch], Protocol):
    def __call__(self, k: int, /) -> QuantileSketch: ...
    def get_normalized_rank_error(self, k: int, as_pmf: bool, /) -> float: ...


class _DistinctSketches(_Readable[DistinctSketch], Protocol):
    def __call__(self, lg_k: int, kind: object, /) -> DistinctSketch: ...
    def get_rel_err(self, upper_bound: bool, unioned: bool, lg_k: int, num_std_devs: int, /) -> float: ...


class _DistinctUnions(Protocol):
    def __call__(self, lg_max_k: int, /) -> DistinctUnion: ...


class _Kinds(Protocol):
    HLL_8: object


class SketchLibrary(Protocol):
    """The module `datasketches`."""

    kll_doubles_sketch: _QuantileSketches
    hll_sketch: _DistinctSketches
    hll_union: _DistinctUnions
    tgt_hll_type: _Kinds


def library() -> SketchLibrary:
    """Import the library.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        module = import_module("datasketches")
    except ImportError as error:
        message = "agg.approx_quantile and agg.approx_distinct need the library datasketches"
        raise ConfigError(f"{message}: pip install 'rivusio-streams[sketches]' ({error})") from error
    return cast("SketchLibrary", module)
