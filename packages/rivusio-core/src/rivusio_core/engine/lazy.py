"""A chain of plain calls at work as results are asked for: no row is taken before."""

from __future__ import annotations

import itertools
import operator
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import Any, TypeAlias, cast

from rivusio_core.engine.chain import Chain
from rivusio_core.engine.failure import OpenFlat, StepFailure, close_flats, locate
from rivusio_core.engine.kernel import Emission
from rivusio_core.engine.notes import Notes
from rivusio_core.engine.step import drive

__all__ = ["LazyChain", "Parts"]

Parts: TypeAlias = Generator[Iterable[Any], None, None]
"""Results by the loop that gives them, each to be used up before the next: `itertools.chain.from_iterable` does so.

So a result comes out of its loop with nothing of ours in between. A loop that fails ends, and says why to the generator
of the parts, which treats the item and goes on with another loop.
"""
_LARGEST = 1_024
_ROW = tuple[Any, ...]


class LazyChain:
    """A chain of plain calls over rows, each a value and its columns.

    Args:
        chain: what to do.
        absorb: takes over notes, as soon as there are any.
        last: give bare results; else rows for the next chain.
        counted: keep the tallies of the steps.
    """

    def __init__(self, chain: Chain, absorb: Callable[[Notes], None], *, last: bool, counted: bool) -> None:
        self._chain, self._absorb, self._counted = chain, absorb, counted
        self._emission: Emission = "items" if last else "rows"

    def parts(self, rows: Iterable[_ROW]) -> Parts:
        """The results.

        Raises:
            PipeError: an item failed and its step says `fail`.
        """
        return self._parts(0, iter(rows))

    def parts_of_bare(self, items: Iterator[Any]) -> Parts:
        """As `parts`, for bare items that an iterator takes from memory.

        How many items are left tells the position of one that fails, so positions need not go through the loop.
        """
        return self._parts(0, items, operator.length_hint(items))

    def _parts(self, start: int, rows: Iterator[Any], bare: int | None = None) -> Parts:
        chain, counted, pace = self._chain, self._counted, _Pace()
        compiled, loop = chain.loop(start, self._emission, counted=counted, bare=bare is not None)
        failure: StepFailure | None = None
        error: BaseException | None = None

        def stop(raised: BaseException) -> None:
            nonlocal failure, error
            failure, error = locate(raised, compiled, chain.columns, running=True), raised

        while True:
            counts, notes = [0] * (len(compiled.places) + 1), Notes()
            failure, error, began, left = None, None, time.perf_counter(), operator.length_hint(rows)
            running = loop(itertools.islice(rows, pace.rows) if counted else rows, counts, stop)
            try:
                yield running
            finally:
                running.close()
                if bare is not None:
                    counts[-1] = left - operator.length_hint(rows)
                if counted and (error is None or failure is not None):
                    notes.seconds = time.perf_counter() - began
                    chain.count(start, counts[-1], counts, failure, notes)
                    if failure is None:
                        self._absorb(notes)
            if error is None:
                if not counted or counts[-1] < pace.rows:
                    return
                pace.adapt(time.perf_counter() - began)
                continue
            if failure is None:
                raise error
            failure.forget()
            if not isinstance(error, Exception):
                drive(close_flats(failure.flats))
                raise error
            if bare is not None:
                failure.columns = (bare - operator.length_hint(rows) - 1,)
            yield from self._recovered(start, failure, error, notes)

    def _recovered(self, start: int, failure: StepFailure, error: Exception, notes: Notes) -> Parts:
        """What the failed item gives after all, and what the flat steps that it interrupted have left."""
        failure.step += start
        beside = failure.columns
        try:
            results = drive(self._chain.treat(failure.step, failure.item, beside, error, notes))
        finally:
            self._absorb(notes)
        yield from self._parts(failure.step + 1, _beside(iter(results), beside))
        for flat in reversed(failure.flats):
            yield from self._finish(flat, start, beside)

    def _finish(self, flat: OpenFlat, start: int, columns: tuple[object, ...]) -> Parts:
        step, broken, given = flat.step + start, list[Exception](), 0

        def rest() -> Iterator[_ROW]:
            nonlocal given
            try:
                for value in cast("Iterator[object]", flat.iterator):
                    given += 1
                    yield (value, *columns)
            except Exception as error:  # noqa: BLE001  # user code may raise anything
                broken.append(error)

        yield from self._parts(step + 1, rest())
        notes = Notes()
        notes.tally(self._chain.steps[step].name).given += given
        results: Sequence[object] = ()
        try:
            if broken:
                self._chain.broken(OpenFlat(step, flat.item, flat.iterator), notes)
                results = drive(self._chain.treat(step, flat.item, columns, broken[0], notes))
        finally:
            self._absorb(notes)
        yield from self._parts(step + 1, _beside(iter(results), columns))


class _Pace:
    """How many rows to go between two reports to listeners: about ten reports a second, at most 1,024 rows."""

    def __init__(self) -> None:
        self.rows = 1

    def adapt(self, seconds: float) -> None:
        if seconds < 0.05:
            self.rows = min(2 * self.rows, _LARGEST)
        elif seconds > 0.2:
            self.rows = max(self.rows // 2, 1)


def _beside(values: Iterator[Any], columns: tuple[object, ...]) -> Iterator[_ROW]:
    return zip(values, *(itertools.repeat(column) for column in columns), strict=False)
