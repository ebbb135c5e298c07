"""A stage that works on several pieces at once: persistent workers, a bounded window, order kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import anyio
from anyio.abc import TaskGroup

from rivusio_core.engine.context import RunContext
from rivusio_core.engine.stage import Chunk, End, Signal, Stage
from rivusio_core.engine.weight import Scale

__all__ = ["ConcurrentStage", "Work"]

Work: TypeAlias = "Callable[[Chunk, Outcome], Awaitable[None]]"
"""Puts a piece through, results into the outcome; what it raises ends the run after the results before it."""

_SHORT, _LONG = 0.01, 0.1
"""Seconds: pieces grow while they take less than the first, and shrink when they take more than the second."""
_LARGEST = 1_024


@dataclass
class Outcome:
    """Results of a piece so far."""

    chunks: list[Chunk] = field(default_factory=list[Chunk])
    error: Exception | None = None

    async def emit(self, chunk: Chunk) -> None:
        """Add results."""
        self.chunks.append(chunk)


@dataclass(eq=False)
class _Slot:
    """A place in the window: a piece of input and its outcome, or a signal."""

    piece: Chunk | None
    signal: Signal | None = None
    outcome: Outcome = field(default_factory=Outcome)
    done: bool = False
    bytes: int = 0


class ConcurrentStage(Stage):
    """Puts pieces of chunks through `work`, several at once.

    A signal leaves after everything that came before it, so a watermark never overtakes an item in work. Results of
    a piece are given together, whatever a flat step makes of it.

    Args:
        work: what is done with a piece.
        workers: how many pieces are in work at once.
        out: the next stage; only ever called from this stage's own task.
        context: of the run.
        ordered: results keep the order of their items; else they leave as they are ready.
        grain: items in a piece; None: as many as take some ten milliseconds.
    """

    def __init__(
        self,
        work: Work,
        workers: int,
        out: Stage,
        context: RunContext,
        *,
        ordered: bool = True,
        grain: int | None = 1,
    ) -> None:
        self.out = out
        self._work, self._workers, self._ordered = work, workers, ordered
        self._clock, self._buffer, self._scale = context.clock, context.budget.buffer(), Scale()
        self._adaptive = grain is None
        self._grain = grain or 1
        self._window: deque[_Slot] = deque()
        self._todo: deque[_Slot] = deque()
        self._most = 2 * workers + 2 if grain is None else max(4 * workers, 8)
        self._idle: list[anyio.Event] = []
        self._progress = anyio.Event()
        self._room = anyio.Event()

    async def open(self, group: TaskGroup) -> None:
        for _ in range(self._workers):
            group.start_soon(self._worker)
        group.start_soon(self._give)

    async def take(self, chunk: Chunk) -> None:
        start = 0
        while start < len(chunk):
            stop = start + self._grain
            piece = Chunk(chunk.values[start:stop], tuple(column[start:stop] for column in chunk.columns))
            await self._add(_Slot(piece, bytes=self._scale.of(piece.values)))
            start = stop

    async def signal(self, signal: Signal) -> None:
        await self._add(_Slot(None, signal, done=True))
        if isinstance(signal, End):
            for _ in range(self._workers):
                self._dispatch(_Slot(None))  # sends a worker home

    async def _add(self, slot: _Slot) -> None:
        while len(self._window) >= self._most or not self._buffer.fits(slot.bytes):
            self._room = anyio.Event()
            await self._room.wait()
        self._window.append(slot)
        self._buffer.add(slot.bytes)
        if slot.done:
            self._progress.set()
        else:
            self._dispatch(slot)

    def _dispatch(self, slot: _Slot) -> None:
        self._todo.append(slot)
        if self._idle:
            self._idle.pop().set()  # wakes one worker, not the herd

    async def _worker(self) -> None:
        while True:
            while not self._todo:
                woken = anyio.Event()
                self._idle.append(woken)
                await woken.wait()
            slot = self._todo.popleft()
            if slot.piece is None:
                return
            began = self._clock.monotonic()
            try:
                await self._work(slot.piece, slot.outcome)
            except Exception as error:  # noqa: BLE001  # user code may raise anything
                slot.outcome.error = error
            slot.done = True
            if self._adaptive:
                self._adapt(self._clock.monotonic() - began)
            self._progress.set()

    def _adapt(self, seconds: float) -> None:
        if seconds < _SHORT:
            self._grain = min(2 * self._grain, _LARGEST)
        elif seconds > _LONG:
            self._grain = max(self._grain // 2, 1)

    async def _give(self) -> None:
        """Pass results and signals on, in order."""
        while True:
            ready = self._ready()
            if not ready:
                self._progress = anyio.Event()
                await self._progress.wait()
                continue
            for chunk in _joined(ready):
                await self.out.take(chunk)
            self._buffer.free(sum(each.bytes for each in ready))
            self._room.set()
            last = ready[-1]
            if last.outcome.error is not None:
                await self.fail(last.outcome.error)
            if last.signal is not None:
                await self.out.signal(last.signal)
                if isinstance(last.signal, End):
                    return

    def _ready(self) -> list[_Slot]:
        """Slots that may leave now; an error or a signal is the last of its batch."""
        ready = list[_Slot]()
        if self._ordered:
            while self._window and self._window[0].done:
                ready.append(self._window.popleft())
                if ready[-1].signal is not None or ready[-1].outcome.error is not None:
                    break
        else:
            ready = self._ready_unordered()
        if ready:
            self._room.set()
        return ready

    def _ready_unordered(self) -> list[_Slot]:
        ready, kept = list[_Slot](), deque[_Slot]()
        while self._window:
            slot = self._window.popleft()
            if slot.signal is not None:
                if kept:  # it must wait for what came before it, and holds up what comes behind it
                    kept.append(slot)
                else:
                    ready.append(slot)
                break
            (ready if slot.done else kept).append(slot)
            if slot.outcome.error is not None:
                break
        self._window = kept + self._window
        return ready


def _joined(slots: list[_Slot]) -> list[Chunk]:
    """The results of some slots as few chunks."""
    chunks = [chunk for slot in slots for chunk in slot.outcome.chunks if len(chunk)]
    if len(chunks) < 2:
        return chunks
    values = [value for chunk in chunks for value in chunk.values]
    columns = zip(*(chunk.columns for chunk in chunks), strict=True)
    return [Chunk(values, tuple([entry for column in each for entry in column] for each in columns))]
