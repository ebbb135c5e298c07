"""Running pipelines: `run`, `arun`, `map`, `amap`, `opened`, and what a run can be given."""

from __future__ import annotations

import asyncio
import inspect
import itertools
import operator
import sys
import time
from collections.abc import AsyncIterable, AsyncIterator, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from types import TracebackType
from typing import Any, Generic, Self, TypedDict, TypeVar, cast

import anyio
from anyio.from_thread import BlockingPortal, start_blocking_portal

from rivusio_core.cardinality import not_one_to_one
from rivusio_core.clock import Clock
from rivusio_core.dead_letter import DeadLetter
from rivusio_core.engine.batching import batches
from rivusio_core.engine.build import segments, step_names
from rivusio_core.engine.chain import Chain
from rivusio_core.engine.context import DeadLetterReceiver, RunContext
from rivusio_core.engine.feed import Growth, pull
from rivusio_core.engine.notes import Notes
from rivusio_core.engine.opening import Opening, check_options, needs_loop, parts_of
from rivusio_core.engine.session import Session, with_closing_errors
from rivusio_core.engine.stage import Chunk
from rivusio_core.engine.step import Step, drive
from rivusio_core.errors import CardinalityError, ConfigError
from rivusio_core.listener import Listener
from rivusio_core.parallel import Parallel
from rivusio_core.pipe import BasePipe
from rivusio_core.pipeline import steps_of

__all__ = ["Opened", "RunSettings", "amap_items", "map_items"]

In = TypeVar("In", contravariant=True)
Out = TypeVar("Out", covariant=True)
I = TypeVar("I")  # noqa: E741  # the item
O = TypeVar("O")  # noqa: E741  # the result


class RunSettings(TypedDict, total=False):
    """What `map`, `amap` and `opened` take besides the items.

    parallel: run the whole pipeline on several items at once.
    dead_letters: a list, or a function (async where an event loop runs), that takes items that failed for good.
    listeners: hear of the run's counts and failures.
    clock: the time; tests bring their own.
    """

    parallel: Parallel | None
    dead_letters: list[DeadLetter] | DeadLetterReceiver | None
    listeners: Sequence[Listener]
    clock: Clock | None


def map_items(pipe: BasePipe[I, O], items: Iterable[I], settings: RunSettings) -> Iterator[O]:
    """`BasePipe.map`: checks at once, runs as results are asked for."""
    _check(pipe, settings)
    if _in_loop(pipe, settings):
        _refuse_running_loop("map", "amap")
        return _map_in_loop(pipe, items, settings)
    return _map_here(pipe, items, _context(pipe, settings, blocking=True))


def amap_items(pipe: BasePipe[I, O], items: Iterable[I] | AsyncIterable[I], settings: RunSettings) -> AsyncIterator[O]:
    """`BasePipe.amap`: checks at once, runs as results are asked for."""
    _check(pipe, settings)
    return _amap(pipe, items, settings)


def _map_here(pipe: BasePipe[Any, O], items: Iterable[Any], context: RunContext) -> Iterator[O]:
    """In the caller's own thread: chains of plain calls, one row at a time."""
    opening, error = Opening(context), cast("BaseException | None", None)
    listening = bool(context.listeners)

    def absorb(notes: Notes) -> None:
        drive(context.absorb(notes))

    context.listeners.run_started(context.info)
    try:
        chains = list[Chain]()
        cut = segments(pipe)
        for segment in cut:
            pairs = zip(segment.pipes, segment.names, strict=True)
            steps = [] if segment.batch else [drive(opening.step(each, name)) for each, name in pairs]
            chains.append(_chain(steps, context))
        rows: Iterator[Any] = zip(items, itertools.count(), strict=False)
        for index, (segment, chain) in enumerate(zip(cut, chains, strict=True)):
            last = index == len(cut) - 1
            if segment.batch is not None:
                rows = batches(rows, segment.batch.size, segment.batch.within, context.clock)
                rows = map(operator.itemgetter(0), rows) if last else rows
            else:
                rows = chain.iterate(rows, absorb, last=last, counted=listening)
        yield from cast("Iterator[O]", rows)
    except BaseException as raised:
        error = raised
        raise
    finally:
        closing = drive(opening.close())
        ended = None if isinstance(error, GeneratorExit) else error
        final = with_closing_errors(ended, closing)
        context.listeners.run_ended(context.info, final)
        if error is None and final is not None:
            raise final


