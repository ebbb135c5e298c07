"""A pipeline that was set up once, for many calls."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, cast

import anyio
from anyio.from_thread import BlockingPortal, start_blocking_portal

from rivusio_core.cardinality import not_one_to_one
from rivusio_core.engine.build import step_names
from rivusio_core.engine.chain import Chain
from rivusio_core.engine.notes import Notes
from rivusio_core.engine.opening import Opening
from rivusio_core.engine.session import with_closing_errors
from rivusio_core.engine.stage import Chunk
from rivusio_core.engine.step import drive
from rivusio_core.errors import CardinalityError
from rivusio_core.pipe import BasePipe
from rivusio_core.pipeline import steps_of
from rivusio_core.run_settings import RunSettings, context_of, refuse_running_loop, runs_in_loop

__all__ = ["Opened"]

In = TypeVar("In", contravariant=True)
Out = TypeVar("Out", covariant=True)


class Opened(Generic[In, Out]):
    """A pipeline set up once for many calls: `with pipeline.opened() as p: p.run(item)`, or `async with` and `arun`."""

    def __init__(self, pipe: BasePipe[In, Out], settings: RunSettings) -> None:
        loose = not_one_to_one(pipe)
        if loose is not None:
            raise CardinalityError(
                f"step {loose.step_name!r} may give none or several results for an item; "
                "use map or amap, which take many items, as in list(pipeline.map([item]))"
            )
        self._pipe, self._settings = pipe, settings
        self._in_loop = runs_in_loop(pipe, settings)
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
                refuse_running_loop("run", "arun")
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
            raise RuntimeError(
                "not opened; use `with pipeline.opened() as p:` or `async with pipeline.aopened() as p:`"
            )
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
        self._context = context_of(pipe, settings, blocking=blocking)
        self._opening = Opening(self._context)
        self._chain = Chain([], self._context.clock, keeps_dead_letters=False)

    async def __aenter__(self) -> Self:
        self._context.listeners.run_started(self._context.info)
        pairs = zip(steps_of(self._pipe), step_names(self._pipe), strict=True)
        try:
            steps = [await self._opening.step(step, name) for step, name in pairs]
        except BaseException as error:
            with_closing_errors(error, await self._close())
            self._context.listeners.run_ended(self._context.info, error)
            raise
        self._chain = Chain(
            steps, self._context.clock, keeps_dead_letters=self._context.dead_letters is not None, strict=True
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        final = with_closing_errors(error, await self._close())
        self._context.listeners.run_ended(self._context.info, final)
        if error is None and final is not None:
            raise final

    async def _close(self) -> list[Exception]:
        if self._context.blocking:
            return await self._opening.close()
        errors = list[Exception]()
        with anyio.CancelScope(shield=True):
            errors += await self._opening.close()
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
