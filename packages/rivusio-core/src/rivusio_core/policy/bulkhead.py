"""Calls at once, over everything that shares a bulkhead (M. Nygard, Release It!, 2007)."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import nullcontext
from typing import Protocol, Self

import anyio

from rivusio_core.clock import BlockingClock, Clock
from rivusio_core.duration import Duration, duration_text, microseconds, seconds
from rivusio_core.errors import BulkheadFull, ConfigError, Fault
from rivusio_core.event_loop import calling_in_loop
from rivusio_core.policy.faults import count_faults
from rivusio_core.policy.layer import Call

__all__ = ["Bulkhead"]


class Bulkhead:
    """Lets at most so many calls be under way at once, over all pipes that are given this very object.

    It holds over runs, event loops and threads of one process: `Bulkhead(8)` beside a database with eight connections.
    Two bulkheads are never equal. In worker processes of `Parallel(kind="process")` there is another one in each.

    Calls wait in the order in which they come. Waiting does not count for the pipe's `timeout`, which begins with the
    call; `wait` bounds it. A call keeps its place while its `rate_limit` holds it back, and gives it up between two
    attempts. A call in a thread that a timeout abandoned goes on without a place.

    Args:
        calls: how many at once, 1 or more.
        wait: the longest time to wait for a place, after which the attempt fails with `BulkheadFull`; `0` does not
            wait at all. None: as long as it takes.

    Raises:
        ConfigError: listing every argument that is wrong.

    Example:
        >>> from rivusio_core import pipe
        >>> database = Bulkhead(8, wait="1s")
        >>> @pipe(bulkhead=database, concurrency=32)
        ... async def find(key: int) -> int:
        ...     return key
        >>> @pipe(bulkhead=database)
        ... def count(key: int) -> int:
        ...     return 1
        >>> list((find >> count).map([1, 2]))
        [1, 1]
    """

    def __init__(self, calls: int, *, wait: Duration | None = None) -> None:
        faults = list(count_faults(calls=calls))
        try:
            if wait is not None and seconds(wait, "wait") < 0:
                faults.append(Fault(f"must be 0 or longer, not {wait!r}", "wait"))
        except ConfigError as error:
            faults.append(Fault(str(error).removeprefix("wait: "), "wait"))
        if faults:
            raise ConfigError("Bulkhead", faults=faults)
        self.calls, self.wait = calls, wait
        self._longest = None if wait is None else seconds(wait)
        self._lock = threading.RLock()  # a garbage collection may end a forgotten waiter while this thread holds it
        self._free = calls
        self._waiting = deque[_Waiter]()  # empty while there are free places

    def __repr__(self) -> str:
        return f"Bulkhead({self.calls}{'' if self.wait is None else f', wait={self.wait!r}'})"

    def __copy__(self) -> Self:
        return self  # a copied pipe shares it as the first does

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuilt, (self.calls, self.wait))

    def layer(self, call: Call, clock: Clock) -> Call:
        """The call, made when there is a place; raises BulkheadFull. Unlike other layers' its state is not a run's."""

        async def bounded(item: object) -> object:
            await self._enter(clock)
            try:
                return await call(item)
            finally:
                self._leave()

        return bounded

    async def _enter(self, clock: Clock) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            if self._longest == 0:
                raise BulkheadFull(f"{self.calls} calls are under way already, as many as its bulkhead lets in")
            waiter: _Waiter = _Blocked() if isinstance(clock, BlockingClock) else _Parked(clock)
            self._waiting.append(waiter)
        try:
            await waiter.wait(self._longest)
        except BaseException:
            if not self._give_up(waiter):
                self._leave()
            raise
        if self._give_up(waiter):
            text = duration_text(microseconds(self.wait or 0))
            raise BulkheadFull(f"waited {text} for one of the {self.calls} places of its bulkhead")

    def _give_up(self, waiter: _Waiter) -> bool:
        """Stop waiting; False: it has got a place."""
        with self._lock:
            waiter.over = True
            if waiter.admitted:
                return False
            if waiter in self._waiting:  # else it was passed over
                self._waiting.remove(waiter)
            return True

    def _leave(self) -> None:
        """Give a place to the first in line, so that no newcomer takes it."""
        while True:
            with self._lock:
                if not self._waiting:
                    self._free += 1
                    return
                first = self._waiting.popleft()
                first.admitted = True
            try:
                first.wake()
            except RuntimeError:  # its event loop was closed over it: nobody will take the place
                with self._lock:
                    if first.over:  # it gave the place back itself
                        return
                    first.admitted = False
                continue
            return


class _Waiter(Protocol):
    admitted: bool  # has a place
    over: bool  # does not wait any more

    async def wait(self, longest: float | None) -> None:
        """Until woken, or so many seconds."""
        ...

    def wake(self) -> None:
        """Called from any thread.

        Raises:
            RuntimeError: nobody waits any more.
        """
        ...


class _Parked:
    """Waits in an event loop."""

    def __init__(self, clock: Clock) -> None:
        self.admitted = self.over = False
        self._clock = clock
        self._event = anyio.Event()
        self._thread = threading.get_ident()
        self._call: Callable[[Callable[[], None]], object] = calling_in_loop()

    async def wait(self, longest: float | None) -> None:
        with nullcontext() if longest is None else self._clock.deadline(longest):
            await self._event.wait()

    def wake(self) -> None:
        if threading.get_ident() == self._thread:
            self._event.set()
        else:
            self._call(self._event.set)


class _Blocked:
    """Waits by blocking its thread, which nobody can cancel."""

    def __init__(self) -> None:
        self.admitted = self.over = False
        self._event = threading.Event()

    async def wait(self, longest: float | None) -> None:
        self._event.wait(longest)

    def wake(self) -> None:
        self._event.set()


def _rebuilt(calls: int, wait: Duration | None) -> Bulkhead:
    return Bulkhead(calls, wait=wait)
