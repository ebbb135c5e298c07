"""Resources: things that are opened once for a run, shared by its pipes, and closed in reverse order.

@resource(pool=8)
async def db() -> AsyncIterator[Connection]:
async with await connect() as connection:
yield connection

@pipe
async def load(key: int, *, conn: Annotated[Connection, Use(db)]) -> Row: ...
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Generic, TypeVar, overload

from rivusio_core.errors import DefinitionError

__all__ = ["Resource", "Use", "resource"]

T = TypeVar("T")

Maker = Callable[[], AsyncIterator[T]] | Callable[[], Iterator[T]]
"""A generator function, async or not, that yields the opened thing once and closes it afterwards."""


class Resource(Generic[T]):
    """How to open something, and how many of it a run may have open at once.

    Attributes:
        name: for messages.
        pool: 0: one, shared by all calls of a run; n: up to n, each used by one call at a time.
        is_async: it is opened on the event loop.
    """

    def __init__(self, make: Maker[T], pool: int) -> None:
        self.make = make
        self.pool = pool
        self.name = getattr(make, "__name__", repr(make))
        self.is_async = inspect.isasyncgenfunction(make)
        if not self.is_async and not inspect.isgeneratorfunction(make):
            raise DefinitionError(f"@resource on {self.name!r}: it must `yield` what it opens once, then close it")
        if pool < 0:
            raise DefinitionError(f"@resource on {self.name!r}: pool must be 1 or more, not {pool}")

    def __repr__(self) -> str:
        return f"resource {self.name}"


class Use:
    """Marks, inside `Annotated[T, Use(resource)]`, what a run fills in."""

    def __init__(self, source: Resource[Any]) -> None:  # Any: a mark cannot carry the type beside it
        self.resource = source


class _Decorator:
    def __init__(self, pool: int) -> None:
        self._pool = pool

    @overload
    def __call__(self, make: Callable[[], AsyncIterator[T]]) -> Resource[T]: ...
    @overload
    def __call__(self, make: Callable[[], Iterator[T]]) -> Resource[T]: ...
    def __call__(self, make: Maker[Any]) -> Resource[Any]:
        return Resource(make, self._pool)


@overload
def resource(make: Callable[[], AsyncIterator[T]], /) -> Resource[T]: ...
@overload
def resource(make: Callable[[], Iterator[T]], /) -> Resource[T]: ...
@overload
def resource(*, pool: int = 0) -> _Decorator: ...
def resource(make: Maker[Any] | None = None, /, *, pool: int = 0) -> Resource[Any] | _Decorator:
    """Make a resource of a generator function that yields an opened thing once.

    Args:
        make: the generator function, async or not, without parameters.
        pool: 0 for one thing shared by all calls; n for up to n, each lent to one call at a time.

    Raises:
        DefinitionError: `make` is no generator function, or `pool` is negative.
    """
    return _Decorator(pool) if make is None else Resource(make, pool)
