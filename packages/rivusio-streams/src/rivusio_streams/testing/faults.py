"""Faults on purpose: sources, sinks and stores that break at a chosen operation, as if the process had died there."""

from __future__ import annotations

import copy
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import anyio
import anyio.to_thread
from pydantic import JsonValue

from rivusio_core.clock import Clock
from rivusio_core.errors import DefinitionError
from rivusio_streams.checkpoint.store import CheckpointStore
from rivusio_streams.sink import BaseSink, Sink, TransactionalSink, TwoPhaseSink
from rivusio_streams.source import AsyncPartition, AsyncSource, BaseSource, Partition, Position, Source

__all__ = ["Crash", "Faults", "How", "broken_sink", "broken_source", "broken_store"]

How: TypeAlias = Literal["before", "after", "partial", "hang"]
"""The operation is not begun; it is done, and nobody hears of it; of a write, half is done; it never returns."""
_LONG = 30.0
"""Seconds that a thread may take to end once it need not hang any more."""


class Crash(Exception):
    """Raised in place of the end of the process."""


@dataclass
class Faults:
    """Counts the operations of a run, and ends it at one of them.

    Attributes:
        at: number of the operation, from 1; None: none breaks.
        how: what becomes of it.
        lasting: nothing works after it, as if the process had died; else the next operation works again.
        done: names of the operations so far.
        crashed: it happened.
        hung: called when an operation hangs: somebody has to cancel the run.
    """

    at: int | None = None
    how: How = "before"
    lasting: bool = True
    done: list[str] = field(default_factory=list[str])
    crashed: bool = False
    hung: Callable[[], object] = field(default=lambda: None)
    _opened: list[CheckpointStore | Sink[Any]] = field(default_factory=list["CheckpointStore | Sink[Any]"])
    _over: threading.Event = field(default_factory=threading.Event)
    _returned: threading.Condition = field(default_factory=threading.Condition)
    _calls: int = 0

    @contextmanager
    def operation(self, name: str) -> Generator[bool, None, None]:
        """One operation; gives True if half of it is to be done. One that hangs ends with `end`.

        Raises:
            Crash: the process has died.
        """
        hit = self._begin(name)
        if hit and self.how == "before":
            self.crashed = True
            raise Crash(name)
        with self._under_way():
            if hit and self.how == "hang":
                self.hung()
                self._over.wait()
                raise Crash(name)
            yield hit and self.how == "partial"
        if hit:
            self.crashed = True
            raise Crash(name)

    @contextmanager
    def _under_way(self) -> Generator[None, None, None]:
        with self._returned:
            self._calls += 1
        try:
            yield
        finally:
            with self._returned:
                self._calls -= 1
                self._returned.notify_all()

    @asynccontextmanager
    async def async_operation(self, name: str) -> AsyncGenerator[None, None]:
        """One operation in the event loop; one that hangs can be cancelled.

        Raises:
            Crash: the process has died.
        """
        if self.how == "hang":
            if self._begin(name):
                self.hung()
                await anyio.sleep_forever()
            yield
        else:
            with self.operation(name):
                yield

    def _begin(self, name: str) -> bool:
        if self.crashed and self.lasting and self.how != "hang":
            raise Crash(name)
        self.done.append(name)
        hit = len(self.done) == self.at
        self.crashed |= hit and self.how == "hang"
        return hit

    def opened(self, each: CheckpointStore | Sink[Any]) -> None:
        """Something was opened."""
        self._opened.append(each)

    def closed(self, each: CheckpointStore | Sink[Any]) -> None:
        """It was closed again."""
        if each in self._opened:
            self._opened.remove(each)

    def end(self) -> None:
        """The process is dead: what hung is gone, and what it held open is closed."""
        self._over.set()
        with self._returned:
            if not self._returned.wait_for(lambda: self._calls == 0, _LONG):
                raise TimeoutError("an operation that hung has not ended")
        for each in self._opened:
            with suppress(Exception):  # of an operation that was cut short
                each.close()


# ---------------------------------------------------------------------------------------------------- stores


class _Store(CheckpointStore):
    def __init__(self, inner: CheckpointStore, faults: Faults) -> None:
        self._inner, self._faults = inner, faults
        self.place, self.database = inner.place, inner.database

    def open(self, flow: str, *, read_only: bool = False) -> None:
        self._inner.open(flow, read_only=read_only)
        self._faults.opened(self._inner)

    def names(self) -> Sequence[str]:
        return self._inner.names()

    def get(self, name: str) -> bytes:
        return self._inner.get(name)

    def put(self, name: str, data: bytes) -> None:
        with self._faults.operation(f"put {name}"):
            self._inner.put(name, data)

    def put_on(self, connection: Any, name: str, data: bytes) -> None:
        with self._faults.operation(f"put {name} with the results"):
            self._inner.put_on(connection, name, data)

    def delete(self, names: Sequence[str]) -> None:
        with self._faults.operation(f"delete {', '.join(names)}"):
            self._inner.delete(names)

    def close(self) -> None:
        self._faults.closed(self._inner)
        self._inner.close()


def broken_store(inner: CheckpointStore, faults: Faults) -> CheckpointStore:
    """The same store, with faults."""
    return _Store(inner, faults)


# ---------------------------------------------------------------------------------------------------- sinks


