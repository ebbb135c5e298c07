"""How long chunks took, as a Prometheus histogram: counts by bucket, and the sum."""

from __future__ import annotations

from bisect import bisect_left

__all__ = ["BUCKETS", "Durations"]

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds in seconds, inclusive; one more bucket holds everything above. The engine aims at chunks of 0.1 s."""


class Durations:
    """A histogram of seconds. Not thread-safe.

    Example:
        >>> durations = Durations()
        >>> durations.add(0.003)
        >>> durations.add(60)
        >>> durations.count, durations.total, durations.cumulative()[3:5], durations.cumulative()[-1]
        (2, 60.003, [('0.005', 1), ('0.01', 1)], ('+Inf', 2))
    """

    def __init__(self) -> None:
        self.total = 0.0
        self._counts = [0] * (len(BUCKETS) + 1)

    def add(self, seconds: float) -> None:
        """Count one duration; what is none (negative, not a number) counts as 0, since a scrape must not fail on it."""
        if not seconds >= 0:
            seconds = 0.0
        self.total += seconds
        self._counts[bisect_left(BUCKETS, seconds)] += 1

    def merge(self, other: Durations) -> None:
        """Add everything that `other` counted."""
        self.total += other.total
        self._counts = [mine + its for mine, its in zip(self._counts, other._counts, strict=True)]

    @property
    def count(self) -> int:
        """How many durations were counted."""
        return sum(self._counts)

    def cumulative(self) -> list[tuple[str, int]]:
        """The count of durations up to each bound, in Prometheus' form, `+Inf` last."""
        bounds, running = list[tuple[str, int]](), 0
        for bound, count in zip((*BUCKETS, float("inf")), self._counts, strict=True):
            running += count
            bounds.append(("+Inf" if bound == float("inf") else str(bound), running))
        return bounds
