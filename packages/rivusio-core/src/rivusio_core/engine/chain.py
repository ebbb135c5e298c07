"""A chain of steps at work: compiled loops, and the slow path for the item that fails in one."""

from __future__ import annotations

import operator
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any, TypeAlias, cast

from rivusio_core.clock import Clock
from rivusio_core.dead_letter import DeadLetter
from rivusio_core.engine.failure import OpenFlat, StepFailure, close_flats, locate, open_flats
from rivusio_core.engine.kernel import Emission, Kernel, kernel
from rivusio_core.engine.notes import Failure, Notes
from rivusio_core.engine.noticing import noticing
from rivusio_core.engine.sampling import Sampler
from rivusio_core.engine.stage import Chunk
from rivusio_core.engine.step import Step, StepFailed
from rivusio_core.errors import BadRecord, Fatal, PipeError
from rivusio_core.listener import Treatment

__all__ = ["Chain", "Emit"]

Emit: TypeAlias = Callable[[Chunk], Awaitable[None]]

_LARGEST = 1_024
"""Results that a chain holds before it lets them out, however many a flat step gives."""
_LONGEST = 0.002
"""Seconds that an async chain holds results before it lets them out."""


class Chain:
    """Neighbouring steps as one loop over a chunk.

    The loop runs without bookkeeping. When a step raises, the traceback tells which, the frame tells the item; that
    item alone is tried again or treated, and the loop goes on behind it, order kept.

    Args:
        steps: at least none; an empty chain passes items on.
        clock: for waiting between attempts.
        keeps_dead_letters: the run has a place for dead letters, so that a `BadRecord` becomes one.
        columns: how many values travel beside an item; the first is its position.
        strict: every failure raises, whatever `on_error` says: there is only this one item.
    """

    def __init__(
        self, steps: Sequence[Step], clock: Clock, *, keeps_dead_letters: bool, columns: int = 1, strict: bool = False
    ) -> None:
        self.steps = tuple(steps)
        self._clock = clock
        self._keeps_dead_letters = keeps_dead_letters
        self.columns = columns
        self._strict = strict
        self.sampler: Sampler | None = None
        """Has some chunks timed call by call, where the run is profiled."""
        self._bound: dict[tuple[int, Emission, bool, bool, bool], tuple[Kernel, Callable[..., Any]]] = {}

    @property
    def is_async(self) -> bool:
        """Whether a step waits in the event loop."""
        return any(step.how != "call" for step in self.steps)

    def source(self) -> str:
        """The generated text of the loop."""
        return self.loop(0, "chunk", counted=True)[0].source

    def loop(
        self, start: int, emission: Emission, *, counted: bool, bare: bool = False
    ) -> tuple[Kernel, Callable[..., Any]]:
        """The loop for the steps from `start` on, and what was compiled for it; see `kernel`."""
        sampler = self.sampler if self.sampler is not None and self.sampler.timing else None
        key = (start, emission, counted, bare, sampler is not None)
        found = self._bound.get(key)
        if found is None:
            steps = self.steps[start:]
            shapes, columns = tuple((step.kind, step.how) for step in steps), 0 if bare else self.columns
            compiled = kernel(shapes, emission, columns, counted, bare)
            calls = [step.call for step in steps] if sampler is None else sampler.calls(steps, start)
            found = self._bound[key] = (compiled, compiled.bind(*calls))
        return found

    # ------------------------------------------------------------------------------------------- chunk by chunk

    async def run(self, chunk: Chunk, emit: Emit, notes: Notes) -> None:
        """Put a chunk through the chain; results go to `emit` in order, counts and failures to `notes`.

        Raises:
            PipeError: an item failed and its step says `fail`; everything before it was emitted.
        """
        began = time.perf_counter()
        if self.sampler is not None:
            self.sampler.chunk(len(chunk))
        outs: list[list[Any]] = [[] for _ in range(self.columns + 1)]
        try:
            await self._run(0, chunk.values, chunk.columns, outs, emit, notes)
        finally:
            notes.seconds += time.perf_counter() - began
            if outs[0]:
                # One result for each item, in one go: what is beside them was left where it is.
                whole = len(outs) > 1 and not outs[1]
                await emit(Chunk(outs[0], chunk.columns if whole else tuple(outs[1:])))

    async def _run(
        self,
        start: int,
        items: Sequence[Any],
        columns: Sequence[Sequence[Any]],
        outs: list[list[Any]],
        emit: Emit,
        notes: Notes,
    ) -> None:
        compiled, loop = self.loop(start, "chunk", counted=True)
        values = iter(items)
        rows = values if compiled.aligned else zip(values, *columns, strict=False)
        beside = _Beside(columns, outs) if compiled.aligned else None
        waited = list[bool]()
        due = time.monotonic() + _LONGEST

        async def pause() -> None:
            nonlocal due
            waited.clear()
            if len(outs[0]) >= _LARGEST or (compiled.is_async and time.monotonic() > due):
                if beside is not None:
                    beside.follow()
                await self._let_out(outs, emit)
                due = time.monotonic() + _LONGEST

        while True:
            left = operator.length_hint(values)
            counts = [0] * (len(compiled.places) + 1)
            failure: StepFailure | None = None
            error: Exception | None = None
            running = loop(rows, outs, counts, waited, _LARGEST)
            try:
                if compiled.is_async:
                    while not await noticing(anext(running, True), waited):
                        await pause()
                else:
                    for _ in running:
                        await pause()
            except Exception as raised:  # user code may raise anything
                failure, error = locate(raised, compiled, self.columns), raised
                if failure is None:
                    raise
                if beside is not None:
                    beside.follow()
                    failure.columns = beside.skip()
            except BaseException as stopped:  # cancelled inside a step
                inside = locate(stopped, compiled, self.columns)
                await close_flats(inside.flats if inside else [])
                raise
            finally:
                if beside is not None and (start or outs[-1] or len(outs[0]) != len(items)):
                    beside.follow()
                if failure is None:
                    await self._abandon(running, compiled)
                self.count(start, left - operator.length_hint(values), counts, failure, notes)
            if failure is None or error is None:
                return
            failure.step += start
            for flat in failure.flats:
                flat.step += start
            try:
                await self._recover(failure, error, outs, emit, notes)
            except BaseException:
                await close_flats(failure.flats)
                raise

    async def _recover(
        self, failure: StepFailure, error: Exception, outs: list[list[Any]], emit: Emit, notes: Notes
    ) -> None:
        """Treat the failed item, then finish the flat steps that it interrupted, innermost first."""
        results = await self.treat(failure.step, failure.item, failure.columns, error, notes)
        await self._pass_on(failure.step + 1, results, failure.columns, outs, emit, notes)
        for flat in reversed(failure.flats):
            broken: Exception | None = None
            while broken is None:
                given, broken = await _take(flat.iterator)
                notes.tally(self.steps[flat.step].name).given += len(given)
                await self._pass_on(flat.step + 1, given, failure.columns, outs, emit, notes)
            if not isinstance(broken, StopIteration):
                self.broken(flat, notes)
                results = await self.treat(flat.step, flat.item, failure.columns, broken, notes)
                await self._pass_on(flat.step + 1, results, failure.columns, outs, emit, notes)

    async def _pass_on(
        self,
        start: int,
        results: Sequence[object],
        columns: tuple[object, ...],
        outs: list[list[Any]],
        emit: Emit,
        notes: Notes,
    ) -> None:
        if results:
            await self._run(start, results, [[each] * len(results) for each in columns], outs, emit, notes)
            if len(outs[0]) >= _LARGEST:
                await self._let_out(outs, emit)

    @staticmethod
    async def _let_out(outs: list[list[Any]], emit: Emit) -> None:
        # The loop keeps appending to the same lists, so that what leaves are copies.
        chunk = Chunk(outs[0].copy(), tuple(out.copy() for out in outs[1:]))
        for out in outs:
            out.clear()
        await emit(chunk)

    @staticmethod
    async def _abandon(running: Any, compiled: Kernel) -> None:
        """Close a loop that is over, was paused, or is being cancelled, and what its flat steps left open."""
        if compiled.is_async:
            await close_flats(open_flats(running.ag_frame, compiled))
            await running.aclose()
        else:
            flats = open_flats(running.gi_frame, compiled)
            running.close()
            if flats:
                await close_flats(flats)

    # ---------------------------------------------------------------------------------------- failure and counts

    async def treat(
        self, index: int, item: object, columns: tuple[object, ...], error: Exception, notes: Notes
    ) -> Sequence[object]:
        """The results after all of an item whose first attempt raised `error`; none where it is given up.

        Raises:
            PipeError: the run must end.
        """
        step = self.steps[index]
        tally = notes.tally(step.name)
        try:
            trying = step.results(item, error, self._clock)
            results, attempts = await (trying if self.sampler is None else self.sampler.recover(index, trying))
        except StepFailed as failed:
            final = failed.error
            if final.position is None:
                final.position = cast("int | None", columns[0]) if columns else None
            treatment = self._treatment(failed.step, final)
            letter = DeadLetter(failed.item, final, columns) if treatment == "dead_letter" else None
            notes.failures.append(Failure(final, treatment, letter))
            tally.retries += final.attempts - 1
            if treatment == "fail":
                tally.failed += 1
                raise final from final.cause
            if treatment == "skip":
                tally.skipped += 1
            else:
                tally.dead += 1
            return ()
        tally.retries += attempts - 1
        tally.given += len(results)
        if step.kind == "keep" and not results:
            tally.filtered += 1
        else:
            tally.passed += 1
        return results

    def _treatment(self, step: Step, error: PipeError) -> Treatment:
        if self._strict or isinstance(error, Fatal):
            return "fail"
        if isinstance(error, BadRecord):
            return "dead_letter" if self._keeps_dead_letters else "skip"
        return step.options.on_error

    def broken(self, flat: OpenFlat, notes: Notes) -> None:
        """A flat step that had counted as passed broke in the middle after all: `treat` counts it once more."""
        notes.tally(self.steps[flat.step].name).passed -= 1

    def count(self, start: int, rows: int, counts: list[int], failure: StepFailure | None, notes: Notes) -> None:
        """Turn the counters of a loop into tallies; the failed item is left to `treat`.

        Args:
            start: the loop's first step.
            rows: how many it took.
            counts: what it counted.
            failure: where it stopped.
            notes: have the tallies.
        """
        taken = rows
        for index, step in enumerate(self.steps[start:]):
            tally = notes.tally(step.name)
            tally.taken += taken
            done = taken - (1 if failure is not None and failure.step == index else 0)
            if step.kind == "one":
                tally.passed += done
                given = done
            elif step.kind == "keep":
                given = counts[index]
                tally.passed += given
                tally.filtered += done - given
            else:
                given = counts[index]
                tally.passed += done
            tally.given += given
            taken = given