class _Sink(Sink[Any]):
    def __init__(self, inner: Sink[Any], faults: Faults) -> None:
        self._inner, self._faults = inner, faults
        self.commit, self.divisible = inner.commit, inner.divisible

    def __copy__(self) -> _Sink:
        return type(self)(copy.copy(self._inner), self._faults)

    @property
    def step_name(self) -> str:
        return self._inner.step_name

    def open(self) -> None:
        self._faults.opened(self._inner)
        with self._faults.operation("open the sink"):
            self._inner.open()

    def write(self, batch: Sequence[Any]) -> None:
        with self._faults.operation("write") as half:
            some = batch[: len(batch) // 2] if half else batch
            if some:
                self._inner.write(some)

    def flush(self) -> None:
        with self._faults.operation("flush"):
            self._inner.flush()

    def close(self) -> None:
        self._faults.closed(self._inner)
        self._inner.close()


class _TwoPhase(_Sink, TwoPhaseSink[Any]):
    def __init__(self, inner: TwoPhaseSink[Any], faults: Faults) -> None:
        super().__init__(inner, faults)
        self._staging = inner

    def recover(self, owner: str, tokens: Sequence[JsonValue]) -> None:
        with self._faults.operation("recover"):
            self._staging.recover(owner, tokens)

    def stage(self) -> JsonValue:
        with self._faults.operation("stage"):
            return self._staging.stage()

    def publish(self, token: JsonValue) -> None:
        with self._faults.operation("publish"):
            self._staging.publish(token)


class _Transactional(_TwoPhase, TransactionalSink[Any]):
    def __init__(self, inner: TransactionalSink[Any], faults: Faults) -> None:
        super().__init__(inner, faults)
        self._joint = inner

    @property
    def database(self) -> str:
        return self._joint.database

    def begin(self) -> None:
        with self._faults.operation("begin"):
            self._joint.begin()

    def commit_with(self, put: Callable[[Any], None]) -> None:
        with self._faults.operation("commit"):
            self._joint.commit_with(put)


def broken_sink(inner: BaseSink[Any], faults: Faults) -> BaseSink[Any]:
    """The same sink, with faults.

    Raises:
        DefinitionError: it is no `Sink`.
    """
    if isinstance(inner, TransactionalSink):
        return _Transactional(inner, faults)
    if isinstance(inner, TwoPhaseSink):
        return _TwoPhase(inner, faults)
    if isinstance(inner, Sink):
        return _Sink(inner, faults)
    raise DefinitionError(f"{type(inner).__name__} is no Sink; faults can be planted in those only")


# ---------------------------------------------------------------------------------------------------- sources


class _Source(AsyncSource[Any]):
    def __init__(self, inner: BaseSource[Any], faults: Faults, clock: Clock, most: int) -> None:
        self._inner, self._faults, self._clock, self._most = inner, faults, clock, most
        self.replay, self.bounded, self.timed, self.watermarks = (
            inner.replay,
            inner.bounded,
            inner.timed,
            inner.watermarks,
        )
        self.item_type, self.on_error = inner.item_type, inner.on_error

    @property
    def step_name(self) -> str:
        return self._inner.step_name

    async def partitions(self) -> Sequence[str]:
        if isinstance(self._inner, AsyncSource):
            return await self._inner.partitions()
        assert isinstance(self._inner, Source)
        return self._inner.partitions()

    async def open_partition(self, partition: str, position: Position | None) -> AsyncPartition[Any]:
        made: _Partition | None = None
        try:
            async with self._faults.async_operation(f"open {partition}"):
                if isinstance(self._inner, AsyncSource):
                    opened: Partition[Any] | AsyncPartition[Any] = await self._inner.open_partition(partition, position)
                else:
                    assert isinstance(self._inner, Source)
                    opened = self._inner.open_partition(partition, position)
                made = _Partition(opened, self._faults, self._clock, self._most)
        except Crash:
            if made is not None:  # nobody hears of it who could close it
                await made.close()
            raise
        return made


class _Partition(AsyncPartition[Any]):
    """A few items a second, so that barriers come between them."""

    def __init__(self, inner: Partition[Any] | AsyncPartition[Any], faults: Faults, clock: Clock, most: int) -> None:
        self._inner, self._faults, self._clock, self._most = inner, faults, clock, most

    async def next_batch(self, maximum: int) -> list[Any]:
        await self._clock.sleep(0.7)
        async with self._faults.async_operation("read"):
            most = min(maximum, self._most)
            if isinstance(self._inner, AsyncPartition):
                return await self._inner.next_batch(most)
            return await anyio.to_thread.run_sync(self._inner.next_batch, most)

    def position(self) -> Position:
        return self._inner.position()

    def times(self) -> Sequence[int] | None:
        return self._inner.times()

    def watermark(self) -> int | None:
        return self._inner.watermark()

    def rejected(self) -> Sequence[Any]:
        return self._inner.rejected()

    async def acknowledge(self, position: Position) -> None:
        async with self._faults.async_operation("acknowledge"):
            if isinstance(self._inner, AsyncPartition):
                await self._inner.acknowledge(position)
            else:
                self._inner.acknowledge(position)

    async def close(self) -> None:
        if isinstance(self._inner, AsyncPartition):
            await self._inner.close()
        else:
            self._inner.close()


def broken_source(inner: BaseSource[Any], faults: Faults, clock: Clock, most: int = 2) -> BaseSource[Any]:
    """The same source, with faults; it gives a few items at once, each time after a while.

    Args:
        inner: the source.
        faults: the faults.
        clock: of the run.
        most: items at once.
    """
    return _Source(inner, faults, clock, most)
