"""A sink at work: the run's own copy of it, called from the event loop."""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from time import perf_counter
from typing import Any, TypeVar

import anyio
from pydantic import JsonValue

from rivusio_core.errors import ItemRefused, RunError, SinkError
from rivusio_streams.delivery import Protocol
from rivusio_streams.engine.blocking import PATIENCE, Blocking
from rivusio_streams.engine.foreign import describe
from rivusio_streams.sink import AsyncSink, BaseSink, Sink, TransactionalSink, TwoPhaseSink

__all__ = ["Writer"]

R = TypeVar("R")
_OF_ITEM = (ValueError, TypeError, LookupError, ArithmeticError)
_OF_DATABASES = {"DataError", "IntegrityError"}
"""As PEP 249 calls what is wrong with the data and not with the database."""


class Writer:
    """Calls a sink as its contract says: one call at a time, a blocking one in a thread.

    Args:
        name: of the step.
        sink: the sink; a shallow copy of it is used.
        protocol: how its results become durable.
        patience: seconds for which a blocking call is waited for after the run was cancelled.
    """

    def __init__(
        self, name: str, sink: BaseSink[Any], protocol: Protocol = "direct", patience: float = PATIENCE
    ) -> None:
        self.name, self.protocol = name, protocol
        self.seconds = 0.0
        """How long its calls took so far."""
        self._sink = copy.copy(sink)
        self._lock = anyio.Lock()
        self._blocking = Blocking(f"sink {name!r}", patience)
        self._opened = False

    @property
    def stuck(self) -> bool:
        """A call has not returned though the run was cancelled."""
        return bool(self._blocking.stuck)

    async def open(self, owner: str = "", tokens: Sequence[JsonValue] = ()) -> None:
        """Open it.

        Args:
            owner: flow and step.
            tokens: what the last checkpoint has of it.

        Raises:
            SinkError: it cannot be opened.
        """
        self._opened = True
        sink = self._sink
        await self._call("opening", sink.open if isinstance(sink, Sink | AsyncSink) else _no_sink)
        if isinstance(sink, TwoPhaseSink) and (self.protocol == "staged" or (self.protocol == "joint" and tokens)):
            await self._call("recovering", partial(sink.recover, owner, tokens))  # joint: an earlier run has staged
        if self.protocol == "joint" and isinstance(sink, TransactionalSink):
            await self._call("beginning", sink.begin)

    async def write(self, values: Sequence[Any]) -> None:
        """Write results.

        Raises:
            ItemRefused, BadRecord: one of them cannot be taken for what it is.
            SinkError: they were not all taken.
        """
        sink = self._sink
        await self._call("writing", partial(sink.write, values) if isinstance(sink, Sink | AsyncSink) else _no_sink)

    async def settle(self) -> JsonValue:
        """Make durable what was written, as far as that can be done before the checkpoint; gives the token, if any.

        Raises:
            SinkError: it is not.
        """
        sink = self._sink
        if self.protocol == "staged" and isinstance(sink, TwoPhaseSink):
            return await self._call("staging", sink.stage)
        if self.protocol == "direct":
            await self._call("flushing", sink.flush if isinstance(sink, Sink | AsyncSink) else _no_sink)
        return None

    async def publish(self, token: JsonValue) -> None:
        """Make seen what was staged.

        Raises:
            SinkError: it is not.
        """
        if isinstance(self._sink, TwoPhaseSink):
            await self._call("publishing", partial(self._sink.publish, token))

    async def commit_with(self, put: Callable[[Any], None]) -> None:
        """Commit what was written, and what `put` writes, in one transaction.

        Raises:
            SinkError: nothing was committed.
            CheckpointWriteError: nothing was committed.
        """
        if isinstance(self._sink, TransactionalSink):
            await self._call("committing", partial(self._sink.commit_with, put))

    async def close(self) -> None:
        """Close it, if it was opened.

        Raises:
            SinkError: closing failed.
        """
        if self._opened and not self.stuck:
            self._opened = False
            sink = self._sink
            await self._call("closing", sink.close if isinstance(sink, Sink | AsyncSink) else _no_sink)

    async def _call(self, what: str, call: Callable[[], Awaitable[R] | R]) -> R:
        began = perf_counter()
        try:
            if isinstance(self._sink, AsyncSink):
                async with self._lock:
                    given = call()
                    return await given if isinstance(given, Awaitable) else given
            return await self._blocking.call(what, call)  # type: ignore[arg-type]  # of a Sink: no awaitable
        except RunError:
            raise
        except Exception as error:
            kind = ItemRefused if what == "writing" and _is_of_item(error) else SinkError
            raise kind(f"sink {self.name!r}: {what} failed: {describe(error)}") from error
        finally:
            self.seconds += perf_counter() - began


def _is_of_item(error: Exception) -> bool:
    """The failure is that of an item: another one might be written, and the same one will not be."""
    if isinstance(error, OSError):  # some are a ValueError, too
        return False
    return isinstance(error, _OF_ITEM) or any(kind.__name__ in _OF_DATABASES for kind in type(error).__mro__)


def _no_sink() -> None:
    raise SinkError("derive sinks from Sink or AsyncSink")
