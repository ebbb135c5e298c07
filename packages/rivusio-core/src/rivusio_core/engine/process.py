"""Worker processes that stay for a run, on asyncio and trio.

A worker is a fresh interpreter that keeps one job, set up once, and answers one message after the other. Unlike
`anyio.to_process` it is torn down in order, and its state belongs to one run; unlike `multiprocessing` it needs no
threads here and leaves no process of its own behind.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import cast

import anyio
import anyio.abc
import anyio.streams.buffered

from rivusio_core.clock import Clock, SystemClock
from rivusio_core.engine.frames import FrameKind, pack, read_async, unpack
from rivusio_core.engine.worker import BOOTSTRAP, Job, Start, imports_main
from rivusio_core.errors import DefinitionError, Fatal, LimitExceeded, PipeCrashed, PipeError, RivusioError, describe
from rivusio_core.event_loop import running_loop
from rivusio_core.policy.layer import Call
from rivusio_core.policy.limits import Limits
from rivusio_core.policy.timeout import Timeout

__all__ = ["Job", "ProcessPool", "WorkerProcess", "payload_of"]

_GONE = (
    anyio.EndOfStream,
    anyio.IncompleteRead,
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    ConnectionError,
)

_GRACE = 5.0
"""Seconds of real time that a worker has to end once it has nothing left to do."""


class WorkerProcess:
    """One worker. Whatever cuts a call short (cancellation, a timeout) kills it; then `alive` is false."""

    def __init__(self) -> None:
        self._process: anyio.abc.Process | None = None
        self._replies: anyio.streams.buffered.BufferedByteReceiveStream | None = None

    @property
    def alive(self) -> bool:
        """It was started, and has not ended as far as is known."""
        return self._process is not None and self._process.returncode is None

    async def start(self, payload: bytes) -> None:
        """Start the process and open its job.

        Args:
            payload: a pickled `Job`.

        Raises:
            DefinitionError: the job cannot be imported there, or starting it is part of importing the user's script.
            PipeError: the process died.
            Exception: what `Job.open` raised, with the stack there as a note.
        """
        # What a worker makes of a class of `__main__` comes back as one of `__mp_main__`; the import makes that known.
        importlib.import_module("multiprocessing")
        if imports_main():
            raise DefinitionError(
                "a worker process imports the script that started it; put what runs there under "
                "`if __name__ == '__main__':`"
            )
        first = pack(FrameKind.START, Start(_backend(), _main_module(), payload))
        paths = [path or str(Path.cwd()) for path in sys.path]
        command = [sys.executable, *_interpreter_options(), "-c", BOOTSTRAP, *paths]
        self._process = await anyio.open_process(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=None, start_new_session=True
        )
        if self._process.stdout is None:
            raise AssertionError("asked for a pipe")
        self._replies = anyio.streams.buffered.BufferedByteReceiveStream(self._process.stdout)
        try:
            await self._exchange(first)
        except BaseException:
            await self._end()  # a worker whose job cannot be opened ends by itself
            raise

    async def call(self, message: object) -> object:
        """The job's answer to a message.

        Raises:
            PipeError: the message cannot be sent.
            PipeCrashed: the process died.
            Exception: what `Job.run` raised, with the stack there as a note.
        """
        try:
            pieces = pack(FrameKind.RUN, message)
        except Exception as error:
            name = type(message).__name__
            raise PipeError(f"its item, of type {name}, cannot be sent to a worker process", cause=error) from error
        return await self._exchange(pieces)

    async def close(self) -> None:
        """Close the job and wait until the process has ended.

        Raises:
            PipeError: the process died before.
            Exception: what `Job.close` raised, with the stack there as a note.
        """
        try:
            if self._process is not None:
                await self._exchange(pack(FrameKind.CLOSE, None))
        finally:
            await self._end()

    def kill(self) -> None:
        """End the process now, and what it has started; a call under way fails."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            if sys.platform == "win32":
                process.kill()
            else:
                os.killpg(process.pid, signal.SIGKILL)  # it began a session: nobody else is in its group

    async def abandon(self) -> None:
        """End the process now, and wait until it has ended."""
        self.kill()
        await self._end()

    async def _exchange(self, pieces: list[bytes | memoryview]) -> object:
        process, replies = self._process, self._replies
        if process is None or process.stdin is None or replies is None:
            raise PipeError("the worker process has ended")
        try:
            for piece in pieces:
                await process.stdin.send(cast("bytes", piece))  # both event loops take anything bytes-like
            kind, body = await read_async(replies.receive_exactly)
        except _GONE:
            code = await self._end()
            crashed = PipeCrashed(code=code)
            named = f", {crashed.signal}" if crashed.signal else ""
            crashed.args = (f"its worker process died (exit code {code}{named})",)
            raise crashed from None
        except BaseException:  # cancelled: whatever it computes now is nobody's answer
            await self.abandon()
            raise
        try:
            answer = unpack(body)
        except Exception as error:
            raise PipeError("the answer of its worker process cannot be read", cause=error) from error
        if kind is FrameKind.FAILED and isinstance(answer, Exception):
            raise answer
        return answer

    async def _end(self) -> int | None:
        """Wait until the process has ended, which it is about to do, and clean up; gives its exit code."""
        process, self._process = self._process, None
        if process is None:
            return None
        with anyio.CancelScope(shield=True):
            with anyio.move_on_after(_GRACE):
                await process.wait()
            if process.returncode is None:  # a thread of the user's, left behind, keeps it
                process.kill()
            await process.aclose()
        return process.returncode


