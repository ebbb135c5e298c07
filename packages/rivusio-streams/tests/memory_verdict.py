"""Does a process keep within bounds? Judges a series of what it held, by its slope and by its peak.

The two see different things: a leak is slow and has no peak in a short run; a burst that comes and goes has no slope.
A leak that begins in the last third of a run shows in its peak only, if at all: run longer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

__all__ = ["MIB", "Bounds", "Sample", "Verdict", "judge"]

MIB = 1024 * 1024
_ENOUGH = 20
"""Samples after the warm-up, at least: fewer say nothing."""
_COMPARED = 400
"""Samples whose pairs are compared, at most: 80,000 pairs."""


@dataclass(frozen=True)
class Sample:
    """What a process held at some moment.

    Attributes:
        items: dealt with so far.
        resident: bytes in memory.
    """

    items: int
    resident: int


@dataclass(frozen=True)
class Bounds:
    """What is allowed.

    Attributes:
        rise: bytes of the peak above the level after the warm-up.
        growth: bytes that the slope makes of all items after the warm-up.
        warm_up: share of the items until caches and pools are full. The level is taken over as many items again.
    """

    rise: int = 64 * MIB
    growth: int = 8 * MIB
    warm_up: float = 0.1


@dataclass(frozen=True)
class Verdict:
    """What a series says.

    Attributes:
        level: bytes after the warm-up.
        peak: bytes at most, the warm-up included.
        slope: bytes per item; the median over all pairs of samples, so that a burst shorter than a quarter of the run
            does not count (Theil and Sen).
        items: after the warm-up.
        bounds: that it was held to.
    """

    level: int
    peak: int
    slope: float
    items: int
    bounds: Bounds

    @property
    def rise(self) -> int:
        """Bytes of the peak above the level."""
        return self.peak - self.level

    @property
    def growth(self) -> float:
        """Bytes that the slope makes of all items after the warm-up."""
        return self.slope * self.items

    @property
    def broken(self) -> tuple[str, ...]:
        """Which bounds are broken: `"peak"`, `"slope"`."""
        found = (("peak", self.rise >= self.bounds.rise), ("slope", self.growth >= self.bounds.growth))
        return tuple(name for name, is_broken in found if is_broken)

    def __str__(self) -> str:
        return (
            f"level {self.level / MIB:.1f} MiB, peak {self.rise / MIB:+.1f} MiB (bound {self.bounds.rise / MIB:.0f}), "
            f"growth {self.growth / MIB:+.2f} MiB (bound {self.bounds.growth / MIB:.0f}), {self.slope:+.3f} B/item; "
            f"broken: {', '.join(self.broken) or 'none'}"
        )


def judge(samples: Sequence[Sample], bounds: Bounds) -> Verdict:
    """Hold a series to bounds.

    Args:
        samples: in order of time.
        bounds: what is allowed.

    Raises:
        ValueError: there are too few samples, or none where the level is taken.
    """
    total = max((sample.items for sample in samples), default=0)
    warm = [sample for sample in samples if sample.items >= bounds.warm_up * total > 0]
    at_level = [sample.resident for sample in warm if sample.items < 2 * bounds.warm_up * total]
    if len(warm) < _ENOUGH or not at_level:
        raise ValueError(
            f"{len(warm)} samples after the warm-up, {len(at_level)} of them to take the level from: "
            f"{_ENOUGH} and 1 are needed; use more items, or sample more often"
        )
    return Verdict(
        level=int(median(at_level)),
        peak=max(sample.resident for sample in samples),
        slope=_slope(warm),
        items=total - warm[0].items,
        bounds=bounds,
    )


def _slope(samples: Sequence[Sample]) -> float:
    every = -(-len(samples) // _COMPARED)
    return median(
        (later.resident - earlier.resident) / (later.items - earlier.items)
        for earlier, later in combinations(samples[::every], 2)
        if later.items > earlier.items
    )
