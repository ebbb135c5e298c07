"""Standard input as lines and standard output as bytes, without threads where the system allows it."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncGenerator

import anyio
import anyio.to_thread

from rivusio_core.errors import SinkError, SourceError

__all__ = ["LONGEST_LINE", "Output", "lines"]

LONGEST_LINE = 16 << 20
"""Bytes; more without a line end is no text, and would fill the memory."""

_READ = 1 << 16


async def lines(stop: anyio.Event, descriptor: int = 0) -> AsyncGenerator[bytes, None]:
    """The lines of a file descriptor, without their line ends, until it ends or `stop` is set.

    A line that has only begun when `stop` is set is left out: its end was never seen.

    Raises:
        SourceError: it cannot be read, or a line is longer than `LONGEST_LINE`.
    """
    rest, number = b"", 0
    while data := await _read(descriptor, stop):
        *whole, rest = (rest + data).split(b"\n") if b"\n" in data else (rest + data,)
        for line in whole:
            number += 1
            yield line.removesuffix(b"\r")
            if stop.is_set():
                return
        if len(rest) > LONGEST_LINE:
            raise SourceError(f"standard input: line {number + 1} is longer than {LONGEST_LINE >> 20} MiB")
    if rest and not stop.is_set():
        yield rest.removesuffix(b"\r")


async def _read(descriptor: int, stop: anyio.Event) -> bytes:
    """What there is, waiting for it; nothing at the end and once stopped."""
    try:
        if not await _readable(descriptor, stop):
            return b""
        if sys.platform == "win32":  # only sockets can be waited for there; a stop is heeded between reads
            return await anyio.to_thread.run_sync(os.read, descriptor, _READ, abandon_on_cancel=True)
        return os.read(descriptor, _READ)
    except OSError as error:
        raise SourceError(f"standard input cannot be read: {error.strerror}") from None


async def _readable(descriptor: int, stop: anyio.Event) -> bool:
    """Wait until there is something to read, or its end; False once stopped."""
    if sys.platform == "win32" or not _waits(descriptor):
        await anyio.lowlevel.checkpoint()
        return not stop.is_set()
    async with anyio.create_task_group() as group:

        async def stopped() -> None:
            await stop.wait()
            group.cancel_scope.cancel()

        group.start_soon(stopped)
        await anyio.wait_readable(descriptor)
        group.cancel_scope.cancel()
    return not stop.is_set()


def _waits(descriptor: int) -> bool:
    """Pipes, sockets and terminals make a reader wait; files do not, and cannot be waited for."""
    import stat

    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or (stat.S_ISCHR(mode) and os.isatty(descriptor))


class Output:
    """Standard output for bytes, each write passed on at once: readers downstream may be waiting."""

    def write(self, data: bytes) -> None:
        """Write all of it.

        Raises:
            BrokenPipeError: nobody reads any more.
            SinkError: it cannot be written.
        """
        stream: object = sys.stdout
        if stream is None:  # which a process without standard output has
            raise SinkError("standard output is closed")
        try:
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise SinkError(f"standard output cannot be written: {error.strerror}") from None
