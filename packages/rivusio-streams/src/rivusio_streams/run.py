"""A run of a flow as something to hold: started, watched, stopped."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import ContextVar
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

import anyio
import anyio.from_thread
import anyio.lowlevel

from rivusio_core.clock import Clock, SystemClock
from rivusio_core.duration import Duration, duration_text, seconds
from rivusio_core.errors import CheckpointError
from rivusio_core.event_loop import running_loop
from rivusio_core.run_record import RunRecord
from rivusio_streams.config import RunConfig
from rivusio_streams.plan import Plan
from rivusio_streams.report import Report

if TYPE_CHECKING:
    from rivusio_streams.engine.run import FlowRun  # flows can be described without the engine

__all__ = ["Run", "current_run"]

R = TypeVar("R")
_log = logging.getLogger("rivusio")
_CURRENT: ContextVar[Run | None] = ContextVar("rivusio_run", default=None)


def current_run() -> Run:
    """The run that calls the calling code: in a pipe, a source, a sink or a listener.

    Raises:
        RuntimeError: no run of a flow calls it, or it was called in another process.
    """
    found = _CURRENT.get()
    if found is None:
        raise RuntimeError("current_run(): no run of a flow calls this code")
    return found


class Run:
    """One run of a flow, made by `Flow.prepare` or `Flow.start`. All methods may be called from any thread.

    Leaving it as a context manager stops it and waits for its end.

    Args:
        plan: the flow, found to be without fault.
        config: the settings.
        name: of the run.
        stop: set from outside, in the event loop of the run, to stop it.

    Example:
        >>> from rivusio_streams import Stream
        >>> results = list[int]()
        >>> run = Stream.read([1, 2, 3]).write(results).start()
        >>> print(run.wait("10s").stopped, results, run.status().state)
        False [1, 2, 3] finished
    """

    def __init__(self, plan: Plan, config: RunConfig, name: str, stop: anyio.Event | None = None) -> None:
        self._plan, self._config, self._name = plan, config, name
        self._clock: Clock = config.clock or SystemClock()
        self._stop = stop or anyio.Event()
        self._done = Future[Report]()
        self._lock = threading.Lock()
        self._begun = self._over = False
        self._loop: tuple[int, anyio.lowlevel.EventLoopToken] | None = None
        """The thread and the event loop in which it runs."""
        self._calls = 0
        """From other threads, under way in the event loop."""
        self._engine: FlowRun | None = None
        self._waiting: str | None = None
        """What it failed with, while it waits to begin again."""
        self._restarts = 0

    # ------------------------------------------------------------------------------------------------- running it

    async def arun(self) -> Report:
        """Run it here, until the end of the input or until stopped.

        Raises:
            RuntimeError: it was started already.
            DefinitionError, RunError: as `Flow.arun` does.
        """
        self._begin()
        return await self._arun()

    def run(self) -> Report:
        """Run it here, from sync code.

        Raises:
            RuntimeError: it was started already, or an event loop is running here already.
            DefinitionError, RunError: as `Flow.arun` does.
        """
        if running_loop() is not None:
            raise RuntimeError(
                "run() would block the event loop that is already running here; await flow.arun(...) instead"
            )
        self._begin()
        return anyio.run(self._arun)

    def start(self) -> Run:
        """Run it in a thread of its own, which ends with the program as if killed; gives itself.

        Raises:
            RuntimeError: it was started already.
        """
        self._begin()
        threading.Thread(target=self._in_thread, name=f"rivusio: {self._name}", daemon=True).start()
        return self

    def wait(self, timeout: Duration | None = None) -> Report:
        """Block until it is over.

        Args:
            timeout: how long at most.

        Raises:
            TimeoutError: it is not over by then, and goes on.
            RuntimeError: it was not started, or it runs in the calling thread.
            RunError: what ended it.
        """
        if not self._begun:
            raise RuntimeError("this run was not started: call start() first")
        if self._loop is not None and self._loop[0] == threading.get_ident() and not self._over:
            raise RuntimeError("wait() would block the event loop of this very run")
        try:
            return self._done.result(None if timeout is None else seconds(timeout, "timeout"))
        except TimeoutError:
            if self._done.done():  # it ended with one
                raise
            raise TimeoutError(f"run {self._name} is not over after {timeout}; it goes on") from None

    def _begin(self) -> None:
        with self._lock:
            if self._begun:
                raise RuntimeError("this run was started already; make another with flow.prepare(...)")
            self._begun = True

    def _in_thread(self) -> None:
        try:
            anyio.run(self._arun)
        except BaseException as error:  # noqa: BLE001  # it is raised to who waits
            if not self._done.done():  # the loop itself could not be started
                self._done.set_exception(error)

    async def _arun(self) -> Report:
        with self._lock:
            self._loop = (threading.get_ident(), anyio.lowlevel.current_token())
        current = _CURRENT.set(self)
        try:
            report = await self._supervised()
        except BaseException as error:
            self._done.set_exception(error)
            raise
        else:
            self._done.set_result(report)
            return report
        finally:
            _CURRENT.reset(current)
            with self._lock:
                self._over = True
            while self._calls:  # whoever is calling is answered while there is a loop
                with anyio.CancelScope(shield=True):
                    await anyio.lowlevel.checkpoint()

    # ------------------------------------------------------------------------------------------------- beginning again

    async def _supervised(self) -> Report:
        from rivusio_streams.engine.run import FlowRun

        failures, opened = 0, False
        while True:
            engine = self._engine = FlowRun(self._plan, self._config, self._name, self._stop)
            try:
                return replace(await engine.run(), restarts=self._restarts)
            except Exception as error:
                opened = opened or engine.working.is_set()
                failures = 1 if engine.advanced else failures + 1
                restart = None if self._stop.is_set() or engine.stuck else self._config.restart
                if restart is None or not restart.again(error, failures, opened=opened):
                    raise
                if not await self._waits(error, restart.wait(error, failures)):
                    raise
            self._restarts += 1

    async def _waits(self, error: Exception, delay: float) -> bool:
        """Wait before beginning again; False: it was stopped meanwhile."""
        lasts = duration_text(round(delay * 1_000_000))
        self._waiting = f"it begins again from its last checkpoint, {lasts} after it failed: {error}"
        _log.warning("run %s failed and begins again in %s: %s", self._name, lasts, error)
        if self._config.record is not None:
            from rivusio_streams.engine.recorder import Recorder

            await Recorder(self._config.record, self._clock, self._status).once()
        async with anyio.create_task_group() as group:

            async def sleep() -> None:
                await self._clock.sleep(delay)
                group.cancel_scope.cancel()

            group.start_soon(sleep, name="waiting to begin again")
            await self._stop.wait()
            group.cancel_scope.cancel()
        self._waiting = None
        return not self._stop.is_set()

    # ------------------------------------------------------------------------------------------------- asking it

    def stop(self) -> None:
        """Have it stop cleanly: no more is read, what was read is dealt with. Returns at once; `wait` for the end.

        It may be called more than once, before the start, and from inside the run: a pipe, a sink, a listener.
        """
        if not self._over:
            self._in_loop(self._stop.set)

    def status(self) -> RunRecord:
        """What it does: state, counts by step, watermarks, what is kept, and why things are as they are."""
        return self._in_loop(self._status)

    def savepoint(self, name: str) -> int:
        """Make a checkpoint now and keep it under a name until it is thrown away; gives its number.

        Raises:
            CheckpointError: the run has no checkpoints, or is not going on.
            CheckpointWriteError: it is not kept, or there is a savepoint of this name.
            RuntimeError: called in the event loop of the run, or by one of its steps, which would wait for itself.
        """
        if self._loop is not None and self._loop[0] == threading.get_ident() and not self._over:
            raise RuntimeError("savepoint() would block the event loop of its run; await asavepoint() instead")
        token = self._entered()
        if token is None:
            raise CheckpointError(f"run {self._name} is not going on, so there is nothing to keep as {name!r}")
        try:
            return anyio.from_thread.run(self.asavepoint, name, token=token)
        finally:
            self._left()

    async def asavepoint(self, name: str) -> int:
        """The same from async code, in the event loop of the run.

        Raises:
            CheckpointError, CheckpointWriteError, RuntimeError: as `savepoint` does.
        """
        if _CURRENT.get() is self:
            raise RuntimeError("a step of a run cannot make a savepoint of it: it would wait for itself")
        if self._engine is None or self._over or self._waiting is not None:
            raise CheckpointError(f"run {self._name} is not going on, so there is nothing to keep as {name!r}")
        return await self._engine.savepoint(name)

    def _status(self) -> RunRecord:
        record = None if self._engine is None else self._engine.record()
        if record is None:
            record = RunRecord(name=self._name, id="", state="opening")
        if self._waiting is not None:
            record = record.model_copy(update={"state": "waiting", "findings": [self._waiting, *record.findings]})
        return record

    def _in_loop(self, call: Callable[[], R]) -> R:
        token = self._entered()
        if token is None:  # nothing goes on that it could disturb, or it goes on in this thread
            return call()
        try:
            return anyio.from_thread.run_sync(call, token=token)
        finally:
            self._left()

    def _entered(self) -> anyio.lowlevel.EventLoopToken | None:
        """The event loop, held until `_left` is called; None: it is not going on, or in this thread."""
        with self._lock:
            if self._loop is None or self._over or self._loop[0] == threading.get_ident():
                return None
            self._calls += 1
            return self._loop[1]

    def _left(self) -> None:
        with self._lock:
            self._calls -= 1

    def __enter__(self) -> Run:
        if not self._begun:
            self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if error is None:
            self.wait()
        else:  # that one is to be seen
            self._done.exception()

    def __repr__(self) -> str:
        return f"Run({self._name!r}, {self.status().state})"
