"""One run of a pipeline in an event loop: everything it starts lives and ends in one task of its own.

The task is not a child of whoever reads the results: an async generator must not hold a task group open while it is
suspended. Closing or dropping the generator cancels the task and waits for it.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from contextlib import aclosing
from typing import Any, cast

import anyio
import anyio.lowlevel

from rivusio_core.duration import Duration
from rivusio_core.engine.build import build, parallel_stage
from rivusio_core.engine.context import RunContext
from rivusio_core.engine.feed import Mailbox, batches_of, read_ahead
from rivusio_core.engine.opening import Opening
from rivusio_core.engine.stage import Chunk, End, Fail, Signal, Stage
from rivusio_core.engine.watchdog import BLOCKED_AFTER, Watchdog
from rivusio_core.errors import RivusioError
from rivusio_core.event_loop import running_loop
from rivusio_core.parallel import Parallel
from rivusio_core.pipe import BasePipe

__all__ = ["Session", "first_error", "with_closing_errors"]

_HELD = 1_024
"""Results that wait for their reader at most, besides those of the chunk that filled the place."""


class Session:
    """A run and the place where its results wait. Made inside the event loop.

    Args:
        pipe: what to run.
        items: the input; None where another thread hands it to `mailbox`.
        context: of the run.
        parallel: how to run it on several items at once.
        blocked_after: see `Watchdog`.
    """

    def __init__(
        self,
        pipe: BasePipe[Any, Any],
        items: Iterable[Any] | AsyncIterable[Any] | None,
        context: RunContext,
        parallel: Parallel | None,
        blocked_after: Duration | None = BLOCKED_AFTER,
    ) -> None:
        self._watchdog = Watchdog(context.info, context.listeners, blocked_after)
        self._pipe, self._items, self._context, self._parallel = pipe, items, context, parallel
        self._scope = anyio.CancelScope()
        self._outlet = _Outlet(self._tell)
        self._changed = anyio.Event()
        self.mailbox = Mailbox(self._tell)
        self.finished = anyio.Event()
        self.error: BaseException | None = None
        self._task: object = None

    def start(self) -> None:
        """Start the run's task."""
        if running_loop() == "trio":
            sys.modules["trio"].lowlevel.spawn_system_task(self._main)
        else:
            self._task = task = asyncio.get_running_loop().create_task(self._main())  # kept: the loop holds it weakly
            task.add_done_callback(self._over)

    def _over(self, _: object) -> None:
        """The task is done: cancelled before its first step, by a loop that ends, it told nobody."""
        self.finished.set()
        self._tell()

    async def results(self) -> list[Any] | None:
        """The next results, or None at the end.

        Raises:
            RivusioError: what ended the run, after all results before it.
        """
        while not self._outlet.waiting:
            if self.finished.is_set():
                if self.error is not None:
                    raise self.error
                return None
            await self._wait()
        return self._outlet.collect()

    async def step(self, lot: list[Any] | None) -> tuple[list[Any] | None, bool]:
        """Hand a lot in (an empty one: the end), and give results, and whether another lot is needed.

        There are results, or another lot is needed; None in place of results is the end.
        """
        if lot is not None:
            self.mailbox.put(lot)
        while not self._outlet.waiting and not self.finished.is_set() and not self.mailbox.hungry:
            await self._wait()
        if self._outlet.waiting:
            results = self._outlet.collect()
            if not self.mailbox.hungry:
                # It may be, now that there is room. Being asked once more costs more than waiting for it here.
                await anyio.lowlevel.checkpoint()
                await anyio.lowlevel.checkpoint()
            return results, self.mailbox.hungry
        return (await self.results() if self.finished.is_set() else []), self.mailbox.hungry

    async def stop(self) -> None:
        """End the run now and wait until everything of it is closed."""
        self._scope.cancel()
        with anyio.CancelScope(shield=True):
            await self.finished.wait()

    def _tell(self) -> None:
        self._changed.set()

    async def _wait(self) -> None:
        self._changed = anyio.Event()
        await self._changed.wait()

    async def _main(self) -> None:
        listeners, info = self._context.listeners, self._context.info
        listeners.run_started(info)
        opening = Opening(self._context)
        error: BaseException | None = None
        try:
            with self._scope, self._watchdog:
                try:
                    await self._run(opening)
                except Exception as raised:  # noqa: BLE001  # user code may raise anything
                    error = first_error(raised)
                finally:
                    with anyio.CancelScope(shield=True):
                        error = with_closing_errors(error, await opening.close())
        except BaseException as raised:
            error = raised
            raise
        finally:
            self.error = error
            listeners.run_ended(info, error)
            self.finished.set()
            self._tell()

    async def _run(self, opening: Opening) -> None:
        context, profiler = self._context, self._context.profiler
        out: Stage = self._outlet if profiler is None else profiler.stage("results", self._outlet, "sink")
        if self._parallel is not None:
            first = await parallel_stage(self._pipe, self._parallel, context, opening, out)
            stages = [first]
        else:
            first, stages = await build(self._pipe, context, opening, out)
        async with anyio.create_task_group() as group:
            for stage in reversed(stages):
                await stage.open(group)
            await self._feed(first)
            await first.signal(End())

    async def _feed(self, first: Stage) -> None:
        position = 0

        async def take(lot: list[Any]) -> None:
            nonlocal position
            start, position = position, position + len(lot)
            await first.take(Chunk(lot, (range(start, position),)))

        if self._items is None:
            lots = self.mailbox.lots()
        elif isinstance(self._items, AsyncIterable):
            await read_ahead(self._items, cast("Callable[[list[Any]], Awaitable[None]]", take), _HELD)
            return
        else:
            lots = batches_of(self._items)
        async with aclosing(lots):
            async for lot in lots:
                await take(lot)