def _chain(steps: list[Step], context: RunContext, *, strict: bool = False) -> Chain:
    return Chain(steps, context.clock, keeps_dead_letters=context.dead_letters is not None, strict=strict)


def _map_in_loop(pipe: BasePipe[Any, O], items: Iterable[Any], settings: RunSettings) -> Iterator[O]:
    """An event loop in a thread of its own does the work; the caller's thread reads the input and takes the results."""
    iterator, growth = iter(items), Growth()
    with start_blocking_portal() as portal:
        session = portal.call(_started, pipe, None, settings)
        try:
            lot: list[Any] | None = None
            handed = 0.0
            while (values := portal.call(session.step, lot)) is not None:
                lot = None
                if values:
                    yield from values
                else:
                    growth.adapt(time.monotonic() - handed)
                    lot = pull(iterator, growth.size)
                    handed = time.monotonic()
        finally:
            portal.call(session.stop)


async def _started(pipe: BasePipe[Any, Any], items: Any, settings: RunSettings) -> Session:
    session = Session(pipe, items, _context(pipe, settings), settings.get("parallel"))
    session.start()
    return session


async def _amap(
    pipe: BasePipe[Any, O], items: Iterable[Any] | AsyncIterable[Any], settings: RunSettings
) -> AsyncIterator[O]:
    session = await _started(pipe, items, settings)
    try:
        while (values := await session.results()) is not None:
            for value in values:
                yield value
    finally:
        await session.stop()


class Opened(Generic[In, Out]):
    """A pipeline set up once for many calls: `with pipeline.opened() as p: p.run(item)`, or `async with` and `arun`."""

    def __init__(self, pipe: BasePipe[In, Out], settings: RunSettings) -> None:
        loose = not_one_to_one(pipe)
        if loose is not None:
            raise CardinalityError(
                f"step {loose.step_name!r} may give none or several results for an item; "
                f"use map or amap, which take many items: list({pipe.step_name}.map([item]))"
            )
        self._pipe, self._settings = pipe, settings
        self._in_loop = _in_loop(pipe, settings)
        self._stack = ExitStack()
        self._portal: BlockingPortal | None = None
        self._run: _OneByOne | None = None

    def __enter__(self) -> Self:
        """Set up.

        Raises:
            RuntimeError: an async pipe is in it and an event loop is running; use `async with pipeline.aopened()`.
        """
        run = _OneByOne(self._pipe, self._settings, blocking=not self._in_loop)
        with ExitStack() as stack:
            if self._in_loop:
                _refuse_running_loop("run", "arun")
                self._portal = stack.enter_context(start_blocking_portal())
                stack.enter_context(self._portal.wrap_async_context_manager(run))
            else:
                stack.enter_context(_driven(run))
            self._stack = stack.pop_all()
        self._run = run
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Tear down."""
        self._run = None
        self._stack.__exit__(kind, error, trace)

    async def __aenter__(self) -> Self:
        """Set up, in the running event loop."""
        self._run = await _OneByOne(self._pipe, self._settings, blocking=False).__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Tear down."""
        run, self._run = self._open(), None
        await run.__aexit__(kind, error, trace)

    def run(self, item: In) -> Out:
        """The result for one item.

        Raises:
            PipeError: a pipe failed.
        """
        run = self._open()
        if self._portal is not None:
            return cast("Out", self._portal.call(run.one, item))
        return cast("Out", drive(run.one(item)))

    async def arun(self, item: In) -> Out:
        """The result for one item.

        Raises:
            PipeError: a pipe failed.
        """
        return cast("Out", await self._open().one(item))

    def _open(self) -> _OneByOne:
        if self._run is None:
            raise RuntimeError("not opened; use it as `with pipeline.opened() as p:` or `async with pipeline.aopened() as p:`")
        return self._run


