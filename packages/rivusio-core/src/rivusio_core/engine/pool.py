"""Pooled resources: opened things that are lent to one call at a time."""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio

from rivusio_core.engine.nature import is_async, process_of
from rivusio_core.engine.step import Kind, attempt_of
from rivusio_core.function import FunctionPipe
from rivusio_core.pipe import BasePipe
from rivusio_core.resource import Resource

__all__ = ["Pool"]


class Pool:
    """Opened things of one resource, each lent to one call at a time."""

    def __init__(self, resource: Resource[Any]) -> None:
        self._resource = resource
        self._free: list[object] = []
        self._size = 0
        self._wanted = 0
        self._permits = anyio.Semaphore(0)

    def missing(self, concurrency: int) -> int:
        """How many more to open, so that this many more calls at once find one, up to the pool's size."""
        self._wanted += concurrency
        return min(self._wanted, self._resource.pool) - self._size

    def add(self, opened: object) -> None:
        self._free.append(opened)
        self._size += 1
        self._permits.release()

    def lending(
        self, pipe: BasePipe[Any, Any], attribute: str, process: Callable[[Any], Any], kind: Kind
    ) -> Callable[[Any], Any]:
        """The pipe's call with one of these filled in."""
        waits = is_async(pipe)

        @asynccontextmanager
        async def lent() -> AsyncGenerator[object, None]:
            await self._permits.acquire()
            opened = self._free.pop()
            try:
                yield opened
            finally:
                self._free.append(opened)
                self._permits.release()

        async def call(item: object) -> object:
            async with lent() as opened:
                if isinstance(pipe, FunctionPipe):
                    bound: Callable[[Any], Any] = functools.partial(process, **{attribute: opened})
                else:
                    own = object.__new__(type(pipe))
                    vars(own).update(vars(pipe), **{attribute: opened})
                    bound = process_of(own)
                return await attempt_of(kind, bound, waits)(item)

        return call
