"""What runs in worker processes: a single pipe, or a whole chain."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from rivusio_core.engine.chain import Chain
from rivusio_core.engine.concurrent import Outcome, Work
from rivusio_core.engine.context import RunContext
from rivusio_core.engine.lots import Lot
from rivusio_core.engine.notes import Notes
from rivusio_core.engine.opening import Opening
from rivusio_core.engine.process import ProcessPool
from rivusio_core.engine.stage import Chunk
from rivusio_core.engine.worker import portable
from rivusio_core.pipe import BasePipe
from rivusio_core.pipeline import steps_of

__all__ = ["ChainJob", "PipeJob", "remote_work"]

Answer = tuple[list[Chunk], Notes, Exception | None]


@dataclass
class _Job:
    pipe: BasePipe[Any, Any]
    opening: Opening | None = field(default=None, init=False)

    def _context(self) -> RunContext:
        return RunContext(RunContext.info_of(self.pipe.step_name, ()))

    async def close(self) -> None:
        """Tear the pipes down.

        Raises:
            Exception: what a `teardown` raised.
        """
        if self.opening is not None:
            for error in await self.opening.close():
                raise error


@dataclass
class PipeJob(_Job):
    """One pipe in a process of its own, called with an item at a time; retries and the like stay with the caller."""

    name: str
    call: Callable[[object], Awaitable[object]] | None = field(default=None, init=False)

    async def open(self) -> None:
        """Set the pipe up."""
        from rivusio_core.policy.options import PipeOptions  # only needed in the child

        if self.pipe.options.isolate and sys.platform != "win32":
            import resource

            _, hard = resource.getrlimit(resource.RLIMIT_CORE)
            resource.setrlimit(resource.RLIMIT_CORE, (0, hard))  # a crash is nothing to keep
        bare = self.pipe._copy()  # pyright: ignore[reportPrivateUsage]  # same package
        vars(bare)["options"] = PipeOptions(name=self.name)
        self.opening = Opening(self._context())
        self.call = (await self.opening.step(bare, self.name)).attempt
        if self.pipe.options.limits is not None:
            self.pipe.options.limits.confine()

    async def run(self, message: object) -> object:
        """The result for an item, a list for a flat pipe; for a `Lot` its `Answers`."""
        if self.call is None:
            raise RuntimeError("open() was not called")
        if isinstance(message, Lot):
            answers = await message.answered(self.call)
            answers.errors = {index: portable(error) for index, error in answers.errors.items()}
            return answers
        limits = self.pipe.options.limits
        if limits is None:
            return await self.call(message)
        try:
            with limits.counted():
                return await self.call(message)
        except MemoryError:
            limits.release()
            raise


@dataclass
class ChainJob(_Job):
    """A whole pipeline, called with a piece of a chunk at a time."""

    keeps_dead_letters: bool
    chain: Chain | None = field(default=None, init=False)

    async def open(self) -> None:
        """Set the pipes up."""
        from rivusio_core.engine.build import step_names  # it imports this module

        context = self._context()
        self.opening = Opening(context)
        pairs = zip(steps_of(self.pipe), step_names(self.pipe), strict=True)
        steps = [await self.opening.step(step, name) for step, name in pairs]
        self.chain = Chain(steps, context.clock, keeps_dead_letters=self.keeps_dead_letters)

    async def run(self, message: object) -> object:
        """Results, notes and the error that ends the run, if any."""
        if self.chain is None or not isinstance(message, Chunk):
            raise RuntimeError("open() was not called, or the message is no chunk")
        outcome, notes, ended = Outcome(), Notes(), None
        try:
            await self.chain.run(message, outcome.emit, notes)
        except Exception as error:  # noqa: BLE001  # user code may raise anything
            ended = error
        return outcome.chunks, notes, ended


def remote_work(pool: ProcessPool, context: RunContext) -> Work:
    """Sends pieces to a pool of processes that run a `ChainJob`."""

    async def work(piece: Chunk, outcome: Outcome) -> None:
        answer: Any = await pool.call(piece)  # a `ChainJob` answers with an `Answer`
        chunks, notes, error = answer
        outcome.chunks += chunks
        await context.absorb(notes)
        if error is not None:
            raise error

    return work