@contextmanager
def _driven(run: _OneByOne) -> Generator[None, None, None]:
    """Opened and closed in the caller's own thread."""
    drive(run.__aenter__())
    error: BaseException | None = None
    try:
        yield
    except BaseException as raised:
        error = raised
        raise
    finally:
        drive(run.__aexit__(None, error, None))


class _OneByOne:
    """The opened pipes of a pipeline, as one chain that takes single items."""

    def __init__(self, pipe: BasePipe[Any, Any], settings: RunSettings, *, blocking: bool) -> None:
        self._pipe = pipe
        self._context = _context(pipe, settings, blocking=blocking)
        self._opening = Opening(self._context)
        self._chain = _chain([], self._context)

    async def __aenter__(self) -> Self:
        pairs = zip(steps_of(self._pipe), step_names(self._pipe), strict=True)
        try:
            steps = [await self._opening.step(step, name) for step, name in pairs]
        except BaseException as error:
            with_closing_errors(error, await self._close())
            raise
        self._chain = _chain(steps, self._context, strict=True)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        final = with_closing_errors(error, await self._close())
        if error is None and final is not None:
            raise final

    async def _close(self) -> list[Exception]:
        errors = list[Exception]()
        with nullcontext() if self._context.blocking else anyio.CancelScope(shield=True):
            errors = await self._opening.close()
        return errors

    async def one(self, item: object) -> object:
        results, notes = list[Any](), Notes()

        async def emit(chunk: Chunk) -> None:
            results.extend(chunk.values)

        try:
            await self._chain.run(Chunk([item], ([None],)), emit, notes)
        finally:
            await self._context.absorb(notes)
        return results[0]


# ------------------------------------------------------------------------------------------------- settings


def _context(pipe: BasePipe[Any, Any], settings: RunSettings, *, blocking: bool = False) -> RunContext:
    given = settings.get("dead_letters")
    receiver = given if given is None or callable(given) else given.append
    return RunContext(
        RunContext.info_of(pipe.step_name, step_names(pipe)),
        listeners=settings.get("listeners", ()),
        dead_letters=receiver,
        clock=settings.get("clock"),
        blocking=blocking,
    )


def _in_loop(pipe: BasePipe[Any, Any], settings: RunSettings) -> bool:
    receiver = settings.get("dead_letters")
    waits = settings.get("parallel") is not None or settings.get("clock") is not None
    return waits or inspect.iscoroutinefunction(receiver) or needs_loop(pipe)


def _check(pipe: BasePipe[Any, Any], settings: RunSettings) -> None:
    """Find what is wrong before anything runs."""
    unknown = sorted(set(settings) - set(RunSettings.__annotations__))
    if unknown:
        raise ConfigError(f"no such setting: {', '.join(unknown)}; there are {', '.join(RunSettings.__annotations__)}")
    for step in _all_steps(pipe):
        check_options(step, step.step_name)
        if step.options.on_error == "dead_letter" and settings.get("dead_letters") is None:
            raise ConfigError(
                f"pipe {step.step_name!r} sends failed items to dead letters, but this run has no place for them; "
                "pass dead_letters=[] (a list) or dead_letters=function"
            )


def _all_steps(pipe: BasePipe[Any, Any]) -> Iterator[BasePipe[Any, Any]]:
    for step in steps_of(pipe):
        yield step
        for part in parts_of(step):
            yield from _all_steps(part)


def _refuse_running_loop(called: str, instead: str) -> None:
    trio = sys.modules.get("trio")
    running = trio is not None and bool(trio.lowlevel.in_trio_run())
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        running = True
    if running:
        raise RuntimeError(
            f"{called}() would block the event loop that is already running here; await pipeline.{instead}(...) instead"
        )


