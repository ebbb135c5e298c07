"""The end of a stream."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import TypeAlias

import anyio
from pydantic import JsonValue

from rivusio_core.engine.context import RunContext
from rivusio_core.engine.notes import Notes
from rivusio_core.engine.stage import Barrier, Chunk, End, Fail, Signal, Stage
from rivusio_core.errors import BadRecord, ItemRefused, PipeError
from rivusio_core.listener import Tally
from rivusio_core.policy.options import OnError
from rivusio_streams.engine.division import write_divided
from rivusio_streams.engine.treatment import treat
from rivusio_streams.engine.writer import Writer
from rivusio_streams.graph import TeeNode, WriteNode

__all__ = ["Reached", "SinkStage"]

Reached: TypeAlias = Callable[["SinkStage", Signal, JsonValue], anyio.Event | None]
"""Told of each barrier and end behind everything before it, and of the token for that; gives what to wait for."""


class SinkStage(Stage):
    """Writes what comes, and makes it durable at barriers and at the end.

    Args:
        writer: the sink.
        context: of the run.
        reached: told of barriers and the end.
        node: says what becomes of items that the sink refuses; None: they end the run.
    """

    def __init__(
        self, writer: Writer, context: RunContext, reached: Reached, node: WriteNode | TeeNode | None = None
    ) -> None:
        self.writer = writer
        self._context, self._reached = context, reached
        self._on_error: OnError = "fail" if node is None else node.on_error
        self._is_tee = isinstance(node, TeeNode)
        self._committing: anyio.Event | None = None

    async def take(self, chunk: Chunk) -> None:
        await self._committed()
        count, began = len(chunk), perf_counter()
        notes = Notes({self.writer.name: Tally(taken=count, failed=count)})
        try:
            if self._on_error == "fail":
                await self.writer.write(chunk.values)
                notes.tallies[self.writer.name] = Tally(taken=count, passed=count, given=count)
            else:
                refused = await write_divided(self.writer.write, chunk.values)
                passed = count - len(refused)
                notes.tallies[self.writer.name] = Tally(
                    taken=count, passed=passed, given=count if self._is_tee else passed
                )
                self._treat(chunk, refused, notes)
        finally:
            notes.seconds = perf_counter() - began
            await self._context.absorb(notes)

    def _treat(self, chunk: Chunk, refused: Sequence[tuple[int, ItemRefused | BadRecord]], notes: Notes) -> None:
        name = self.writer.name
        for index, error in refused:
            # The words of a SinkError are about the sink; what it wraps may quote the item.
            final = error if isinstance(error, BadRecord) else PipeError(str(error), pipe=name, cause=error)
            columns = tuple(column[index] for column in chunk.columns)
            treat(notes, name, chunk.values[index], columns, final, self._context, self._on_error)

    async def signal(self, signal: Signal) -> None:
        if isinstance(signal, Fail):
            raise signal.error
        if isinstance(signal, Barrier | End):
            await self._committed()
            self._committing = self._reached(self, signal, await self.writer.settle())

    async def _committed(self) -> None:
        """What follows a barrier must not get into the same transaction.

        It is waited for here, and not when the barrier comes: that may be in the task which is to commit.
        """
        if self._committing is not None:
            await self._committing.wait()
            self._committing = None
