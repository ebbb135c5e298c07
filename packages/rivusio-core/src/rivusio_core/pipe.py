"""Pipes: typed steps that take one item and give a result, composed with `>>` and `&`.

A pipe is an immutable value. Its annotations are its configuration; a run works on its own copy of it.

Example:
    >>> class Discount(SyncBasePipe[float, float]):
    ...     rate: float = 0.1
    ...     def process(self, item: float) -> float:
    ...         return item * (1 - self.rate)
    >>> Discount(rate=0.5).run(10.0)
    5.0
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, Unpack, cast, dataclass_transform

from pydantic import BaseModel, Field

from rivusio_core.configuration import Configuration
from rivusio_core.policy.options import OptionSettings, PipeOptions
from rivusio_core.state import state

if TYPE_CHECKING:  # the pipeline module imports this one
    from rivusio_core.opened import Opened
    from rivusio_core.pipeline import Pipeline
    from rivusio_core.run_settings import RunSettings

__all__ = ["AsyncBasePipe", "AsyncFlatPipe", "AsyncLife", "BasePipe", "FlatPipe", "SyncBasePipe", "SyncLife"]

In = TypeVar("In", contravariant=True)
Out = TypeVar("Out", covariant=True)
S = TypeVar("S")
J = TypeVar("J")
A = TypeVar("A")
B = TypeVar("B")


@dataclass_transform(kw_only_default=True, field_specifiers=(Field, state))
class BasePipe(ABC, Generic[In, Out]):
    """A step from items of type `In` to results of type `Out`; base of all pipes.

    Derive from `SyncBasePipe`, `AsyncBasePipe`, `FlatPipe` or `AsyncFlatPipe`, or decorate a function with `@pipe` or
    `@flat_pipe`. Two pipes are equal when type, configuration and options are.
    """

    options: ClassVar[PipeOptions] = PipeOptions()
    """How the pipe is called; set it in the class, or get a changed pipe from `with_options`."""

    _configuration: ClassVar[Configuration]

    def __init__(self, **config: Any) -> None:  # Any: the checkers synthesise the real signature per class
        """Make the pipe from its configuration.

        Raises:
            ConfigError: listing every setting that is missing, unknown or wrong.
        """
        vars(self).update(self._configuration.validate(config))

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        cls._configuration = Configuration.of_class(cls)

    @classmethod
    def config_model(cls) -> type[BaseModel]:
        """The pydantic model of the configuration: schema for files, editors and documentation."""
        return cls._configuration.model

    @property
    def step_name(self) -> str:
        """The name in errors, graphs and metrics."""
        return self.options.name or self._default_name()

    def _default_name(self) -> str:
        return type(self).__name__

    def with_options(self, **settings: Unpack[OptionSettings]) -> Self:
        """The same pipe called in another way.

        Raises:
            ConfigError: an option is unknown or wrong.

        Example:
            >>> from rivusio_core import pipe
            >>> @pipe
            ... async def fetch(url: str) -> str: ...
            >>> fetch.with_options(concurrency=8).options.concurrency
            8
        """
        changed = self._copy()
        vars(changed)["options"] = self.options.changed(settings)
        return changed

    # ------------------------------------------------------------------------------------------- composition

    def __rshift__(self, nxt: BasePipe[Out, S]) -> Pipeline[In, S]:
        """This pipe, then `nxt`.

        Raises:
            CompositionError: `nxt` does not take what this pipe gives.
        """
        from rivusio_core import pipeline, shapes  # both import this module

        other: object = nxt  # wider than declared: a shape (which answers itself), or a mistake of an untyped caller
        if isinstance(other, shapes.Shape):
            return NotImplemented
        return pipeline.Pipeline.join(self, nxt)

    def __and__(self: BasePipe[J, A], other: BasePipe[J, B]) -> Pipeline[J, tuple[A, B]]:
        """Give each item to both pipes, and both results as a tuple.

        Raises:
            CompositionError: a side is not one-to-one, or the two take different types.
        """
        from rivusio_core.branch import branch  # imports this module

        return branch(self, other)

    def __rand__(self: BasePipe[J, B], other: BasePipe[J, A]) -> Pipeline[J, tuple[A, B]]:  # type: ignore[misc]  # gives the same
        """`other & self`, for checkers: they come here where `other` takes more than this pipe does."""
        from rivusio_core.branch import branch  # imports this module

        return branch(other, self)

    # ----------------------------------------------------------------------------------------------- running

    def run(self, item: In) -> Out:
        """The result for one item, from sync code; async pipes are run in an event loop of their own.

        Raises:
            CardinalityError: the pipeline is not one-to-one; use `map`.
            PipeError: a pipe failed.
            RuntimeError: a pipe is async and an event loop is running already; use `arun`.
        """
        with self.opened() as opened:
            return opened.run(item)

    async def arun(self, item: In) -> Out:
        """The result for one item, from async code; on asyncio and trio.

        Raises:
            CardinalityError: the pipeline is not one-to-one; use `amap`.
            PipeError: a pipe failed.
        """
        async with self.aopened() as opened:
            return await opened.arun(item)

    def map(self, items: Iterable[In], **settings: Unpack[RunSettings]) -> Iterator[Out]:
        """The results for many items, lazily and in bounded memory, from sync code.

        The caller's own thread reads `items`, no further ahead than concurrency asks for. Close the iterator (or
        let go of it) to stop early: everything is then closed.

        Args:
            items: any iterable, endless ones included.
            settings: see `RunSettings`.

        Raises:
            PipeError: a pipe failed; all results before that item were given.
        """
        from rivusio_core.run import map_items  # imports this module

        return map_items(self, items, settings)

    def amap(self, items: Iterable[In] | AsyncIterable[In], **settings: Unpack[RunSettings]) -> AsyncIterator[Out]:
        """The results for many items, lazily and in bounded memory, from async code.

        An iterable is read on the event loop; hand over an async iterable where reading blocks.

        Args:
            items: any iterable or async iterable, endless ones included.
            settings: see `RunSettings`.

        Raises:
            PipeError: a pipe failed; all results before that item were given.
        """
        from rivusio_core.run import amap_items  # imports this module

        return amap_items(self, items, settings)

    def opened(self, **settings: Unpack[RunSettings]) -> Opened[In, Out]:
        """A context manager that sets the pipes up once, for many calls of `run`, from sync code."""
        from rivusio_core.opened import Opened  # imports this module

        return Opened(self, settings)

    def aopened(self, **settings: Unpack[RunSettings]) -> Opened[In, Out]:
        """An async context manager that sets the pipes up once, for many calls of `arun`."""
        return self.opened(**settings)

    # --------------------------------------------------------------------------------------------- as a value

    def _copy(self) -> Self:
        """A copy without what a run left on it."""
        copy = object.__new__(type(self))
        vars(copy).update({key: value for key, value in vars(self).items() if key not in self._configuration.state})
        return copy

    def _value(self) -> tuple[object, ...]:
        """What makes two pipes of one type equal."""
        return (self.options, *(self.__dict__[name] for name in self._configuration.fields))

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return False
        return self._value() == cast("BasePipe[Any, Any]", other)._value()

    def __hash__(self) -> int:
        return hash((type(self), self._value()))

    def __repr__(self) -> str:
        config = ", ".join(f"{name}={self.__dict__[name]!r}" for name in self._configuration.fields)
        return f"{type(self).__name__}({config})"

    def __setattr__(self, name: str, value: object) -> None:
        # `typing` sets `__orig_class__` on values of generic classes: the one place that knows `Tag[int]` from `Tag`.
        if name not in self._configuration.state and name != "__orig_class__":
            what = (
                "configuration" if name in self._configuration.fields else "not declared; declare it with `= state()`"
            )
            raise AttributeError(f"{type(self).__name__}.{name} is {what}: a pipe is a value, make another one instead")
        vars(self)[name] = value

    if not TYPE_CHECKING:  # with it, checkers would accept any misspelled attribute

        def __getattr__(self, name: str) -> object:
            if name in type(self)._configuration.state:
                hint = f"{type(self).__name__}.{name} does not exist yet: setup() makes it, once per run"
                raise AttributeError(hint)
            raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")


class SyncLife:
    """What sync pipes may do around a run."""

    def setup(self) -> None:
        """Called once per run, on the run's own copy, before the first item."""

    def teardown(self) -> None:
        """Called once per run after the last item, always where `setup` began, in reverse order."""


class AsyncLife:
    """What async pipes may do around a run."""

    async def setup(self) -> None:
        """Called once per run, on the run's own copy, before the first item."""

    async def teardown(self) -> None:
        """Called once per run after the last item, always where `setup` began, in reverse order."""


class SyncBasePipe(SyncLife, BasePipe[In, Out]):
    """A pipe whose `process` is a plain method: one item in, one result out."""

    @abstractmethod
    def process(self, item: In) -> Out:
        """The result for an item."""


class AsyncBasePipe(AsyncLife, BasePipe[In, Out]):
    """A pipe whose `process` is a coroutine: one item in, one result out."""

    @abstractmethod
    async def process(self, item: In) -> Out:
        """The result for an item."""


class FlatPipe(SyncLife, BasePipe[In, Out]):
    """A pipe that gives any number of results for an item, usually as a generator."""

    @abstractmethod
    def process(self, item: In) -> Iterable[Out]:
        """The results for an item, in order."""


class AsyncFlatPipe(AsyncLife, BasePipe[In, Out]):
    """A pipe that gives any number of results for an item as an async generator."""

    @abstractmethod
    def process(self, item: In) -> AsyncIterable[Out]:
        """The results for an item, in order."""
