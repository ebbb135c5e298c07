"""One stream into several steps."""

from __future__ import annotations

from collections.abc import Sequence

from rivusio_core.engine.stage import Chunk, Signal, Stage

__all__ = ["FanOut"]


class FanOut(Stage):
    """Gives every chunk and signal to each of several stages, one after the other: the slowest sets the pace."""

    def __init__(self, outs: Sequence[Stage]) -> None:
        self._outs = tuple(outs)

    async def take(self, chunk: Chunk) -> None:
        for out in self._outs:
            await out.take(chunk)

    async def signal(self, signal: Signal) -> None:
        for out in self._outs:
            await out.signal(signal)
