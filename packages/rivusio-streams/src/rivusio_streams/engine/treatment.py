"""What becomes of an item that fails in a step of this package (a time, a key, an aggregator), as in pipes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import compress
from typing import Any

from rivusio_core.dead_letter import DeadLetter
from rivusio_core.engine.context import RunContext
from rivusio_core.engine.notes import Failure, Notes
from rivusio_core.engine.stage import Chunk
from rivusio_core.errors import BadRecord, PipeError
from rivusio_core.listener import Treatment

__all__ = ["extract", "picked", "treat"]


def treat(
    notes: Notes,
    step: str,
    value: object,
    columns: tuple[object, ...],
    error: Exception,
    context: RunContext,
    treatment: Treatment | None = None,
) -> PipeError | None:
    """Note a failed item; gives the error to raise if the run must end.

    Args:
        notes: take the failure and the count; the step's `taken` is left to the caller.
        step: name of the step.
        value: the item as it came to the step.
        columns: what travels beside it.
        error: what was raised.
        context: of the run.
        treatment: what is to become of it; None: as the class of the error says, and the run ends if that says nothing.
    """
    if isinstance(error, PipeError):
        final = error
        final.pipe = final.pipe or step
    else:
        final = PipeError(pipe=step, cause=error)
    if final.position is None and columns and isinstance(columns[0], int):
        final.position = columns[0]
    if treatment is None:
        kept = context.dead_letters is not None
        treatment = ("dead_letter" if kept else "skip") if isinstance(final, BadRecord) else "fail"
    letter = DeadLetter(value, final, columns) if treatment == "dead_letter" else None
    notes.failures.append(Failure(final, treatment, letter))
    tally = notes.tally(step)
    if treatment == "fail":
        tally.failed += 1
        return final
    if treatment == "skip":
        tally.skipped += 1
    else:
        tally.dead += 1
    return None


def extract(
    function: Callable[[Any], Any], chunk: Chunk, step: str, notes: Notes, context: RunContext
) -> tuple[Chunk, list[Any], PipeError | None]:
    """Call a function on each item, and count.

    Gives the items for which it did not fail, what it gave for them, and the error to raise behind those.
    """
    tally = notes.tally(step)
    fatal: PipeError | None = None
    results: list[Any] = []
    try:
        results = [function(value) for value in chunk.values]
    except Exception:  # noqa: BLE001  # rare: done again item by item, to find which
        results, good = [], [False] * len(chunk)
        for index, value in enumerate(chunk.values):
            tally.taken += 1
            try:
                results.append(function(value))
                good[index] = True
            except Exception as error:  # noqa: BLE001  # `treat` says what becomes of it
                fatal = treat(notes, step, value, tuple(column[index] for column in chunk.columns), error, context)
                if fatal is not None:
                    break
        chunk = picked(chunk, good)
    else:
        tally.taken += len(chunk)
    tally.passed += len(results)
    tally.given += len(results)
    return chunk, results, fatal


def picked(chunk: Chunk, wanted: Sequence[int]) -> Chunk:
    """The wanted items of a chunk."""
    return Chunk(
        list(compress(chunk.values, wanted)), tuple(list(compress(column, wanted)) for column in chunk.columns)
    )
