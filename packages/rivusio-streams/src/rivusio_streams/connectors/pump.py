"""Partitions of things that give one item at a time and block in between: read ahead beside the run.

What was yielded is handed on at once, also while the next item is waited for.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections import deque
from collections.abc import AsyncIterable, Callable, Generator, Iterable
from typing import Generic, TypeVar

import anyio

from rivusio_core.event_loop import running_loop
from rivusio_streams.source import AsyncPartition, EndOfPartition

__all__ = ["PumpedPartition", "ThreadedPartition"]

T = TypeVar("T")


def _taken(waiting: deque[T], most: int) -> list[T]:
    # One by one: the thread that reads may put more meanwhile.
    return [waiting.popleft() for _ in range(min(most, len(waiting)))]


class PumpedPartition(AsyncPartition[T], Generic[T]):
    """An async iterable, read by `work`."""

    def __init__(self, items: AsyncIterable[T]) -> None:
        self._items = items
        self._waiting = deque[T]()
        self._came, self._room = anyio.Event(), anyio.Event()
        self._most = 1
        self._over = False
        self._error: Exception | None = None

    async def work(self) -> None:
        iterator = aiter(self._items)
        try:
            async for item in iterator:
                self._waiting.append(item)
                self._came.set()
                while len(self._waiting) >= self._most:
                    self._room = anyio.Event()
                    await self._room.wait()
        except Exception as error:  # noqa: BLE001
            self._error = error  # raised by `next_batch`, behind what was yielded before
        finally:
            close = getattr(iterator, "aclose", None)
            if close is not None:
                with anyio.CancelScope(shield=True):
                    await close()
            self._over = True
            self._came.set()

    async def next_batch(self, maximum: int) -> list[T]:
        self._most = maximum
        while not self._waiting:
            if self._error is not None:
                raise self._error
            if self._over:
                raise EndOfPartition
            self._room.set()
            self._came = anyio.Event()
            await self._came.wait()
        batch = _taken(self._waiting, maximum)
        self._room.set()
        return batch

    def fetched_ahead(self) -> list[T]:
        items = [*self._waiting]
        self._waiting.clear()
        return items


def _caller() -> Callable[[Callable[[], None]], object]:
    """What has the running event loop call something soon, from any thread and without waiting for it.

    A thread that waited would read one item at a time; so it reads on until it blocks, or nobody wants more.
    """
    if running_loop() == "trio":
        run_sync_soon: Callable[[Callable[[], None]], object] = (
            sys.modules["trio"].lowlevel.current_trio_token().run_sync_soon
        )
        return run_sync_soon
    return asyncio.get_running_loop().call_soon_threadsafe


class ThreadedPartition(AsyncPartition[T], Generic[T]):
    """An iterable, read by a thread of its own.

    Args:
        items: what to read; its iterator is made, used and closed in that thread.
        name: of the thread, for debuggers.
        close: called at the end, from the event loop, to wake the thread where it blocks.
    """

    def __init__(self, items: Iterable[T], *, name: str, close: Callable[[], None] | None = None) -> None:
        self._items, self._name, self._close = items, name, close
        self._waiting = deque[T]()
        self._most = 1
        self._over = self._closed = False
        self._error: BaseException | None = None
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._came: anyio.Event | None = None
        self._thread: threading.Thread | None = None
        self._soon = _caller()

    async def next_batch(self, maximum: int) -> list[T]:
        while True:
            with self._lock:
                self._most = maximum
                self._room.notify()
                if self._waiting:
                    return _taken(self._waiting, maximum)
                if self._over:
                    if self._error is not None:
                        raise self._error
                    raise EndOfPartition
                came = self._came = anyio.Event()
            self._start()
            await came.wait()

    def fetched_ahead(self) -> list[T]:
        with self._lock:
            self._closed = True
            self._room.notify()
            items = [*self._waiting]
            self._waiting.clear()
        return items

    async def close(self) -> None:
        with self._lock:
            self._closed, self._came = True, None
            self._room.notify()
        if self._close is not None:
            self._close()

    def _start(self) -> None:
        if self._thread is None:
            # A daemon: a thread that blocks in foreign code for ever must not keep the program from ending.
            self._thread = threading.Thread(target=self._read, name=f"rivusio {self._name}", daemon=True)
            self._thread.start()

    def _read(self) -> None:
        error: BaseException | None = None
        try:
            iterator = iter(self._items)
            try:
                for item in iterator:
                    if not self._put(item):
                        break
            finally:
                if isinstance(iterator, Generator):
                    iterator.close()
        except BaseException as raised:  # noqa: BLE001  # handed over to the run, whatever it is
            error = raised
        with self._lock:
            self._over, self._error = True, error
        self._wake()

    def _put(self, item: T) -> bool:
        """Hand an item over and wait for room; False when nobody wants more."""
        self._waiting.append(item)
        if self._came is not None:
            self._wake()
        if len(self._waiting) >= self._most or self._closed:
            with self._lock:
                while len(self._waiting) >= self._most and not self._closed:
                    self._room.wait()
        return not self._closed

    def _wake(self) -> None:
        # Outside of the lock: the loop may be about to take it.
        with self._lock:
            came, self._came = self._came, None
        if came is not None:
            with contextlib.suppress(RuntimeError):  # the loop is gone, and nobody waits any more
                self._soon(came.set)
