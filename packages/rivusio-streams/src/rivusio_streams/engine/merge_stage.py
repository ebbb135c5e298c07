"""Several streams as one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import anyio

from rivusio_core.engine.context import RunContext
from rivusio_core.engine.notes import Notes
from rivusio_core.engine.stage import Barrier, Chunk, End, Keeper, Signal, Stage, Stateful
from rivusio_core.listener import Tally
from rivusio_streams.engine.gate import Gate
from rivusio_streams.engine.merged_marks import MergedMarks
from rivusio_streams.engine.origin import KEY, MARK, TIME, TIMED
from rivusio_streams.engine.signals import Idle, Stop, Watermark
from rivusio_streams.moment import FOREVER, NEVER

__all__ = ["MergeStage"]


class MergeStage(Stage, Stateful):
    """Passes on what its inputs push, one at a time; of those that wait, the one furthest behind in event time first.

    Its watermark is the smallest of its inputs that are not idle. A barrier leaves when it has come from all inputs;
    until then the inputs from which that of a snapshot has come are held back. One that only acknowledges may be
    overtaken.

    Args:
        name: of the step.
        count: how many inputs there are; `inputs` are the stages to push.
        columns: how many columns leave; where one input has no times, those of the others are dropped.
        sided: for a join: inputs have keys, and items leave with the columns SIDE and KEY, and uncounted.
        context: of the run.
        out: the next stage.
    """

    def __init__(
        self, name: str, count: int, columns: int, context: RunContext, out: Stage, *, sided: bool = False
    ) -> None:
        self.out = out
        self.name, self.columns, self.sided, self.context = name, columns, sided, context
        self.gate = Gate()
        self.inputs = [_Input(self, side) for side in range(count)]
        self.aligned = anyio.Event()
        self.combined = NEVER
        self._idle = False
        self._stopping: Stop | None = None

    async def take(self, chunk: Chunk) -> None:
        raise NotImplementedError("push one of the inputs")

    def others(self, own: _Input) -> int:
        """The smallest watermark of the other inputs that count."""
        return min((each.watermark for each in self.inputs if each is not own and not each.idle), default=FOREVER)

    async def moved(self) -> None:
        """An input's watermark may have changed; called with the gate held."""
        counting = [each.watermark for each in self.inputs if not each.idle]
        idle = not counting or (min(counting) == FOREVER and any(each.idle for each in self.inputs))
        if idle:
            if not self._idle and not all(each.ended for each in self.inputs):
                await self.out.signal(Idle())
        elif min(counting) > self.combined:
            self.combined = min(counting)
            await self.out.signal(Watermark(self.combined))
        self._idle = idle

    async def check(self) -> None:
        """Let a barrier and the end leave when all inputs had theirs; called with the gate held."""
        barriers = [each.barrier for each in self.inputs if each.barrier is not None]
        if barriers and all(each.barrier is not None or each.ended for each in self.inputs):
            barriers[0].holding = any(each.holding for each in barriers)
            if barriers[0].keeper is not None:
                self.keep(barriers[0].keeper)
            for each in self.inputs:
                each.barrier = None
            aligned, self.aligned = self.aligned, anyio.Event()
            aligned.set()
            await self.out.signal(barriers[0])
        if all(each.ended for each in self.inputs):
            await self.out.signal(self._stopping or End())

    def keep(self, keeper: Keeper) -> None:
        inputs = [(each.watermark, each.idle) for each in self.inputs]
        keeper.keep(self.name, {"combined": self.combined, "idle": self._idle, "inputs": inputs})

    def restore(self, header: Any, cells: Mapping[Any, Any]) -> None:
        self.combined, self._idle = header["combined"], header["idle"]
        for each, (watermark, idle) in zip(self.inputs, header["inputs"], strict=True):
            each.watermark, each.idle = watermark, idle

    def stop(self, signal: Stop) -> None:
        """An input was stopped: what leaves in the end is a stop."""
        if self._stopping is None:
            self._stopping = signal
        self._stopping.holding |= signal.holding


class _Input(Stage):
    def __init__(self, merge: MergeStage, side: int) -> None:
        self._merge, self._side = merge, side
        self.watermark = NEVER
        self.idle = self.ended = False
        self.barrier: Barrier | None = None

    async def _let_in(self) -> None:
        while self.barrier is not None and self.barrier.keeper is not None:
            await self._merge.aligned.wait()

    async def take(self, chunk: Chunk) -> None:
        merge, count = self._merge, len(chunk)
        await self._let_in()
        async with merge.gate.turn(self.watermark):
            if self.idle:  # it counts again, and may be further than what counted so far
                self.idle = False
                await merge.moved()
            if not merge.sided:
                await merge.context.absorb(Notes({merge.name: Tally(taken=count, passed=count, given=count)}))
            columns = chunk.columns[: merge.columns]
            if merge.columns == TIMED:
                marks = MergedMarks(columns[MARK], columns[TIME], merge.combined, merge.others(self))
                columns = (*columns[:MARK], marks)
            if merge.sided:
                columns = (*columns, [self._side] * count, chunk.columns[KEY])
            await merge.out.take(Chunk(chunk.values, columns))

    async def signal(self, signal: Signal) -> None:
        merge = self._merge
        await self._let_in()
        async with merge.gate.turn(self.watermark):
            if isinstance(signal, Watermark):
                if merge.columns == TIMED:
                    self.watermark, self.idle = max(self.watermark, signal.time), False
                    await merge.moved()
            elif isinstance(signal, Idle):
                if merge.columns == TIMED:
                    self.idle = True
                    await merge.moved()
            elif isinstance(signal, Barrier):
                self.barrier = signal
                await merge.check()
            elif isinstance(signal, End):
                self.ended, self.idle = True, False
                if isinstance(signal, Stop):
                    merge.stop(signal)
                else:
                    self.watermark = FOREVER
                    if merge.columns == TIMED:
                        await merge.moved()
                await merge.check()
            else:
                await merge.out.signal(signal)
