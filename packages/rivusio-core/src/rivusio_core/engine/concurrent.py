"""Stages that work on several things at once: persistent workers, a bounded window, order kept."""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

import anyio
from anyio.abc import TaskGroup

from rivusio_core.engine.context import RunContext
from rivusio_core.engine.stage import Chunk, End, Signal, Stage
from rivusio_core.engine.weight import Scale

__all__ = ["ConcurrentStage", "Outcome", "PieceStage", "Slot", "Work"]

Work: TypeAlias = "Callable[[Chunk, Outcome], Awaitable[None]]"
"""Puts a piece through, results into the outcome; what it raises ends the run after the results before it."""

_SHORT, _LONG = 0.01, 0.1
"""Seconds: pieces grow while they take less than the first, and shrink when they take more than the second."""
_LARGEST = 1_024


@dataclass(eq=False, slots=True)
class Slot:
    """A place in the window: a signal here, and something to work on in what derives from it.

    Attributes:
        signal: what leaves behind everything before it.
        bytes: of what waits here.
        done: it may leave.
        error: what ends the run.
    """

    signal: Signal | None = None
    bytes: int = 0
    done: bool = False
    error: Exception | None = None


S = TypeVar("S", bound=Slot)


class ConcurrentStage(Stage, Generic[S]):
    """Works on what comes, several at once.

    A signal leaves after everything that came before it, so a watermark never overtakes an item in work.

    Args:
        workers: how many are in work at once.
        most: how many may wait, be in work, or be done and wait for those before them.
        out: the next stage; only ever called from this stage's own task.
        context: of the run.
        ordered: results keep the order of their items; else they leave as they are ready.
    """

    def __init__(self, workers: int, most: int, out: Stage, context: RunContext, *, ordered: bool = True) -> None:
        self.out = out
        self._workers, self._most, self._ordered = workers, most, ordered
        self._buffer = context.budget.buffer()
        self._window: deque[Slot] = deque()
        self._todo: deque[S | None] = deque()
        self._idle: list[anyio.Event] = []
        self._progress = anyio.Event()
        self._room = anyio.Event()

    async def open(self, group: TaskGroup) -> None:
        for _ in range(self._workers):
            group.start_soon(self._worker)
        group.start_soon(self._give)

    @abstractmethod
    def slots(self, chunk: Chunk) -> Iterator[S]:
        """What there is to work on in a chunk."""

    @abstractmethod
    async def work(self, slot: S) -> None:
        """Do it; what is raised ends the run after the results before it."""

    @abstractmethod
    def results(self, slots: list[S]) -> list[Chunk]:
        """The results of some slots, in as few chunks as possible."""

    async def noted(self) -> None:  # most tell it as they work
        """Tell the run what is to be told of the work so far; called before results are given."""

    async def take(self, chunk: Chunk) -> None:
        for slot in self.slots(chunk):
            if len(self._window) >= self._most or not self._buffer.fits(slot.bytes):
                await self._wait_for_room(slot.bytes)
            self._window.append(slot)
            self._buffer.add(slot.bytes)
            self._dispatch(slot)

    async def signal(self, signal: Signal) -> None:
        await self._wait_for_room(0)
        self._window.append(Slot(signal, done=True))
        self._progress.set()
        if isinstance(signal, End):
            for _ in range(self._workers):
                self._dispatch(None)  # sends a worker home

    async def _wait_for_room(self, size: int) -> None:
        while len(self._window) >= self._most or not self._buffer.fits(size):
            self._room = anyio.Event()
            await self._room.wait()

    def _dispatch(self, slot: S | None) -> None:
        self._todo.append(slot)
        if self._idle:
            self._idle.pop().set()  # wakes one worker, not the herd

    async def _worker(self) -> None:
        todo = self._todo
        while True:
            while not todo:
                woken = anyio.Event()
                self._idle.append(woken)
                await woken.wait()
            slot = todo.popleft()
            if slot is None:
                return
            try:
                await self.work(slot)
            except Exception as error:  # noqa: BLE001  # user code may raise anything
                slot.error = error
            slot.done = True
            if not self._ordered or self._window[0] is slot or slot.error is not None:
                self._progress.set()

    async def _give(self) -> None:
        """Pass results and signals on, in order."""
        try:
            while True:
                ready = self._ready()
                if not ready:
                    self._progress = anyio.Event()
                    await self._progress.wait()
                    continue
                await self.noted()
                last = ready[-1]
                for chunk in self.results([each for each in ready if each.signal is None]):  # type: ignore[misc]
                    await self.out.take(chunk)
                self._buffer.free(sum(each.bytes for each in ready))
                self._room.set()
                if last.error is not None:
                    await self.fail(last.error)
                if last.signal is not None:
                    await self.out.signal(last.signal)
                    if isinstance(last.signal, End):
                        return
        finally:
            await self.noted()

    def _ready(self) -> list[Slot]:
        """Slots that may leave now; an error or a signal is the last of its batch."""
        ready = list[Slot]()
        if self._ordered:
            while self._window and self._window[0].done:
                ready.append(self._window.popleft())
                if ready[-1].signal is not None or ready[-1].error is not None:
                    break
        else:
            ready = self._ready_unordered()
        if ready:
            self._room.set()
        return ready

    def _ready_unordered(self) -> list[Slot]:
        ready, kept = list[Slot](), deque[Slot]()
        while self._window:
            slot = self._window.popleft()
            if slot.signal is not None:
                if kept:  # it must wait for what came before it, and holds up what comes behind it
                    kept.append(slot)
                else:
                    ready.append(slot)
                break
            (ready if slot.done else kept).append(slot)
            if slot.error is not None:
                break
        self._window = kept + self._window
        return ready


