"""Pipes made of plain functions: `@pipe` and `@flat_pipe`.

The one positional parameter is the item; keyword-only parameters are the configuration, bound by a call:

    >>> @pipe
    ... def scale(number: int, *, factor: int = 2) -> int:
    ...     return number * factor
    >>> list(scale(factor=10).map([1, 2]))
    [10, 20]
"""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, Unpack, cast, overload

from pydantic import BaseModel

from rivusio_core.configuration import Configuration
from rivusio_core.errors import DefinitionError
from rivusio_core.pipe import AsyncBasePipe, AsyncFlatPipe, BasePipe, FlatPipe, SyncBasePipe
from rivusio_core.policy.options import OptionSettings, PipeOptions
from rivusio_core.validators import direct

__all__ = ["FunctionPipe", "flat_pipe", "pipe"]

I = TypeVar("I")  # noqa: E741  # the item
O = TypeVar("O")  # noqa: E741  # the result
P = ParamSpec("P")

_Function = Callable[..., Any]


class FunctionPipe(BasePipe[I, O], Generic[I, O, P]):
    """A pipe made of a function. Call it with keyword arguments to bind configuration; `function` is the function."""

    function: _Function

    def __init__(self, function: _Function, options: PipeOptions) -> None:
        configuration = Configuration.of_function(function)
        vars(self).update(
            function=function, options=options, _configuration=configuration, _bound={}, __doc__=function.__doc__
        )

    def __call__(self, *args: P.args, **settings: P.kwargs) -> BasePipe[I, O]:
        """The pipe with this configuration.

        Raises:
            ConfigError: listing every setting that is missing, unknown or wrong.
            DefinitionError: called with an item; use `run(item)`, or `function(item)` for the bare function.
        """
        if args:
            name = self.step_name
            raise DefinitionError(
                f"{name}(...) binds configuration and takes keyword arguments only; "
                f"use {name}.run(item) for one item, or {name}.function(item) for the bare function"
            )
        bound = self._copy()
        vars(bound)["_bound"] = self._configuration.validate({**self._bound_settings, **settings})
        return bound

    def config_model(self) -> type[BaseModel]:  # type: ignore[override]  # a function's model hangs on the value, not the class
        """The pydantic model of the configuration."""
        return self._configuration.model

    @property
    def _bound_settings(self) -> dict[str, object]:
        return cast("dict[str, object]", self.__dict__["_bound"])

    def settings(self) -> dict[str, object]:
        """The configuration: bound settings and defaults.

        Raises:
            ConfigError: a setting without a default was not bound.
        """
        return self._bound_settings or self._configuration.validate({})

    def bind(self, resources: dict[str, object]) -> None:
        """Set the run's own copy up to call the function with its configuration and these resources."""
        settings = {**self.settings(), **resources}
        if settings == self._configuration.defaults:
            settings = {}  # the function's own defaults will do, and a bare call is faster
        call = functools.partial(self.function, **settings) if settings else direct(self.function)
        vars(self)["process"] = call

    def restored(self, options: PipeOptions, bound: dict[str, object]) -> Self:
        """A copy with the options and settings that were pickled."""
        copy = self._copy()
        vars(copy).update(options=options, _bound=bound)
        return copy

    def _default_name(self) -> str:
        return self.function.__name__

    def _value(self) -> tuple[object, ...]:
        return (self.options, self.function, tuple(sorted(self._bound_settings.items())))

    def _copy(self) -> Self:
        copy = object.__new__(type(self))
        vars(copy).update({key: value for key, value in vars(self).items() if key != "process"})
        return copy

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in self._bound_settings.items())
        return f"{self.function.__name__}({settings})" if settings else self.function.__name__

    def __reduce__(self) -> tuple[object, ...]:
        return (_unpickled, (self.function.__module__, self.function.__qualname__, self.options, self._bound_settings))


class _SyncFunction(FunctionPipe[I, O, P], SyncBasePipe[I, O]):  # pyright: ignore[reportIncompatibleMethodOverride]  # config_model: see there
    def process(self, item: I) -> O:
        return cast("O", self.function(item, **self.settings()))


class _AsyncFunction(FunctionPipe[I, O, P], AsyncBasePipe[I, O]):  # pyright: ignore[reportIncompatibleMethodOverride]  # config_model: see there
    async def process(self, item: I) -> O:
        return cast("O", await self.function(item, **self.settings()))


class _FlatFunction(FunctionPipe[I, O, P], FlatPipe[I, O]):  # pyright: ignore[reportIncompatibleMethodOverride]  # config_model: see there
    def process(self, item: I) -> Iterable[O]:
        return cast("Iterable[O]", self.function(item, **self.settings()))


class _AsyncFlatFunction(FunctionPipe[I, O, P], AsyncFlatPipe[I, O]):  # pyright: ignore[reportIncompatibleMethodOverride]  # config_model: see there
    def process(self, item: I) -> AsyncIterator[O]:
        return cast("AsyncIterator[O]", self.function(item, **self.settings()))


class _Decorator:
    """`@pipe(...)` with options: decorates a function."""

    def __init__(self, options: PipeOptions) -> None:
        self._options = options

    @overload
    def __call__(self, function: Callable[Concatenate[I, P], Coroutine[Any, Any, O]], /) -> FunctionPipe[I, O, P]: ...
    @overload
    def __call__(self, function: Callable[Concatenate[I, P], O], /) -> FunctionPipe[I, O, P]: ...
    def __call__(self, function: _Function, /) -> FunctionPipe[Any, Any, ...]:
        return _one_to_one(function, self._options)


