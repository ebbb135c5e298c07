"""Sends each item one of two ways."""

from __future__ import annotations

from collections.abc import Callable
from operator import not_
from time import perf_counter
from typing import Any

from rivusio_core.engine.context import RunContext
from rivusio_core.engine.notes import Notes
from rivusio_core.engine.stage import Chunk, Signal, Stage
from rivusio_streams.engine.treatment import extract, picked

__all__ = ["SplitStage"]


class SplitStage(Stage):
    """Items for which the predicate holds go to `yes`, the others to `no`; a side that nothing takes is filtered.

    Args:
        name: of the step.
        predicate: of an item.
        context: of the run.
        yes, no: the two ways.
    """

    def __init__(
        self, name: str, predicate: Callable[[Any], object], context: RunContext, yes: Stage | None, no: Stage | None
    ) -> None:
        self._name, self._predicate, self._context, self._yes, self._no = name, predicate, context, yes, no

    async def take(self, chunk: Chunk) -> None:
        began, notes = perf_counter(), Notes()
        chunk, answers, fatal = extract(self._predicate, chunk, self._name, notes, self._context)
        holds = list(map(bool, answers))
        lost = (holds.count(True) if self._yes is None else 0) + (holds.count(False) if self._no is None else 0)
        tally = notes.tally(self._name)
        tally.passed -= lost
        tally.given -= lost
        tally.filtered += lost
        notes.seconds = perf_counter() - began
        await self._context.absorb(notes)
        for out, wanted in ((self._yes, holds), (self._no, list(map(not_, holds)))):
            if out is not None and any(wanted):
                await out.take(chunk if all(wanted) else picked(chunk, wanted))
        if fatal is not None:
            raise fatal from fatal.cause

    async def signal(self, signal: Signal) -> None:
        for out in (self._yes, self._no):
            if out is not None:
                await out.signal(signal)
