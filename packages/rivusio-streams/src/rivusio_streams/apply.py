"""The pipes that `map` and `flat_map` make of plain functions: any callable of one item, builtins and lambdas too."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterable, Callable, Iterable
from typing import Any

from rivusio_core.duration import Duration
from rivusio_core.errors import ConfigError, DefinitionError, Fault
from rivusio_core.hints.generics import item_type
from rivusio_core.hints.signatures import function_types
from rivusio_core.pipe import AsyncBasePipe, AsyncFlatPipe, BasePipe, FlatPipe, SyncBasePipe
from rivusio_core.policy.rate_limit import RateLimit
from rivusio_core.ports import Ports

__all__ = ["applying", "flat_applying", "is_async", "name_of", "throttled"]

_Function = Callable[[Any], Any]  # Any: `Stream.map` and `Stream.flat_map` check the types


class _Named(BasePipe[Any, Any]):
    function: _Function
    fallback: str

    def _default_name(self) -> str:
        return name_of(self.function, self.fallback)

    def __ports__(self) -> Ports:
        """The types that the function's annotations say; what is no plain function may say anything."""
        if not inspect.isfunction(self.function):
            return Ports(Any, Any)
        takes, gives = function_types(self.function)
        flat = isinstance(self, FlatPipe | AsyncFlatPipe)
        return Ports(takes, (item_type(gives) or Any) if flat else gives)

    def __repr__(self) -> str:
        return f"{self.fallback}({name_of(self.function, 'lambda')})"


class _Apply(_Named, SyncBasePipe[Any, Any]):
    def setup(self) -> None:
        vars(self)["process"] = self.function  # the run's own copy calls it directly: one call less for each item

    def process(self, item: Any) -> Any:
        return self.function(item)


class _AsyncApply(_Named, AsyncBasePipe[Any, Any]):
    async def setup(self) -> None:
        vars(self)["process"] = self.function

    async def process(self, item: Any) -> Any:
        return await self.function(item)


class _FlatApply(_Named, FlatPipe[Any, Any]):
    def setup(self) -> None:
        vars(self)["process"] = self.function

    def process(self, item: Any) -> Iterable[Any]:
        results: Iterable[Any] = self.function(item)
        return results


class _AsyncFlatApply(_Named, AsyncFlatPipe[Any, Any]):
    async def setup(self) -> None:
        vars(self)["process"] = self.function

    def process(self, item: Any) -> AsyncIterable[Any]:
        results: AsyncIterable[Any] = self.function(item)
        return results


def applying(function: _Function) -> BasePipe[Any, Any]:
    """A one-to-one pipe of a plain or coroutine function.

    Raises:
        DefinitionError: it is no function of one item.
    """
    _check(function, "map")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise DefinitionError(f"map: {name_of(function, 'lambda')!r} is a generator; use flat_map")
    return (
        _AsyncApply(function=function, fallback="map")
        if is_async(function)
        else _Apply(function=function, fallback="map")
    )


def flat_applying(function: _Function) -> BasePipe[Any, Any]:
    """A pipe of a function that gives an iterable or async iterable for an item.

    Raises:
        DefinitionError: it is no such function.
    """
    _check(function, "flat_map")
    if is_async(function):
        raise DefinitionError(
            f"flat_map: {name_of(function, 'lambda')!r} is a coroutine function; `yield` the results instead"
        )
    if inspect.isasyncgenfunction(function):
        return _AsyncFlatApply(function=function, fallback="flat_map")
    return _FlatApply(function=function, fallback="flat_map")


class _Throttle(SyncBasePipe[Any, Any]):
    def process(self, item: Any) -> Any:
        return item

    def __repr__(self) -> str:
        return f"throttle({self.options.rate_limit!r})"


def throttled(n: int, per: Duration) -> BasePipe[Any, Any]:
    """A pipe that passes items on, at most `n` of them `per` time.

    Raises:
        ConfigError: `n` is below 1, or `per` is not longer than 0.
    """
    if type(n) is not int or n < 1:
        raise ConfigError("throttle", faults=[Fault(f"must be a whole number, 1 or more, not {n!r}", "n")])
    return _Throttle().with_options(rate_limit=RateLimit(n, per=per))


def name_of(function: object, fallback: str) -> str:
    """The name of a function, or `fallback` for one without: a lambda, a partial."""
    name = getattr(function, "__name__", fallback)
    return fallback if name == "<lambda>" else name


def _check(function: object, method: str) -> None:
    if isinstance(function, BasePipe):
        raise DefinitionError(f"{method}: takes a plain function; put a pipe in with .through(...)")
    if not callable(function):
        raise DefinitionError(f"{method}: takes a function of one item, not {type(function).__name__}")


def is_async(function: object) -> bool:
    """It is a coroutine function, or an object that is called as one."""
    call = getattr(function, "__call__", None)  # noqa: B004  # of an object that is callable
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)