class _FlatDecorator:
    """`@flat_pipe(...)` with options: decorates a function."""

    def __init__(self, options: PipeOptions) -> None:
        self._options = options

    @overload
    def __call__(self, function: Callable[Concatenate[I, P], AsyncIterator[O]], /) -> FunctionPipe[I, O, P]: ...
    @overload
    def __call__(self, function: Callable[Concatenate[I, P], Iterable[O]], /) -> FunctionPipe[I, O, P]: ...
    def __call__(self, function: _Function, /) -> FunctionPipe[Any, Any, ...]:
        return _flat(function, self._options)


@overload
def pipe(function: Callable[Concatenate[I, P], Coroutine[Any, Any, O]], /) -> FunctionPipe[I, O, P]: ...
@overload
def pipe(function: Callable[Concatenate[I, P], O], /) -> FunctionPipe[I, O, P]: ...
@overload
def pipe(**options: Unpack[OptionSettings]) -> _Decorator: ...
def pipe(
    function: _Function | None = None, /, **options: Unpack[OptionSettings]
) -> FunctionPipe[Any, Any, ...] | _Decorator:
    """Make a pipe of a plain or coroutine function of one item.

    Args:
        function: takes the item as its one positional parameter; keyword-only parameters are configuration.
        options: see `PipeOptions`.

    Raises:
        DefinitionError: the function has no item parameter, has several, or is a generator (use `flat_pipe`).
        ConfigError: an option is unknown or wrong.

    Example:
        >>> @pipe
        ... def parse(line: str) -> int:
        ...     return int(line)
        >>> parse.run("42")
        42
    """
    made = PipeOptions().changed(options)
    return _Decorator(made) if function is None else _one_to_one(function, made)


@overload
def flat_pipe(function: Callable[Concatenate[I, P], AsyncIterator[O]], /) -> FunctionPipe[I, O, P]: ...
@overload
def flat_pipe(function: Callable[Concatenate[I, P], Iterable[O]], /) -> FunctionPipe[I, O, P]: ...
@overload
def flat_pipe(**options: Unpack[OptionSettings]) -> _FlatDecorator: ...
def flat_pipe(
    function: _Function | None = None, /, **options: Unpack[OptionSettings]
) -> FunctionPipe[Any, Any, ...] | _FlatDecorator:
    """Make a pipe of a generator function: one item in, any number of results out.

    Args:
        function: a generator or async generator function, or one that returns an iterable.
        options: see `PipeOptions`.

    Raises:
        DefinitionError: the function has no item parameter or has several.
        ConfigError: an option is unknown or wrong.

    Example:
        >>> from collections.abc import Iterator
        >>> @flat_pipe
        ... def words(line: str) -> Iterator[str]:
        ...     yield from line.split()
        >>> list(words.map(["to be", "or not"]))
        ['to', 'be', 'or', 'not']
    """
    made = PipeOptions().changed(options)
    return _FlatDecorator(made) if function is None else _flat(function, made)


def _one_to_one(function: _Function, options: PipeOptions) -> FunctionPipe[Any, Any, ...]:
    _check_signature(function, "pipe")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise DefinitionError(
            f"@pipe on {function.__qualname__!r}: it is a generator and gives any number of results; use @flat_pipe"
        )
    return _make(_AsyncFunction if inspect.iscoroutinefunction(function) else _SyncFunction, function, options)


def _flat(function: _Function, options: PipeOptions) -> FunctionPipe[Any, Any, ...]:
    _check_signature(function, "flat_pipe")
    if inspect.iscoroutinefunction(function):
        raise DefinitionError(f"@flat_pipe on {function.__qualname__!r}: `yield` the results instead of returning them")
    return _make(_AsyncFlatFunction if inspect.isasyncgenfunction(function) else _FlatFunction, function, options)


def _make(
    kind: type[FunctionPipe[Any, Any, ...]], function: _Function, options: PipeOptions
) -> FunctionPipe[Any, Any, ...]:
    return kind(function, options)  # by the base class: checkers would make up an `__init__` for the others


def _check_signature(function: _Function, decorator: str) -> None:
    parameters = list(inspect.signature(function).parameters.values())
    where = f"@{decorator} on {function.__qualname__!r}"
    positional = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    variable = [each.name for each in parameters if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]
    if variable:
        raise DefinitionError(f"{where}: takes *{variable[0]}; a pipe takes one item and named settings")
    if not positional:
        raise DefinitionError(f"{where}: has no parameter for the item; its first parameter is the item")
    if len(positional) > 1:
        extra = ", ".join(each.name for each in positional[1:])
        raise DefinitionError(
            f"{where}: {extra} would be items too; make them keyword-only settings: (item, *, {extra})"
        )


def _unpickled(module: str, name: str, options: PipeOptions, bound: dict[str, object]) -> FunctionPipe[Any, Any, ...]:
    value: object = importlib.import_module(module)
    for part in name.split("."):
        value = getattr(value, part)
    return cast("FunctionPipe[Any, Any, ...]", value).restored(options, bound)