@dataclass
class Outcome:
    """Results of a piece so far."""

    chunks: list[Chunk] = field(default_factory=list[Chunk])

    async def emit(self, chunk: Chunk) -> None:
        """Add results."""
        self.chunks.append(chunk)


@dataclass(eq=False, slots=True)
class _Piece(Slot):
    piece: Chunk = field(kw_only=True)
    outcome: Outcome = field(default_factory=Outcome)


class PieceStage(ConcurrentStage[_Piece]):
    """Puts pieces of chunks through `work`. Results of a piece are given together, whatever a flat step makes of it.

    Args:
        work: what is done with a piece.
        workers: how many pieces are in work at once.
        out: the next stage.
        context: of the run.
        ordered: results keep the order of their items.
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
        super().__init__(
            workers, 2 * workers + 2 if grain is None else max(4 * workers, 8), out, context, ordered=ordered
        )
        self._work, self._clock, self._scale = work, context.clock, Scale()
        self._adaptive, self._grain = grain is None, grain or 1

    def slots(self, chunk: Chunk) -> Iterator[_Piece]:
        start = 0
        while start < len(chunk):
            stop = start + self._grain
            piece = Chunk(chunk.values[start:stop], tuple(column[start:stop] for column in chunk.columns))
            yield _Piece(piece=piece, bytes=self._scale.of(piece.values))
            start = stop

    async def work(self, slot: _Piece) -> None:
        began = self._clock.monotonic()
        try:
            await self._work(slot.piece, slot.outcome)
        finally:
            if self._adaptive:
                self._adapt(self._clock.monotonic() - began)

    def _adapt(self, seconds: float) -> None:
        if seconds < _SHORT:
            self._grain = min(2 * self._grain, _LARGEST)
        elif seconds > _LONG:
            self._grain = max(self._grain // 2, 1)

    def results(self, slots: list[_Piece]) -> list[Chunk]:
        chunks = [chunk for slot in slots for chunk in slot.outcome.chunks if len(chunk)]
        if len(chunks) < 2:
            return chunks
        values = [value for chunk in chunks for value in chunk.values]
        columns = zip(*(chunk.columns for chunk in chunks), strict=True)
        return [Chunk(values, tuple([entry for column in each for entry in column] for each in columns))]
