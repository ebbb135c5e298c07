"""Reading the input of a run as lists of items: what is there now, never waiting for more than one."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import anyio
import anyio.lowlevel

from rivusio_core.engine.budget import LOT
from rivusio_core.engine.failure import close_async
from rivusio_core.engine.weight import Scale

__all__ = ["IN_MEMORY", "Growth", "Mailbox", "batches_of", "pull", "read_ahead"]

_LARGEST = 8_192
_SHORT, _LONG = 0.002, 0.01
"""Seconds: a lot grows while it is dealt with in less than the first, shrinks when it takes longer than the second."""


class Growth:
    """How many items to read at once: one at first, more while they are dealt with quickly and are not too heavy.

    Args:
        heaviest: bytes of a lot at most.
        largest: items of a lot at most.
    """

    def __init__(self, heaviest: int = LOT, largest: int = _LARGEST) -> None:
        self.size = 1
        self._heaviest, self._largest, self._scale = heaviest, largest, Scale()

    def adapt(self, seconds: float, items: Sequence[Any]) -> None:
        """Learn how long the last lot took, and from its items how heavy they are."""
        if self._scale.of(items) * 2 > self._heaviest:
            self.size = max(min(self.size, self._heaviest // (2 * self._scale.average)), 1)
        elif seconds < _SHORT:
            most = max(self._heaviest // max(self._scale.average, 1), 1)
            self.size = min((4 if seconds < _SHORT / 8 else 2) * self.size, self._largest, most)
        elif seconds > _LONG:
            self.size = max(self.size // 4, 1)


IN_MEMORY = (type(iter(list[Any]())), type(iter(())), type(iter(range(0))))
"""Iterators that never make anybody wait, and say how many items are left."""


def pull(iterator: Iterator[Any], most: int) -> list[Any]:
    """Up to `most` items, fewer if reading takes longer than a millisecond; empty at the end."""
    if most == 1 or type(iterator) in IN_MEMORY:
        return list(islice(iterator, most))
    items, due = list[Any](), time.monotonic() + 0.001
    for item in iterator:
        items.append(item)
        if len(items) >= most or time.monotonic() > due:
            break
    return items


async def batches_of(items: Iterable[Any]) -> AsyncGenerator[list[Any], None]:
    """Read an iterable on the event loop, giving other tasks their turn between lots."""
    iterator, growth = iter(items), Growth()
    while lot := pull(iterator, growth.size):
        began = time.monotonic()
        yield lot
        await anyio.lowlevel.checkpoint()
        growth.adapt(time.monotonic() - began, lot)


async def read_ahead(items: AsyncIterable[Any], take: Callable[[list[Any]], Any], most: int) -> None:
    """Read an async iterable in a task of its own and hand on whatever is there, so that no item waits for the next.

    Args:
        items: closed at the end, where it can be.
        take: a coroutine function; called with one lot at a time.
        most: items read ahead at most.
    """
    waiting = deque[Any]()
    came, room, over = anyio.Event(), anyio.Event(), False

    async def read() -> None:
        nonlocal came, room, over
        iterator = aiter(items)
        try:
            async for item in iterator:
                waiting.append(item)
                came.set()
                while len(waiting) >= most:
                    room = anyio.Event()
                    await room.wait()
        finally:
            over = True
            came.set()
            await close_async(iterator)

    async with anyio.create_task_group() as group:
        group.start_soon(read)
        while True:
            if not waiting:
                if over:
                    break
                came = anyio.Event()
                await came.wait()
                continue
            lot = list(waiting)
            waiting.clear()
            room.set()
            await take(lot)


class Mailbox:
    """Lots that another thread hands in when asked: `hungry` says that the run waits for one."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._lots = deque[list[Any]]()
        self._came = anyio.Event()
        self._changed = changed
        self.hungry = False

    def put(self, lot: list[Any]) -> None:
        """Hand a lot in; an empty one is the end."""
        self.hungry = False
        self._lots.append(lot)
        self._came.set()

    async def lots(self) -> AsyncGenerator[list[Any], None]:
        """What was handed in."""
        while True:
            while not self._lots:
                self.hungry = True
                self._changed()
                self._came = anyio.Event()
                await self._came.wait()
            lot = self._lots.popleft()
            if not lot:
                return
            yield lot
