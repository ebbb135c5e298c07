"""A sink at work: the run's own copy of it, called from the event loop."""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from time import perf_counter
from typing import Any

import anyio
import anyio.to_thread

from rivusio_core.engine.context import RunContext
from rivusio_core.engine.notes import Notes
from rivusio_core.engine.stage import Barrier, Chunk, End, Fail, Signal, Stage
from rivusio_core.errors import RunError, SinkError
from rivusio_core.listener import Tally
from rivusio_streams.engine.foreign import describe
from rivusio_streams.sink import AsyncSink, BaseSink, Sink

__all__ = ["SinkStage", "Writer"]


class Writer:
    """Calls a sink as its contract says: one call at a time, a blocking one in a thread.

    Args:
        name: of the step.
        sink: the sink; a shallow copy of it is used.
    """

    def __init__(self, name: str, sink: BaseSink[Any]) -> None:
        self.name = name
        self.seconds = 0.0
        """How long its calls took so far."""
        self._sink = copy.copy(sink)
        self._lock = anyio.Lock()
        self._opened = False

    async def open(self) -> None:
        """Open it.

        Raises:
            SinkError: it cannot be opened.
        """
        self._opened = True
        sink = self._sink
        await self._call("opening", sink.open if isinstance(sink, Sink | AsyncSink) else _no_sink)

    async def write(self, values: Sequence[Any]) -> None:
        """Write results.

        Raises:
            SinkError: they were not all taken.
        """
        sink = self._sink
        await self._call("writing", partial(sink.write, values) if isinstance(sink, Sink | AsyncSink) else _no_sink)

    async def flush(self) -> None:
        """Make durable what was written.

        Raises:
            SinkError: it is not.
        """
        sink = self._sink
        await self._call("flushing", sink.flush if isinstance(sink, Sink | AsyncSink) else _no_sink)

    async def close(self) -> None:
        """Close it, if it was opened.

        Raises:
            SinkError: closing failed.
        """
        if self._opened:
            self._opened = False
            sink = self._sink
            await self._call("closing", sink.close if isinstance(sink, Sink | AsyncSink) else _no_sink)

    async def _call(self, what: str, call: Callable[[], Awaitable[None] | None]) -> None:
        began = perf_counter()
        try:
            async with self._lock:
                if isinstance(self._sink, AsyncSink):
                    waiting = call()
                    if waiting is not None:
                        await waiting
                else:
                    await anyio.to_thread.run_sync(call)
        except RunError:
            raise
        except Exception as error:
            raise SinkError(f"sink {self.name!r}: {what} failed: {describe(error)}") from error
        finally:
            self.seconds += perf_counter() - began


def _no_sink() -> None:
    raise SinkError("derive sinks from Sink or AsyncSink")


class SinkStage(Stage):
    """The end of a stream: writes what comes, and makes it durable at barriers and at the end.

    Args:
        writer: the sink.
        context: of the run.
        reached: told of each barrier and end after everything before it is durable.
    """

    def __init__(self, writer: Writer, context: RunContext, reached: Callable[[SinkStage, Signal], None]) -> None:
        self.writer = writer
        self._context, self._reached = context, reached

    async def take(self, chunk: Chunk) -> None:
        count, began = len(chunk), perf_counter()
        notes = Notes({self.writer.name: Tally(taken=count, failed=count)})
        try:
            await self.writer.write(chunk.values)
            notes.tallies[self.writer.name] = Tally(taken=count, passed=count, given=count)
        finally:
            notes.seconds = perf_counter() - began
            await self._context.absorb(notes)

    async def signal(self, signal: Signal) -> None:
        if isinstance(signal, Fail):
            raise signal.error
        if isinstance(signal, Barrier | End):
            await self.writer.flush()
            self._reached(self, signal)
