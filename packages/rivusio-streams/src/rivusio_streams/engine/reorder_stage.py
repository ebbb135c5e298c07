"""Puts items back in order behind a concurrent step that gives them as they are ready."""

from __future__ import annotations

from operator import itemgetter

from rivusio_core.engine.stage import Chunk, Signal, Stage
from rivusio_streams.engine.origin import MARK, ORIGIN, POSITION

__all__ = ["ReorderStage"]

_BY = itemgetter(1 + MARK, 1 + ORIGIN, 1 + POSITION)


class ReorderStage(Stage):
    """Keeps items until a signal says that all before it are through, then passes them on in their first order.

    Needed before steps that judge by event time: which items are late must not depend on which was ready first. Signals
    never overtake items, so one that comes behind every chunk bounds what is kept here.
    """

    def __init__(self, out: Stage) -> None:
        self.out = out
        self._waiting: list[Chunk] = []

    async def take(self, chunk: Chunk) -> None:
        self._waiting.append(chunk)

    async def signal(self, signal: Signal) -> None:
        if self._waiting:
            rows = [row for chunk in self._waiting for row in zip(chunk.values, *chunk.columns, strict=True)]
            self._waiting = []
            rows.sort(key=_BY)
            values, *columns = (list(column) for column in zip(*rows, strict=True))
            await self.out.take(Chunk(values, tuple(columns)))
        await self.out.signal(signal)
