"""What fails in a run: counted by kind, and held against the error budget."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from rivusio_core.clock import Clock
from rivusio_core.engine.notes import Failure, Notes
from rivusio_streams.engine.spending import Spending
from rivusio_streams.error_budget import ErrorBudget
from rivusio_streams.error_report import ErrorGroup, ErrorReport
from rivusio_streams.fingerprint import Fingerprint, fingerprint_of
from rivusio_streams.moment import as_datetime

__all__ = ["Failures"]

_KINDS = 1_000
"""Kinds that are told apart: messages may hold anything, and memory may not."""


@dataclass
class _Kind:
    example: str
    position: int | None
    first: int
    last: int = 0
    count: int = 0


class Failures:
    """Hears of all that is noted in a run.

    Args:
        sources: names of the steps that read.
        clock: of the run.
        budget: how many may fail; None: any number.
    """

    def __init__(self, sources: Collection[str], clock: Clock, budget: ErrorBudget | None) -> None:
        self._sources, self._clock = sources, clock
        self._spending = None if budget is None else Spending(budget, clock)
        self._kinds = dict[Fingerprint, _Kind]()
        self._others = 0

    def note(self, notes: Notes) -> None:
        """Count what was noted. What ends the run by itself is not counted.

        Raises:
            ErrorBudgetExceeded: too many failed.
        """
        lasting = [each for each in notes.failures if each.treatment != "fail"] if notes.failures else []
        failed = [self._count(each) for each in lasting]
        if self._spending is not None:
            read = sum(tally.taken for name, tally in notes.tallies.items() if name in self._sources)
            if read or failed:
                self._spending.add(read, failed)

    def _count(self, failure: Failure) -> Fingerprint:
        error, now = failure.error, self._clock.wall()
        kind = fingerprint_of(error)
        found = self._kinds.get(kind)
        if found is None:
            if len(self._kinds) >= _KINDS:
                self._others += 1
                return kind
            found = self._kinds[kind] = _Kind(error.reason, error.position, now)
        found.last = now
        found.count += 1
        return kind

    def report(self) -> ErrorReport:
        """What failed so far."""
        groups = [
            ErrorGroup(
                kind.id,
                kind.step,
                kind.error,
                kind.place,
                each.count,
                each.example,
                each.position,
                as_datetime(each.first),
                as_datetime(each.last),
            )
            for kind, each in self._kinds.items()
        ]
        return ErrorReport(tuple(sorted(groups, key=lambda each: -each.count)), self._others)