class ProcessPool:
    """Some workers that do the same job; started when they are needed, replaced when they died.

    Args:
        job: pickled at once; every worker unpickles and opens one of its own.
        size: how many workers at most; further calls wait, first come first served.
        timeout: the longest time for an answer; what takes longer is killed. Starting a worker does not count: it
            takes longer than many a call.
        limits: what a call may use; a worker that used more is killed.
        clock: of the run; it is told while workers work.

    Raises:
        DefinitionError: the job cannot be pickled, or contains something that is not defined at module level.
    """

    def __init__(
        self,
        job: Job,
        size: int,
        *,
        timeout: Timeout | None = None,
        limits: Limits | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._payload = payload_of(job)
        self._limits = limits
        self._timeout, self._clock = timeout, clock or SystemClock()
        self._free = anyio.CapacityLimiter(size)
        self._idle: list[WorkerProcess] = []

    async def start(self) -> None:
        """Start one worker, so that what is wrong with the job shows before the first message.

        Raises:
            DefinitionError: the job cannot be imported there.
            Exception: what `Job.open` raised.
        """
        worker = WorkerProcess()
        await worker.start(self._payload)
        self._idle.append(worker)

    async def call(self, message: object) -> object:
        """The answer of a free worker; if the call is cancelled, its worker is killed.

        Raises:
            PipeError: the message cannot be sent.
            PipeCrashed: the worker died.
            PipeTimeout: the answer took too long.
            LimitExceeded: the call used more than the limits allow.
            Fatal: a worker cannot be set up.
            Exception: what `Job.run` raised.
        """
        async with self._free:
            with self._clock.working():
                worker = await self._worker()
                call: Call = worker.call
                for layer in (self._limits, self._timeout):
                    call = call if layer is None else layer.layer(call, self._clock)
                try:
                    return await call(message)
                except LimitExceeded:  # it may have kept what it used
                    await worker.abandon()
                    raise
                finally:
                    if worker.alive:
                        self._idle.append(worker)

    async def close(self) -> None:
        """Close all workers and wait until they have ended. No call may be under way.

        Raises:
            Exception: what the first `Job.close` raised that failed.
        """
        errors = list[Exception]()

        async def close(worker: WorkerProcess) -> None:
            try:
                await worker.close()
            except Exception as error:  # noqa: BLE001  # raised below, when all are closed
                errors.append(error)

        async with anyio.create_task_group() as group:
            while self._idle:
                group.start_soon(close, self._idle.pop())
        if errors:
            raise errors[0]

    async def _worker(self) -> WorkerProcess:
        while self._idle:
            worker = self._idle.pop()
            if worker.alive:
                return worker
            with contextlib.suppress(PipeError):  # it died while it had nothing to do
                await worker.close()
        worker = WorkerProcess()
        try:
            await worker.start(self._payload)
        except Exception as error:
            reason = str(error) if isinstance(error, RivusioError) else describe(error)
            fatal = Fatal(f"its worker process could not be set up: {reason}")
            fatal.cause = error
            raise fatal from error
        return worker


def payload_of(job: Job, what: str = "a pipe") -> bytes:
    """A job, pickled, once it is known that a worker can read it.

    Args:
        job: the job.
        what: it is, in errors.

    Raises:
        DefinitionError: it cannot be pickled, or contains something that is not defined at module level.
    """
    try:
        payload = pickle.dumps(job, protocol=5)
    except Exception as error:  # pickle raises whatever __reduce__ raises, and three kinds of its own
        raise DefinitionError(
            f"{what} cannot be sent to a worker process: {error}; define what it is made of at module level"
        ) from error
    # Functions go by their names, and that of an inner one leads nowhere. Trying costs time, so only where it may fail.
    if b"<locals>" in payload or b"<lambda>" in payload:
        try:
            pickle.loads(payload)
        except Exception as error:
            import pickletools  # only for the message

            texts = [text for _, text, _ in pickletools.genops(payload) if isinstance(text, str)]
            name = next((text for text in texts if "<locals>" in text or "<lambda>" in text), "a function")
            raise DefinitionError(
                f"{name!r} of {what} cannot be sent to a worker process, which imports it by its name; define it at "
                "module level"
            ) from error
    return payload


def _main_module() -> dict[str, object]:
    """How a worker imports the script or module that is `__main__` here; without it in a notebook."""
    main = sys.modules["__main__"]
    found: dict[str, object] = {"sys_argv": sys.argv, "orig_dir": str(Path.cwd())}
    name = getattr(getattr(main, "__spec__", None), "name", None)
    path = getattr(main, "__file__", None)
    if name is not None:
        found["init_main_from_name"] = name
    elif path is not None and Path(path).exists():
        found["init_main_from_path"] = str(Path(path).absolute())
    return found


def _interpreter_options() -> list[str]:
    """`-O`, `-W`, `-X` and the like, as this interpreter was started with."""
    # Private, but what multiprocessing itself calls; the alternative is a copy of it that ages.
    options: Callable[[], list[str]] = getattr(subprocess, "_args_from_interpreter_flags")  # noqa: B009
    return options()


def _backend() -> str:
    return running_loop() or "asyncio"
