"""From a pipeline to the stages that run it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import anyio.to_thread

from rivusio_core.clock import BlockingClock
from rivusio_core.engine.batching import BatchStage
from rivusio_core.engine.chain import Chain
from rivusio_core.engine.concurrent import Outcome, PieceStage, Work
from rivusio_core.engine.context import RunContext
from rivusio_core.engine.item_stage import ItemStage
from rivusio_core.engine.lots import lot_work
from rivusio_core.engine.nature import goes_in_lots, needs_loop
from rivusio_core.engine.notes import Notes
from rivusio_core.engine.opening import Opening
from rivusio_core.engine.process import ProcessPool
from rivusio_core.engine.stage import Chunk, Stage
from rivusio_core.engine.step import Step, drive
from rivusio_core.errors import ConfigError, PipeError
from rivusio_core.flow_pipes import Batch
from rivusio_core.parallel import Parallel
from rivusio_core.pipe import BasePipe
from rivusio_core.pipeline import steps_of

__all__ = ["ChainStage", "Segment", "build", "parallel_stage", "segments", "step_names"]


class ChainStage(Stage):
    """A chain at work on the task of whoever pushes it."""

    def __init__(self, chain: Chain, context: RunContext, out: Stage) -> None:
        self.out = out
        self.chain = chain
        self._context = context

    async def take(self, chunk: Chunk) -> None:
        notes = Notes()
        try:
            await self.chain.run(chunk, self.out.take, notes)
        except PipeError as error:
            await self._context.absorb(notes)
            await self.fail(error)
        except BaseException:
            await self._context.absorb(notes)
            raise
        await self._context.absorb(notes)


@dataclass(frozen=True)
class Segment:
    """Neighbouring steps that run in one stage: a fused chain, one concurrent step, or one batch."""

    pipes: tuple[BasePipe[Any, Any], ...]
    names: tuple[str, ...]

    @property
    def batch(self) -> Batch[Any] | None:
        """The batch step, where it is one."""
        only = self.pipes[0] if self.pipes else None
        return only if isinstance(only, Batch) else None

    @property
    def is_chain(self) -> bool:
        """Plain loops on the task of whoever pushes it."""
        return self.batch is None and not (len(self.pipes) == 1 and _is_apart(self.pipes[0]))

    @property
    def concurrency(self) -> int:
        """How many items may be in it at once."""
        return self.pipes[0].options.concurrency if len(self.pipes) == 1 else 1


def step_names(pipe: BasePipe[Any, Any]) -> tuple[str, ...]:
    """The names of the steps, made different where a pipe comes twice: `parse`, `parse-2`."""
    seen, names = dict[str, int](), list[str]()
    for step in steps_of(pipe):
        count = seen[step.step_name] = seen.get(step.step_name, 0) + 1
        names.append(step.step_name if count == 1 else f"{step.step_name}-{count}")
    return tuple(names)


def segments(pipe: BasePipe[Any, Any], names: Sequence[str] | None = None) -> list[Segment]:
    """Cut a pipeline where something works at its own pace: at concurrent steps and at batches."""
    found = list[Segment]()
    fused = list[tuple[BasePipe[Any, Any], str]]()

    def close() -> None:
        if fused:
            found.append(Segment(tuple(each for each, _ in fused), tuple(name for _, name in fused)))
            fused.clear()

    for step, name in zip(steps_of(pipe), names or step_names(pipe), strict=True):
        if isinstance(step, Batch) or _is_apart(step):
            close()
            found.append(Segment((step,), (name,)))
        else:
            fused.append((step, name))
    close()
    return found


def _is_apart(step: BasePipe[Any, Any]) -> bool:
    return step.options.concurrency > 1 or goes_in_lots(step)


async def build(
    pipe: BasePipe[Any, Any],
    context: RunContext,
    opening: Opening,
    out: Stage,
    *,
    columns: int = 1,
    names: Sequence[str] | None = None,
) -> tuple[Stage, list[Stage]]:
    """Set the pipes of a pipeline up and make the stages that run it; gives what to push, and the stages in order.

    `open` them all before, last one first. Where the pipeline has no steps, there are none, and `out` is pushed.

    Args:
        pipe: the pipeline.
        context: of the run.
        opening: takes over what was set up.
        out: where results and signals go.
        columns: how many values travel beside an item.
        names: of the steps, where they are to differ from the pipes' own.

    Raises:
        ConfigError: the options of a pipe do not go together.
        Exception: whatever a `setup` raises.
    """
    found, steps = segments(pipe, names), list[list[Step]]()
    for segment in found:
        pairs = zip(segment.pipes, segment.names, strict=True)
        steps.append([] if segment.batch else [await opening.step(each, name) for each, name in pairs])
    stages = list[Stage]()
    for segment, own in zip(reversed(found), reversed(steps), strict=True):
        stage, out = _stage(segment, own, context, columns, out)
        stages.append(stage)
    return out, stages[::-1]


def _stage(segment: Segment, steps: list[Step], context: RunContext, columns: int, out: Stage) -> tuple[Stage, Stage]:
    """The stage of a segment, and what to push in its place."""
    name, concurrency, profiler = segment.names[0], segment.concurrency, context.profiler
    if segment.batch is not None:
        stage: Stage = BatchStage(name, segment.batch.size, segment.batch.within, context, out)
        return stage, stage if profiler is None else profiler.stage(name, stage)
    keeps = context.dead_letters is not None
    if segment.is_chain:
        chain = Chain(steps, context.clock, keeps_dead_letters=keeps, columns=columns)
        stage = ChainStage(chain, context, out)
        return stage, stage if profiler is None else profiler.chain(stage, chain)
    if profiler is not None and steps[0].lots is None:
        steps = [profiler.concurrent_step(step, concurrency) for step in steps]
    chain = Chain(steps, context.clock, keeps_dead_letters=keeps, columns=columns)
    ordered = segment.pipes[0].options.ordered
    if steps[0].lots is not None:
        work = lot_work(chain, context)
        work = work if profiler is None else profiler.concurrent_work(name, concurrency, work)
        stage = PieceStage(work, concurrency, out, context, ordered=ordered, grain=None)
    elif steps[0].kind == "flat":
        stage = PieceStage(_work(chain, context), concurrency, out, context, ordered=ordered)
    else:
        stage = ItemStage(chain, concurrency, out, context, ordered=ordered)
    return stage, stage if profiler is None else profiler.concurrent_stage(name, stage)


def _work(chain: Chain, context: RunContext) -> Work:
    async def work(piece: Chunk, outcome: Outcome) -> None:
        notes = Notes()
        try:
            await chain.run(piece, outcome.emit, notes)
        finally:
            await context.absorb(notes)

    return work


async def parallel_stage(
    pipe: BasePipe[Any, Any], parallel: Parallel, context: RunContext, opening: Opening, out: Stage
) -> Stage:
    """One stage that runs a whole pipeline on several items at once.

    Raises:
        ConfigError: the pipeline cannot run so: it has a batch, or async pipes in threads.
        DefinitionError: a pipe cannot be sent to a process.
    """
    for step in steps_of(pipe):
        if isinstance(step, Batch):
            raise ConfigError(
                f"parallel={parallel.kind!r}: step {step.step_name!r} makes batches of neighbouring items, which "
                "parallel workers do not see; map up to it in parallel, and batch the results"
            )
    keeps = context.dead_letters is not None
    if parallel.kind == "process":
        from rivusio_core.engine.remote import ChainJob, remote_work  # imports this module

        pool = ProcessPool(ChainJob(pipe, keeps), parallel.workers, clock=context.clock)
        opening.closes(pipe.step_name, pool.close)
        await pool.start()
        return PieceStage(remote_work(pool, context), parallel.workers, out, context, grain=None)
    names = step_names(pipe)
    if parallel.kind == "thread":  # no event loop runs there: steps block, and wait by blocking
        if needs_loop(pipe):
            raise ConfigError(
                "parallel='thread' is for pipelines of plain sync pipes; this one waits in the event loop: use 'async'"
            )
        opening = opening.beside(RunContext(context.info, blocking=True))
    steps = [await opening.step(step, name) for step, name in zip(steps_of(pipe), names, strict=True)]
    if parallel.kind == "async":
        chain = Chain(steps, context.clock, keeps_dead_letters=keeps)
        return PieceStage(_work(chain, context), parallel.workers, out, context)
    chain = Chain(steps, BlockingClock(), keeps_dead_letters=keeps)
    return PieceStage(_thread_work(chain, context, parallel.workers), parallel.workers, out, context, grain=None)


def _thread_work(chain: Chain, context: RunContext, workers: int) -> Work:
    limiter = anyio.CapacityLimiter(workers)

    async def work(piece: Chunk, outcome: Outcome) -> None:
        notes = Notes()
        try:
            with context.clock.working():
                await anyio.to_thread.run_sync(lambda: drive(chain.run(piece, outcome.emit, notes)), limiter=limiter)
        finally:
            await context.absorb(notes)

    return work
