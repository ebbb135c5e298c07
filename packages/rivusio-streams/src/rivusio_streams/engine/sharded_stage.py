"""A step whose keys are spread over worker processes."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from typing import Any, TypeAlias

import anyio
from anyio.abc import TaskGroup
from typing_extensions import Unpack

from rivusio_core.engine.process import WorkerProcess, payload_of
from rivusio_core.engine.stage import Barrier, Chunk, End, Keeper, Signal
from rivusio_core.errors import PipeError
from rivusio_streams.engine.keyed_stage import KeyedSettings, KeyedStage
from rivusio_streams.engine.marks import highest_of
from rivusio_streams.engine.operator import Operator
from rivusio_streams.engine.origin import MARK, TIME, TIMED
from rivusio_streams.engine.shard import NEVER_DUE, Reply, Request, ShardJob
from rivusio_streams.engine.sharding import SharedCells, dealt, split
from rivusio_streams.engine.signals import Stop, Watermark
from rivusio_streams.moment import FOREVER, NEVER

__all__ = ["ShardedStage"]

_WINDOW = 8
"""What may be on its way to and from the shards: enough that none of them waits for the others."""


_Snapshot: TypeAlias = tuple[Any, Sequence[tuple[Any, Any]]]  # Any: as in `Stateful`
"""Header and cells."""


@dataclass(eq=False)
class _Job:
    """Something for all shards, a signal behind it, or both."""

    replies: list[Reply | None]
    missing: int
    signal: Signal | None = None


class ShardedStage(KeyedStage):
    """Sends items to the shards by their keys, and puts in order what comes back.

    Each key has one shard, so its results keep their order; among keys results are in the order of the watermark just
    before them, as everywhere. Whatever travels stays in order: a signal leaves after what came before it.

    Args:
        operator: what the step does; here it only says how shards are put together.
        job: the step in a worker process.
        shards: how many.
        settings: see `KeyedStage`.
    """

    def __init__(self, operator: Operator, job: ShardJob, shards: int, **settings: Unpack[KeyedSettings]) -> None:
        super().__init__(operator, **settings)
        self._payload = payload_of(job, f"step {self.name!r}")
        self._shards, self._takes = shards, job.takes
        self._processes = [WorkerProcess() for _ in range(shards)]
        self._queues = [deque[tuple[_Job, Request]]() for _ in range(shards)]
        self._wanted = [anyio.Event() for _ in range(shards)]
        self._window = deque[_Job]()
        self._room, self._progress, self._rescheduled = anyio.Event(), anyio.Event(), anyio.Event()
        self._shared = SharedCells(operator, shards)
        self._held, self._next, self._due = [0] * shards, [FOREVER] * shards, [NEVER_DUE] * shards
        self._reached = self._before = NEVER
        """How far event time has come, and had come at the watermark before, for what was sent to the shards."""
        self._restored: Sequence[tuple[Any, Mapping[Any, Any]]] | None = None
        now = round(self.context.clock.monotonic() * 1_000_000)
        header = {"given": 0, "watermark": NEVER, "held": 0, "now": now, "operator": operator.header()}
        self._last: tuple[_Snapshot, _Snapshot] | None = (header, []), (header, [])
        """What changed since the last snapshot, and all of it; as long as the shards need not be asked."""

    # ------------------------------------------------------------------------------------------- opening, closing

    async def start(self) -> None:
        """Start the processes.

        Raises:
            DefinitionError: something of the step is not defined where a process could import it.
        """
        with self.context.clock.working():
            async with anyio.create_task_group() as group:
                for process in self._processes:
                    group.start_soon(process.start, self._payload)

    async def close(self) -> None:
        """End the processes."""
        async with anyio.create_task_group() as group:
            for process in self._processes:
                group.start_soon(process.close if process.alive else process.abandon)

    async def open(self, group: TaskGroup) -> None:
        if self._restored is not None:
            self._post([Request(restored=each) for each in self._restored])
        for index in range(self._shards):
            group.start_soon(self._serve, index, name=f"{self.name}: shard {index}")
        group.start_soon(self._pass_on, name=f"{self.name}: results")
        if self.operator.clocked:
            group.start_soon(self._watch_clock, name=f"{self.name}: timers")

    # --------------------------------------------------------------------------------------------------- upstream

    async def take(self, chunk: Chunk) -> None:
        await self._wait_for_room()
        self._last = None
        watermark: int | None = None
        if self._takes == TIMED and len(chunk):
            self._reached = watermark = max(self._reached, highest_of(chunk.columns[MARK]))
        self._post([Request(chunk=each, watermark=watermark) for each in split(chunk, self._shards)])

    async def signal(self, signal: Signal) -> None:
        await self._wait_for_room()
        requests: Sequence[Request | None] = ()
        if isinstance(signal, Watermark):
            self._last = None
            self._before, self._reached = self._reached, max(self._reached, signal.time)
            if self._window or signal.time >= min(self._next):  # else no shard has anything to do
                alone = Request(watermark=signal.time)
                requests = [None if self._adds(each, signal.time) else alone for each in self._queues]
        elif isinstance(signal, End):  # what it keeps may be asked for later, when nobody can wait for an answer
            stops = isinstance(signal, Stop)
            requests = [Request(ends=True, stops=stops, before=self._before, keeps=(False, True))] * self._shards
        elif isinstance(signal, Barrier) and signal.keeper is not None:
            requests = [Request(keeps=(signal.keeper.whole,))] * self._shards
        self._post(requests, signal)

    @staticmethod
    def _adds(queue: deque[tuple[_Job, Request]], watermark: int) -> bool:
        """Where a chunk is yet to be sent, its shard can hear of the watermark behind it at the same time."""
        last = queue[-1][1] if queue else None
        if last is None or last.watermark is None:
            return False
        last.watermark = watermark
        return True

    async def _wait_for_room(self) -> None:
        while len(self._window) >= _WINDOW:
            self._room = anyio.Event()
            await self._room.wait()

    def _post(self, requests: Sequence[Request | None], signal: Signal | None = None) -> None:
        job = _Job([None] * self._shards, sum(each is not None for each in requests), signal)
        self._window.append(job)
        for index, request in enumerate(requests):
            if request is None:
                continue
            self._queues[index].append((job, request))
            self._wanted[index].set()
        if not job.missing:
            self._progress.set()

    # --------------------------------------------------------------------------------------------------- the shards

    async def _serve(self, index: int) -> None:
        queue, process, clock = self._queues[index], self._processes[index], self.context.clock
        while True:
            while not queue:
                self._wanted[index] = anyio.Event()
                await self._wanted[index].wait()
            job, request = queue.popleft()
            request.monotonic, request.wall = clock.monotonic(), clock.wall()
            try:
                with clock.working():
                    reply = await process.call(request)
                if not isinstance(reply, Reply):
                    raise TypeError(f"no reply: {type(reply).__name__}")
            except Exception as error:  # noqa: BLE001  # it ends the run, after what came before it
                if isinstance(error, PipeError):
                    error.pipe = error.pipe or self.name
                reply = Reply(error=error)
            job.replies[index] = reply
            job.missing -= 1
            if not job.missing:
                self._progress.set()
            if request.ends:
                return

    async def _pass_on(self) -> None:
        window = self._window
        while True:
            while not (window and not window[0].missing):
                self._progress = anyio.Event()
                await self._progress.wait()
            job = window[0]  # it has left only when the next step has taken it
            await self._deliver(job.replies, job.signal)
            window.popleft()
            self._room.set()
            self.heard()
            if isinstance(job.signal, End):
                return

    async def _deliver(self, answers: Sequence[Reply | None], signal: Signal | None) -> None:
        replies = [each for each in answers if each is not None]
        for reply in replies:
            for notes in reply.notes:
                await self.context.absorb(notes)
        for reply in replies:
            for late in reply.late:
                await self.refuse(late)
        if replies:
            self._heed(answers)
            await self._give([reply.results for reply in replies if reply.results])
        errors = [reply.error for reply in replies if reply.error is not None]
        if errors:
            await self.fail(min(errors, key=_position))
        if signal is not None:
            await self._signal(replies, signal)

    def _heed(self, answers: Sequence[Reply | None]) -> None:
        for index, reply in enumerate(answers):
            if reply is not None:
                self._held[index], self._next[index], self._due[index] = reply.held, reply.next, reply.due
        self.operator.held, self.operator.next = sum(self._held), min(self._next)
        self._rescheduled.set()

    async def _give(self, results: Sequence[Sequence[Chunk]]) -> None:
        columns = (TIME, MARK) if self._gives == TIMED else ()
        rows = [
            [row for each in chunks for row in zip(each.values, *(each.columns[c] for c in columns), strict=True)]
            for chunks in results
        ]
        if not rows:
            return
        ordered = [*merge(*rows, key=_mark)] if columns and len(rows) > 1 else [row for each in rows for row in each]
        values, *beside = map(list, zip(*ordered, strict=True))
        times, marks = beside or ([], [])
        await self.give(values, times, marks)

    async def _signal(self, replies: list[Reply], signal: Signal) -> None:
        operator, held = self.operator, self.operator.held > 0
        if isinstance(signal, Watermark):
            operator.before, operator.watermark = operator.watermark, max(operator.watermark, signal.time)
            signal = Watermark(signal.time - operator.delay) if operator.delay else signal
        elif isinstance(signal, End):
            self._last = self._kept(replies, 0), self._kept(replies, 1)
            if isinstance(signal, Stop):
                signal.holding |= held
        elif isinstance(signal, Barrier):
            if signal.keeper is not None:
                signal.keeper.keep(self.name, *self._kept(replies, 0))
            else:
                signal.holding |= held
        if self.late_out is not None and isinstance(signal, End | Barrier):
            await self.late_out.signal(signal)
        await self.out.signal(signal)

    # --------------------------------------------------------------------------------------------------- the clock

    async def _watch_clock(self) -> None:
        clock = self.context.clock
        while True:
            self._rescheduled = anyio.Event()
            due = min(self._due)
            left = due - clock.monotonic()
            if due == NEVER_DUE:
                await self._rescheduled.wait()
            elif left > 0:
                with clock.deadline(left):
                    await self._rescheduled.wait()
            else:
                await self._wait_for_room()
                self._last = None
                self._due = [NEVER_DUE] * self._shards  # until they say what is next
                self._post([Request(ticks=True)] * self._shards)

    # --------------------------------------------------------------------------------------------------- snapshots

    def keep(self, keeper: Keeper) -> None:
        """As ever, before anything came and once everything has left; in between a barrier has to ask the shards."""
        if self._last is None:
            raise RuntimeError(f"step {self.name!r} is at work, and only a barrier can tell what its shards keep")
        changed, whole = self._last
        keeper.keep(self.name, *(whole if keeper.whole else changed))
        self._last = (changed[0], []), whole

    def _kept(self, replies: Sequence[Reply], which: int) -> _Snapshot:
        """A snapshot as the step would make it in one process."""
        headers, cells = zip(*(reply.kept[which] for reply in replies), strict=True)
        header = {
            "given": self.given,
            "watermark": max(self.operator.watermark, *(each["watermark"] for each in headers)),
            "held": sum(each["held"] for each in headers),
            "now": max(each["now"] for each in headers),
            "operator": self.operator.header_of([each["operator"] for each in headers]),
        }
        return header, [*self._shared.together(cells)]

    def restore(self, header: Any, cells: Mapping[Any, Any]) -> None:
        shares, self._shared = dealt(self.operator, cells, self._shards)
        self.given, self.operator.watermark, self.operator.held = header["given"], header["watermark"], header["held"]
        self._reached = self._before = header["watermark"]
        self._restored = [
            ({**header, "held": 0 if index else header["held"]}, share) for index, share in enumerate(shares)
        ]
        self._last = (header, []), (header, [*cells.items()])

    def explain(self) -> dict[str, object]:
        return {"held": self.operator.held, "processes": self._shards}


def _mark(row: tuple[Any, ...]) -> int:
    mark: int = row[2]
    return mark


def _position(error: Exception) -> float:
    position = getattr(error, "position", None)
    return position if isinstance(position, int) else float("inf")
