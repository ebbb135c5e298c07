"""What one call in a process of its own may use: memory, processor time, time.

Memory is `RLIMIT_DATA` (getrlimit(2)): private memory that can be written, whether it is touched or not. Address space
(`RLIMIT_AS`) would count what threads and libraries only reserve. Processor time is `ITIMER_PROF` (setitimer(2)), which
the kernel enforces and which can be set anew for each call; `RLIMIT_CPU` counts whole seconds since the process began.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rivusio_core.clock import Clock
from rivusio_core.duration import Duration, Size, duration_text, microseconds, seconds, size
from rivusio_core.errors import ConfigError, Fault, LimitExceeded, PipeCrashed, PipeError
from rivusio_core.policy.faults import duration_faults
from rivusio_core.policy.layer import Call

__all__ = ["Limits"]

_OWN: Final = 16 << 20
"""Bytes that the worker process may need for itself: a thread's stack, buffers."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one call of a pipe with `isolate` or `process` may use.

    A call that uses more fails with `LimitExceeded`, which is not tried again; the process is replaced. The start of
    the process and the pipe's `setup` are not limited.

    Args:
        memory: bytes beyond what the process has once the pipe is set up; what earlier calls left behind counts, so
            that a leak is found, too. The allocation fails with a `MemoryError` there; a library in C may abort the
            process instead, which is a `PipeCrashed`. Shared memory, mapped files and processes that the pipe starts
            do not count. Linux only.
        cpu: processor time of all threads of the process. Not on Windows.
        time: real time, to be waited for the answer.

    Raises:
        ConfigError: listing every argument that is wrong.

    Example:
        >>> Limits(memory="256MiB", cpu="5s", time="10s").memory
        '256MiB'
    """

    memory: Size | None = None
    cpu: Duration | None = None
    time: Duration | None = None

    def __post_init__(self) -> None:
        faults = list(duration_faults(cpu=self.cpu, time=self.time))
        try:
            if self.memory is not None and size(self.memory, "memory") <= 0:
                faults.append(Fault(f"must be more than 0, not {self.memory!r}", "memory"))
        except ConfigError as error:
            faults.append(Fault(str(error).removeprefix("memory: "), "memory"))
        if faults:
            raise ConfigError("Limits", faults=faults)

    def unknown_here(self) -> tuple[str, ...]:
        """The limits that cannot be kept on this system."""
        found = list[str]()
        if self.memory is not None and sys.platform != "linux":
            found.append("memory")
        if self.cpu is not None and sys.platform == "win32":
            found.append("cpu")
        return tuple(found)

    # ------------------------------------------------------------------------------------------- in the worker process

    def confine(self) -> None:
        """Limit the memory of this process from now on."""
        if self.memory is not None and sys.platform == "linux":
            import resource

            _, hard = resource.getrlimit(resource.RLIMIT_DATA)
            most = _data() + size(self.memory) + _OWN
            resource.setrlimit(resource.RLIMIT_DATA, (most if hard == -1 else min(most, hard), hard))

    def release(self) -> None:
        """Give memory free again, so that there is enough to tell that there was not."""
        if self.memory is not None and sys.platform == "linux":
            import resource

            _, hard = resource.getrlimit(resource.RLIMIT_DATA)
            resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))

    @contextmanager
    def counted(self) -> Generator[None, None, None]:
        """Have the kernel end this process when it uses too much processor time inside."""
        if self.cpu is None or sys.platform == "win32":
            yield
            return
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_PROF, seconds(self.cpu))
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)

    # ------------------------------------------------------------------------------------------------ in the run

    def layer(self, call: Call, clock: Clock) -> Call:
        """The call of a worker, given up when it takes too long; tells which limit its errors are about."""
        longest = None if self.time is None else seconds(self.time)

        async def limited(item: object) -> object:
            try:
                with nullcontext() if longest is None else clock.deadline(longest):
                    return await call(item)
            except (MemoryError, PipeError) as error:
                exceeded = self._exceeded(error)
                if exceeded is None:
                    raise
                raise exceeded from error
            # Only a deadline that swallowed its own cancellation leads here.
            raise LimitExceeded(f"took longer than its limit, time={_text(self.time)}", limit="time")

        return limited

    def _exceeded(self, error: MemoryError | PipeError) -> LimitExceeded | None:
        lacking = isinstance(error, MemoryError) or isinstance(error.cause, MemoryError)
        if self.memory is not None and lacking:
            return LimitExceeded(f"needed more memory than its limit, memory={self.memory!r}", limit="memory")
        if self.cpu is not None and isinstance(error, PipeCrashed) and error.signal == "SIGPROF":
            return LimitExceeded(f"used more processor time than its limit, cpu={_text(self.cpu)}", limit="cpu")
        return None


def _text(duration: Duration | None) -> str:
    return "" if duration is None else duration_text(microseconds(duration))


def _data() -> int:
    """Bytes of this process that count for `RLIMIT_DATA`."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmData:"))
