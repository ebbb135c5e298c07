"""The child's side of `engine.process`: runs a job, one message at a time, in an event loop of its own.

Started as `python -c <BOOTSTRAP> <sys.path...>`; frames come in on standard input and go out on standard output. Both
are moved away before any code of the user runs: what it prints goes to standard error, what it reads is empty.
"""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn, Protocol, cast

import anyio
import anyio.from_thread
import anyio.to_thread
from anyio.streams.memory import MemoryObjectSendStream

from rivusio_core.engine.frames import Body, FrameKind, pack, read, unpack
from rivusio_core.errors import DefinitionError, PipeError, describe

__all__ = ["BOOTSTRAP", "Job", "Start", "imports_main", "main", "portable"]

BOOTSTRAP = "import sys; sys.path[:] = sys.argv[1:]; from rivusio_core.engine.worker import main; main()"

_PARENT_GONE = 1
_BROKEN = 1
_SKIPPED = 1 << 16
"""Bytes to read at once of what there is no room for."""


class Job(Protocol):
    """What a worker process does; pickled, so that each has one of its own, which may keep things between calls."""

    async def open(self) -> None:
        """Called first, once."""
        ...

    async def run(self, message: object) -> object:
        """The answer to a message."""
        ...

    async def close(self) -> None:
        """Called last, once, unless the process is killed."""
        ...


@dataclass(frozen=True)
class Start:
    """The first message.

    Attributes:
        backend: event loop of the run: `"asyncio"` or `"trio"`.
        main: how the user's script or module is imported, as `multiprocessing.spawn.prepare` takes it.
        job: the pickled job.
    """

    backend: str
    main: Mapping[str, object]
    job: bytes


_importing_main = False


def imports_main() -> bool:
    """This is a worker that is importing the user's script: to start workers now would never end."""
    return _importing_main


def main() -> None:
    """Serve until the parent says to close, or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches everybody in the terminal; the parent decides
    channel = _Channel()
    _, body = channel.read()
    start = cast("Start", unpack(body))
    try:
        job = _load(start)
    except Exception as error:  # noqa: BLE001  # the parent raises it
        channel.fail(error)
    else:
        anyio.run(_serve, channel, job, backend=start.backend)


def _load(start: Start) -> Job:
    import multiprocessing.spawn  # not at the top: every run imports this module for its types

    global _importing_main  # noqa: PLW0603  # the import may come back to us through the user's script
    _importing_main = True
    try:
        multiprocessing.spawn.prepare(start.main)
    finally:
        _importing_main = False
    try:
        return cast("Job", pickle.loads(start.job))
    except (AttributeError, ImportError) as error:
        raise DefinitionError(
            f"a worker process cannot import what it is to run ({error}); define it at module level, in a module or "
            "script that can be imported again (an interactive session cannot)"
        ) from error


async def _serve(channel: _Channel, job: Job) -> None:
    async def open_or_close() -> None:
        try:
            await job.open()
        except BaseException:
            with contextlib.suppress(Exception):  # the first error is the one to tell
                await job.close()
            raise

    if not await _answer(channel, open_or_close):
        return
    send, frames = anyio.create_memory_object_stream[tuple[FrameKind, Body]](1)
    async with anyio.create_task_group() as group, frames:
        # In a thread, so that the loop goes on between messages: connections are kept alive, caches expire.
        group.start_soon(anyio.to_thread.run_sync, _read_on, channel, send)
        async for kind, body in frames:
            if kind is FrameKind.CLOSE:
                await _answer(channel, job.close)
            else:
                await _answer(channel, _running(job, body))


def _running(job: Job, body: Body) -> Callable[[], Awaitable[object]]:
    async def run() -> object:
        return await job.run(unpack(body))

    return run


def _read_on(channel: _Channel, frames: MemoryObjectSendStream[tuple[FrameKind, Body]]) -> None:
    while True:
        try:
            frame = channel.read()
        except EOFError:  # the parent was killed: nobody waits for an answer, maybe in the midst of a long call
            _leave(_PARENT_GONE)
        except MemoryError as error:  # the message is larger than what is left; nobody else answers now
            channel.fail(error)
            continue
        anyio.from_thread.run_sync(frames.send_nowait, frame)
        if frame[0] is FrameKind.CLOSE:
            anyio.from_thread.run_sync(frames.close)
            return


async def _answer(channel: _Channel, call: Callable[[], Awaitable[object]]) -> bool:
    try:
        result = await call()
    except Exception as error:  # noqa: BLE001  # the parent raises it
        channel.fail(error)
        return False
    except SystemExit as leaving:
        code = leaving.code
        _leave(code if isinstance(code, int) else code is not None)
    except BaseException:  # noqa: BLE001  # an interrupt, say: the thread that reads would keep the process
        traceback.print_exc()
        _leave(_BROKEN)
    channel.write(FrameKind.DONE, result)
    return True


def _leave(code: int) -> NoReturn:
    """End the process though a thread still waits, for the parent or for an answer."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


class _Channel:
    """The pipes to the parent, which were standard input and output."""

    def __init__(self) -> None:
        self._in = io.FileIO(os.dup(0), "rb")
        self._out = io.FileIO(os.dup(1), "wb")
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)

    def read(self) -> tuple[FrameKind, Body]:
        """The next frame.

        Raises:
            EOFError: the parent is gone.
            MemoryError: there is no room for it; it was skipped.
        """
        return read(self._read_exactly)

    def _read_exactly(self, size: int) -> bytearray:
        try:
            data = bytearray(size)
        except MemoryError:
            while size:
                size -= len(self._read_exactly(min(size, _SKIPPED)))
            raise
        view, done = memoryview(data), 0
        while done < size:
            count = self._in.readinto(view[done:])
            if not count:
                raise EOFError
            done += count
        return data

    def write(self, kind: FrameKind, message: object) -> None:
        """Send a message, or what is wrong with it."""
        try:
            pieces = pack(kind, message)
        except Exception as error:  # noqa: BLE001  # pickle raises whatever __reduce__ raises
            self.fail(
                PipeError(
                    f"its result, of type {type(message).__name__}, cannot be sent back from the worker process",
                    cause=error,
                )
            )
            return
        for piece in pieces:
            view = memoryview(piece)
            while view:
                view = view[self._out.write(view) :]

    def fail(self, error: Exception) -> None:
        """Send an error."""
        self.write(FrameKind.FAILED, portable(error))


def portable(error: Exception) -> Exception:
    """The error with the stack it was raised from as a note; another one where it cannot be pickled and read again."""
    stack = "".join(traceback.format_tb(error.__traceback__))
    sent = error
    try:
        pickle.loads(pickle.dumps(error, protocol=5))
    except Exception:  # noqa: BLE001  # whatever its class does when it is pickled
        sent = PipeError(f"{describe(error)} (the error itself cannot be sent from a worker process)")
    sent.add_note(f"In worker process {os.getpid()}:\n{stack}".rstrip())
    return sent
