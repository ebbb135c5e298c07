"""Gives items the time of the clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import anyio
from anyio.abc import TaskGroup

from rivusio_core.engine.context import RunContext
from rivusio_core.engine.notes import Notes
from rivusio_core.engine.stage import Barrier, Chunk, Keeper, Signal, Stage, Stateful
from rivusio_core.listener import Tally
from rivusio_streams.engine.keyed_stage import KeyedStage
from rivusio_streams.engine.origin import UNTIMED
from rivusio_streams.engine.signals import Cut, Idle, PartitionWatermark, Watermark
from rivusio_streams.moment import FOREVER, NEVER

__all__ = ["ClockTimeStage"]


class ClockTimeStage(Stage, Stateful):
    """Adds the time and mark columns; the watermark is the clock, which never goes back here.

    It wakes when a step behind it has something to do, so that windows close in time though nothing comes.

    Args:
        name: of the step.
        context: of the run.
        cuts: send a `Cut` behind every chunk.
        waiting: the steps behind it that judge by event time.
        out: the next stage.
    """

    def __init__(self, name: str, context: RunContext, cuts: bool, waiting: list[KeyedStage], out: Stage) -> None:
        self.out = out
        self.name = name
        self.ahead = 0
        self._context, self._cuts, self._waiting = context, cuts, waiting
        self._said = NEVER
        self._lock = anyio.Lock()
        self._changed = anyio.Event()
        for stage in waiting:
            stage.listeners.append(self._heed)

    async def open(self, group: TaskGroup) -> None:
        group.start_soon(self._watch_clock, name=f"{self.name}: clock")

    def _heed(self) -> None:
        self._changed.set()

    def _now(self) -> int:
        return max(self._context.clock.wall(), self._said)

    async def take(self, chunk: Chunk) -> None:
        async with self._lock:
            count, now = len(chunk), self._now()
            await self._context.absorb(Notes({self.name: Tally(taken=count, passed=count, given=count)}))
            await self._say(now)
            await self.out.take(Chunk(chunk.values, (*chunk.columns[:UNTIMED], [now] * count, [now] * count)))
            if self._cuts:
                await self.out.signal(Cut())

    async def _say(self, now: int) -> None:
        if now > self._said:
            self._said = now
            self._context.listeners.watermark_moved(self._context.info, self.name, now, self._context.clock.wall())
            await self.out.signal(Watermark(now))

    async def signal(self, signal: Signal) -> None:
        if isinstance(signal, Watermark | Idle | PartitionWatermark):
            return  # of an event time that this step replaces
        async with self._lock:
            if isinstance(signal, Barrier) and signal.keeper is not None:
                self.keep(signal.keeper)
            await self.out.signal(signal)

    async def _watch_clock(self) -> None:
        while True:
            self._changed = anyio.Event()
            due = min((stage.operator.next for stage in self._waiting), default=FOREVER)
            left = due - self._context.clock.wall()
            if due == FOREVER:
                await self._changed.wait()
            elif left > 0:
                with self._context.clock.deadline(left / 1_000_000):
                    await self._changed.wait()
            else:
                async with self._lock:
                    await self._say(self._now())
                if min(stage.operator.next for stage in self._waiting) <= self._said:  # items on their way hold it back
                    await self._changed.wait()

    def keep(self, keeper: Keeper) -> None:
        keeper.keep(self.name, self._said)

    def restore(self, header: Any, cells: Mapping[Any, Any]) -> None:
        self._said = header