class _Beside:
    """Puts what travels beside the items beside results that come one for each item, in order."""

    def __init__(self, columns: Sequence[Sequence[Any]], outs: list[list[Any]]) -> None:
        self._columns, self._outs = columns, outs
        self._at = 0

    def follow(self) -> None:
        """For the results that came since the last call."""
        if self._columns:
            count = len(self._outs[0]) - len(self._outs[1])
            for column, out in zip(self._columns, self._outs[1:], strict=True):
                out.extend(column[self._at : self._at + count])
            self._at += count

    def skip(self) -> tuple[object, ...]:
        """What is beside the next item, which gives no result here."""
        self._at += 1
        return tuple(column[self._at - 1] for column in self._columns)


async def _take(iterator: Iterator[object] | AsyncIterator[object]) -> tuple[list[object], Exception | None]:
    """Up to some hundred results, and what ended them: `StopIteration`, an error, or nothing yet."""
    taken = list[object]()
    try:
        if isinstance(iterator, AsyncIterator):
            async for value in iterator:
                taken.append(value)
                if len(taken) >= _LARGEST:
                    return taken, None
        else:
            for value in iterator:
                taken.append(value)
                if len(taken) >= _LARGEST:
                    return taken, None
    except Exception as error:  # noqa: BLE001  # user code may raise anything
        return taken, error
    return taken, StopIteration()