class _Outlet(Stage):
    """Where results wait for their reader; full, it holds the run back."""

    def __init__(self, tell: Callable[[], None]) -> None:
        self.waiting = deque[Chunk]()
        self._count = 0
        self._tell = tell
        self._room = anyio.Event()

    async def take(self, chunk: Chunk) -> None:
        self.waiting.append(chunk)
        self._count += len(chunk)
        self._tell()
        while self._count >= _HELD:
            self._room = anyio.Event()
            await self._room.wait()

    async def signal(self, signal: Signal) -> None:
        """Raise what ended the run. Of the end of results `finished` tells, once everything is closed."""
        if isinstance(signal, Fail):
            raise signal.error

    def collect(self) -> list[Any]:
        """Everything that waits."""
        first = self.waiting.popleft().values
        values = [*first, *(value for chunk in self.waiting for value in chunk.values)] if self.waiting else first
        self.waiting.clear()
        self._count = 0
        self._room.set()
        return values


def first_error(error: BaseException) -> BaseException:
    """The one error to raise for a group: the first of ours, else the first; others are named in a note."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    leaves = list[BaseException]()

    def collect(group: BaseExceptionGroup[BaseException]) -> None:
        for each in group.exceptions:
            if isinstance(each, BaseExceptionGroup):
                collect(cast("BaseExceptionGroup[BaseException]", each))
            else:
                leaves.append(each)

    collect(cast("BaseExceptionGroup[BaseException]", error))
    chosen = next((each for each in leaves if isinstance(each, RivusioError)), leaves[0])
    for other in leaves:
        if other is not chosen:
            chosen.add_note(f"at the same time: {type(other).__name__}")
    return chosen


def with_closing_errors(error: BaseException | None, closing: list[Exception]) -> BaseException | None:
    """One error for a run and the closing of it: what ended the run, else what failed first in closing it."""
    for each in closing:
        if error is None:
            error = each
        else:
            notes = "; ".join(getattr(each, "__notes__", ()))
            error.add_note(f"also: {type(each).__name__} {notes}")
    return error
