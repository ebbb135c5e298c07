"""Pipelines: several pipes in a row as one pipe.

>>> from rivusio_core import pipe
>>> @pipe
... def parse(line: str) -> int:
...     return int(line)
>>> @pipe
... def scale(number: int, *, factor: int = 2) -> int:
...     return number * factor
>>> tens = parse >> scale(factor=10)
>>> tens, len(tens), tens.run("4")
(parse >> scale(factor=10), 2, 40)
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self, TypeGuard, TypeVar, Unpack, cast

from rivusio_core.errors import CompositionError, ConfigError, Fault
from rivusio_core.function import FunctionPipe
from rivusio_core.pipe import BasePipe
from rivusio_core.ports import Ports, connect, ports_of

if TYPE_CHECKING:
    from rivusio_core.policy.options import OptionSettings

__all__ = ["AnyPipe", "Pipeline", "steps_of"]

In = TypeVar("In", contravariant=True)
Out = TypeVar("Out", covariant=True)
I = TypeVar("I")  # noqa: E741  # the item
M = TypeVar("M")
O = TypeVar("O")  # noqa: E741  # the result

AnyPipe = BasePipe[Any, Any]
"""A pipe inside others: its types were checked when they were composed, and cannot be said of a mixed tuple."""


class Pipeline(BasePipe[In, Out]):
    """Pipes in a row, made by `>>`, `&`, `branch` and `route`: an immutable value, and itself a pipe.

    Pipelines inside a pipeline are spliced in, so that `(a >> b) >> c == a >> (b >> c)`. Iterate over it, or take its
    `len`, for its steps.
    """

    def __init__(self, steps: tuple[AnyPipe, ...], ports: Ports | None = None) -> None:
        """Made by `join` and `of`, which check the types."""
        vars(self).update(_steps=steps, _ports=ports)

    @staticmethod
    def join(left: BasePipe[I, M], right: BasePipe[M, O]) -> Pipeline[I, O]:
        """`left >> right`.

        Raises:
            CompositionError: `right` does not take what `left` gives, or one of them is no pipe.
            ConfigError: a function's setting without default was not bound.
        """
        before, after = steps_of(left), steps_of(right)
        ports = connect(before[-1].step_name, ports_of(left), after[0].step_name, ports_of(right))
        return Pipeline((*before, *after), ports)

    @staticmethod
    def of(pipe: BasePipe[I, O]) -> Pipeline[I, O]:
        """A pipeline of one pipe; a pipeline is given back as it is."""
        return pipe if isinstance(pipe, Pipeline) else Pipeline(steps_of(pipe))

    @property
    def steps(self) -> tuple[AnyPipe, ...]:
        """The pipes in order; none of them is a pipeline."""
        return cast("tuple[AnyPipe, ...]", self.__dict__["_steps"])

    def __ports__(self) -> Ports:
        """The run-time types, found when the pipeline was composed."""
        ports = cast("Ports | None", self.__dict__["_ports"])
        if ports is None:  # made of one pipe, or unpickled
            ports = ports_of(self.steps[0])
            for left, right in zip(self.steps, self.steps[1:], strict=False):
                ports = connect(left.step_name, ports, right.step_name, ports_of(right))
            vars(self)["_ports"] = ports
        return ports

    def with_options(self, **settings: Unpack[OptionSettings]) -> Self:
        """The same pipeline under another `name`; the other options belong to single pipes.

        Raises:
            ConfigError: another option than `name`.
        """
        others = [name for name in settings if name != "name"]
        if others:
            names = ", ".join(step.step_name for step in self.steps)
            faults = [Fault(f"belongs to a pipe, not to a pipeline; set it on one of {names}", name) for name in others]
            raise ConfigError(f"{self.step_name}: only the name of a pipeline can be set", faults=faults)
        return super().with_options(**settings)

    def _default_name(self) -> str:
        return " >> ".join(step.step_name for step in self.steps)

    def _value(self) -> tuple[object, ...]:
        return (self.options, self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[AnyPipe]:
        return iter(self.steps)

    def __repr__(self) -> str:
        return " >> ".join(repr(step) for step in self.steps)

    def __reduce__(self) -> tuple[object, ...]:
        # Without the ports: they may hold type variables, which cannot be pickled; they are found again when needed.
        return (_unpickled, (self.steps, self.options.name))


def _unpickled(steps: tuple[AnyPipe, ...], name: str) -> Pipeline[Any, Any]:
    made = Pipeline[Any, Any](steps)
    return made.with_options(name=name) if name else made


def steps_of(pipe: object) -> tuple[AnyPipe, ...]:
    """The steps that a pipe stands for: those of a pipeline, else the pipe alone.

    Raises:
        CompositionError: it is no pipe.
        ConfigError: a function's setting without default was not bound.
    """
    if not _is_pipe(pipe):
        raise CompositionError(_no_pipe(pipe))
    if isinstance(pipe, Pipeline):
        return pipe.steps
    if isinstance(pipe, FunctionPipe):
        pipe.settings()  # refuses a missing setting here, before anything runs
    return (pipe,)


def _is_pipe(thing: object) -> TypeGuard[AnyPipe]:
    return isinstance(thing, BasePipe)


def _no_pipe(thing: Any) -> str:  # Any: whatever an untyped caller gave
    name = getattr(thing, "__qualname__", type(thing).__name__)
    if inspect.isclass(thing) and issubclass(thing, BasePipe):
        return f"{name} is a class of pipes; make one: {name}(...)"
    if inspect.isroutine(thing):
        return f"{name} is no pipe; decorate the function with @pipe"
    return f"{name} is no pipe; pipes are functions decorated with @pipe, and values of classes such as SyncBasePipe"
