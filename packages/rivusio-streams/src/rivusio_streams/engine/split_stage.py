"""Sends each item one of several ways."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

from rivusio_core.engine.context import RunContext
from rivusio_core.engine.notes import Notes
from rivusio_core.engine.stage import Chunk, Signal, Stage
from rivusio_streams.engine.treatment import extract, picked

__all__ = ["SplitStage"]


class SplitStage(Stage):
    """An item goes the way of the first predicate that holds, else the last way; one that nothing takes is filtered.

    Args:
        name: of the step.
        predicates: of an item.
        context: of the run.
        outs: the ways, one more than there are predicates.
    """

    def __init__(
        self,
        name: str,
        predicates: Sequence[Callable[[Any], object]],
        context: RunContext,
        outs: Sequence[Stage | None],
    ) -> None:
        self._name, self._context, self._outs = name, context, outs
        self._way = _first(predicates)

    async def take(self, chunk: Chunk) -> None:
        began, notes = perf_counter(), Notes()
        chunk, ways, fatal = extract(self._way, chunk, self._name, notes, self._context)
        lost = sum(ways.count(way) for way, out in enumerate(self._outs) if out is None)
        tally = notes.tally(self._name)
        tally.passed -= lost
        tally.given -= lost
        tally.filtered += lost
        notes.seconds = perf_counter() - began
        await self._context.absorb(notes)
        for way, out in enumerate(self._outs):
            count = ways.count(way)
            if out is not None and count:
                await out.take(chunk if count == len(ways) else picked(chunk, [each == way for each in ways]))
        if fatal is not None:
            raise fatal from fatal.cause

    async def signal(self, signal: Signal) -> None:
        for out in self._outs:
            if out is not None:
                await out.signal(signal)


def _first(predicates: Sequence[Callable[[Any], object]]) -> Callable[[Any], int]:
    def way(value: Any) -> int:
        for index, predicate in enumerate(predicates):
            if predicate(value):
                return index
        return len(predicates)

    return way
