"""The share of items that failed lately."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from rivusio_core.clock import Clock
from rivusio_core.duration import seconds
from rivusio_core.errors import ErrorBudgetExceeded
from rivusio_streams.error_budget import ErrorBudget
from rivusio_streams.fingerprint import Fingerprint

__all__ = ["Spending"]

_BUCKETS = 30
"""Parts of the time that counts: it slides by such steps."""
_KINDS = 100
"""Kinds that are told apart in a bucket."""
_NAMED = 3


@dataclass
class _Bucket:
    index: int
    read: int = 0
    failed: int = 0
    kinds: Counter[Fingerprint] = field(default_factory=Counter[Fingerprint])


class Spending:
    """Counts what was read and what failed, in a time that slides.

    Args:
        budget: what may be spent.
        clock: of the run.
    """

    def __init__(self, budget: ErrorBudget, clock: Clock) -> None:
        self._budget, self._clock = budget, clock
        self._width = seconds(budget.within) / _BUCKETS
        self._buckets = deque[_Bucket]()
        self._read = self._failed = 0

    def add(self, read: int, failed: Iterable[Fingerprint]) -> None:
        """Count items.

        Args:
            read: by sources.
            failed: those that were skipped or became dead letters.

        Raises:
            ErrorBudgetExceeded: that is too many.
        """
        bucket, failures = self._current(), 0
        for each in failed:
            failures += 1
            if each in bucket.kinds or len(bucket.kinds) < _KINDS:
                bucket.kinds[each] += 1
        bucket.read += read
        bucket.failed += failures
        self._read += read
        self._failed += failures
        if failures:
            self._check()

    def _current(self) -> _Bucket:
        index, buckets = int(self._clock.monotonic() / self._width), self._buckets
        if not buckets or buckets[-1].index != index:
            while buckets and buckets[0].index <= index - _BUCKETS:
                old = buckets.popleft()
                self._read -= old.read
                self._failed -= old.failed
            buckets.append(_Bucket(index))
        return buckets[-1]

    def _check(self) -> None:
        budget, taken = self._budget, max(self._read, self._failed)
        share = self._failed / taken
        if taken < budget.at_least or share <= budget.share:
            return
        kinds = Counter[Fingerprint]()
        for bucket in self._buckets:
            kinds.update(bucket.kinds)
        most = [(str(kind), count) for kind, count in kinds.most_common(_NAMED)]
        told = "; ".join(f"{count:,} x {kind}" for kind, count in most)
        raise ErrorBudgetExceeded(
            f"{self._failed:,} of {taken:,} items failed within {budget.within}: {share:.3%}, more than the "
            f"{budget.share * 100:.6g}% of the error budget; most often: {told}",
            share=share,
            failed=self._failed,
            taken=taken,
            most=most,
        )
