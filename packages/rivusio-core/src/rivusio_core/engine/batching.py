"""Stages that make lists of items: by number, and by time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import anyio
from anyio.abc import TaskGroup

from rivusio_core.clock import Clock
from rivusio_core.engine.context import RunContext
from rivusio_core.engine.notes import Notes
from rivusio_core.engine.stage import Barrier, Chunk, End, Fail, Keeper, Signal, Stage, Stateful
from rivusio_core.listener import Tally

__all__ = ["BatchStage", "batches"]


class BatchStage(Stage, Stateful):
    """Collects items into lists of `size`; a list that is not full leaves `within` seconds after its first item.

    A list has the columns of its last item. A partial list leaves at the end of the input. Other signals wait until
    the items before them have left, except for the barrier of a snapshot, which says what waits.

    Args:
        name: of the step.
        size: items in a full list.
        within: seconds, or None to wait for a full list.
    """

    def __init__(self, name: str, size: int, within: float | None, context: RunContext, out: Stage) -> None:
        self.out = out
        self.name, self._size, self._within, self._context = name, size, within, context
        self._clock: Clock = context.clock
        self._values: list[Any] = []
        self._last: tuple[Any, ...] = ()
        self._waiting: list[Signal] = []
        self._due: float | None = None
        self._started = anyio.Event()
        self._lock = anyio.Lock()
        self._timer = anyio.CancelScope()

    async def open(self, group: TaskGroup) -> None:
        if self._within is not None:
            group.start_soon(self._watch)

    async def take(self, chunk: Chunk) -> None:
        async with self._lock:
            notes = Notes()
            tally = notes.tally(self.name)
            tally.taken = tally.held = len(chunk)
            await self._context.absorb(notes)
            full, lasts = list[list[Any]](), list[tuple[Any, ...]]()
            start = 0
            while start < len(chunk):
                stop = start + self._size - len(self._values)
                self._values += chunk.values[start:stop]
                start = min(stop, len(chunk))
                self._last = tuple(column[start - 1] for column in chunk.columns)
                if len(self._values) == self._size:
                    full.append(self._values)
                    lasts.append(self._last)
                    self._values, self._due = [], None
            if self._values and self._due is None:
                self._start_timer()
            if full:
                await self._give(full, lasts)

    async def signal(self, signal: Signal) -> None:
        async with self._lock:
            if isinstance(signal, End):
                self._timer.cancel()
                await self._flush()
                await self.out.signal(signal)
            elif isinstance(signal, Barrier) and signal.keeper is not None:
                self.keep(signal.keeper)
                await self.out.signal(signal)
            elif self._values and not isinstance(signal, Fail):
                self._waiting.append(signal)
            else:
                await self.out.signal(signal)

    def keep(self, keeper: Keeper) -> None:
        # Signals that wait for the batch to leave are no part of it: what they say of later items, those say again.
        left = None if self._due is None else max(self._due - self._clock.monotonic(), 0.0)
        keeper.keep(self.name, {"values": [*self._values], "last": self._last, "left": left})

    def restore(self, header: Any, cells: Mapping[Any, Any]) -> None:
        self._values, self._last = header["values"], header["last"]
        if self._within is not None and header["left"] is not None:
            self._start_timer(header["left"])

    def _start_timer(self, left: float | None = None) -> None:
        if self._within is not None:
            self._due = self._clock.monotonic() + (self._within if left is None else left)
            self._started.set()

    async def _watch(self) -> None:
        with self._timer:
            while True:
                if self._due is None:
                    self._started = anyio.Event()
                    await self._started.wait()
                    continue
                due = self._due
                await self._clock.sleep(max(due - self._clock.monotonic(), 0))
                async with self._lock:
                    if self._due == due:  # else that list has left, and another waits
                        await self._flush()

    async def _flush(self) -> None:
        if self._values:
            values, self._values, self._due = self._values, [], None
            await self._give([values], [self._last])

    async def _give(self, full: list[list[Any]], lasts: list[tuple[Any, ...]]) -> None:
        await self._context.absorb(_given(self.name, full))
        await self.out.take(Chunk(full, tuple(list(column) for column in zip(*lasts, strict=True))))
        waiting, self._waiting = self._waiting, []
        for signal in waiting:
            await self.out.signal(signal)


def _given(name: str, full: list[list[Any]]) -> Notes:
    count = sum(len(values) for values in full)
    return Notes({name: Tally(passed=count, held=-count, given=len(full))})


def batches(
    rows: Iterator[tuple[Any, ...]], size: int, within: float | None, clock: Clock
) -> Iterator[tuple[Any, ...]]:
    """The same for rows read by the caller's own thread, which can look at the time only when a row comes."""
    values, row, due = list[Any](), tuple[Any, ...](), 0.0
    for row in rows:
        if not values and within is not None:
            due = clock.monotonic() + within
        values.append(row[0])
        if len(values) == size or (within is not None and clock.monotonic() >= due):
            yield (values, *row[1:])
            values = []
    if values:
        yield (values, *row[1:])
