"""Works out the key of each item."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

from rivusio_core.engine.context import RunContext
from rivusio_core.engine.notes import Notes
from rivusio_core.engine.stage import Chunk, Stage
from rivusio_streams.engine.treatment import extract

__all__ = ["KeyStage"]


class KeyStage(Stage):
    """Adds the key column, as the last one.

    Args:
        name: of the step.
        key: of an item.
        context: of the run.
        out: the keyed step.
    """

    def __init__(self, name: str, key: Callable[[Any], Any], context: RunContext, out: Stage) -> None:
        self.out = out
        self._name, self._key, self._context = name, key, context

    async def take(self, chunk: Chunk) -> None:
        began, notes = perf_counter(), Notes()
        chunk, keys, fatal = extract(self._key, chunk, self._name, notes, self._context)
        notes.seconds = perf_counter() - began
        await self._context.absorb(notes)
        if keys:
            await self.out.take(Chunk(chunk.values, (*chunk.columns, keys)))
        if fatal is not None:
            raise fatal from fatal.cause
