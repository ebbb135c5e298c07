"""Routes: each item goes to the first pipe whose predicate holds."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar, cast, overload

from typing_extensions import TypeIs

from rivusio_core.errors import CompositionError, DefinitionError
from rivusio_core.flow_pipes import Batch, check_predicate
from rivusio_core.pipe import BasePipe
from rivusio_core.pipeline import AnyPipe, Pipeline, steps_of
from rivusio_core.ports import Ports, ports_of, route_ports

__all__ = ["Route", "route"]

In = TypeVar("In", contravariant=True)
Out = TypeVar("Out", covariant=True)
I = TypeVar("I")  # noqa: E741  # the item
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
Z = TypeVar("Z")
O1 = TypeVar("O1")
O2 = TypeVar("O2")
O3 = TypeVar("O3")
O4 = TypeVar("O4")
O5 = TypeVar("O5")

Predicate = Callable[[Any], bool]
"""A predicate inside a route: its type was checked against its neighbours' when the route was made."""


class Route(BasePipe[In, Out]):
    """Gives each item to the pipe of the first arm whose predicate holds, else to `otherwise`.

    Attributes:
        arms: pairs of a (plain) predicate and a pipe or pipeline, tried in order.
        otherwise: takes the rest.
    """

    arms: tuple[tuple[Predicate, AnyPipe], ...]
    otherwise: AnyPipe

    @property
    def parts(self) -> tuple[AnyPipe, ...]:
        """All pipes, `otherwise` last."""
        return (*(pipe for _, pipe in self.arms), self.otherwise)

    def __ports__(self) -> Ports:
        """Takes what all arms take (what they take together, where predicates narrow), gives the union."""
        arms = [(predicate, pipe.step_name, ports_of(pipe)) for predicate, pipe in self.arms]
        return route_ports(arms, (self.otherwise.step_name, ports_of(self.otherwise)))

    def _default_name(self) -> str:
        return f"route({', '.join(part.step_name for part in self.parts)})"

    def __repr__(self) -> str:
        arms = [f"({getattr(predicate, '__name__', predicate)}, {pipe!r})" for predicate, pipe in self.arms]
        return f"route({', '.join(arms)}, otherwise={self.otherwise!r})"


# Predicates that narrow come first: each arm then takes its own type, and `otherwise` what is left.
@overload
def route(
    a: tuple[Callable[[Z], TypeIs[A]], BasePipe[A, O1]], /, *, otherwise: BasePipe[Z, O5]
) -> Pipeline[A | Z, O1 | O5]: ...
@overload
def route(a: tuple[Callable[[I], bool], BasePipe[I, O1]], /, *, otherwise: BasePipe[I, O5]) -> Pipeline[I, O1 | O5]: ...
@overload
def route(
    a: tuple[Callable[[Z], TypeIs[A]], BasePipe[A, O1]],
    b: tuple[Callable[[Z], TypeIs[B]], BasePipe[B, O2]],
    /,
    *,
    otherwise: BasePipe[Z, O5],
) -> Pipeline[A | B | Z, O1 | O2 | O5]: ...
@overload
def route(
    a: tuple[Callable[[I], bool], BasePipe[I, O1]],
    b: tuple[Callable[[I], bool], BasePipe[I, O2]],
    /,
    *,
    otherwise: BasePipe[I, O5],
) -> Pipeline[I, O1 | O2 | O5]: ...
@overload
def route(
    a: tuple[Callable[[Z], TypeIs[A]], BasePipe[A, O1]],
    b: tuple[Callable[[Z], TypeIs[B]], BasePipe[B, O2]],
    c: tuple[Callable[[Z], TypeIs[C]], BasePipe[C, O3]],
    /,
    *,
    otherwise: BasePipe[Z, O5],
) -> Pipeline[A | B | C | Z, O1 | O2 | O3 | O5]: ...
@overload
def route(
    a: tuple[Callable[[I], bool], BasePipe[I, O1]],
    b: tuple[Callable[[I], bool], BasePipe[I, O2]],
    c: tuple[Callable[[I], bool], BasePipe[I, O3]],
    /,
    *,
    otherwise: BasePipe[I, O5],
) -> Pipeline[I, O1 | O2 | O3 | O5]: ...
@overload
def route(
    a: tuple[Callable[[Z], TypeIs[A]], BasePipe[A, O1]],
    b: tuple[Callable[[Z], TypeIs[B]], BasePipe[B, O2]],
    c: tuple[Callable[[Z], TypeIs[C]], BasePipe[C, O3]],
    d: tuple[Callable[[Z], TypeIs[D]], BasePipe[D, O4]],
    /,
    *,
    otherwise: BasePipe[Z, O5],
) -> Pipeline[A | B | C | D | Z, O1 | O2 | O3 | O4 | O5]: ...
@overload
def route(
    a: tuple[Callable[[I], bool], BasePipe[I, O1]],
    b: tuple[Callable[[I], bool], BasePipe[I, O2]],
    c: tuple[Callable[[I], bool], BasePipe[I, O3]],
    d: tuple[Callable[[I], bool], BasePipe[I, O4]],
    /,
    *,
    otherwise: BasePipe[I, O5],
) -> Pipeline[I, O1 | O2 | O3 | O4 | O5]: ...
def route(*arms: tuple[Predicate, AnyPipe], otherwise: AnyPipe) -> Pipeline[Any, Any]:
    """Send each item one way: to the first pipe whose predicate holds, else to `otherwise`.

    Predicates are plain functions. Where all of them return `TypeIs`, each arm takes its own type, `otherwise` takes
    the rest, and the route takes all of these. An arm may filter or give several results; then the route does.

    Args:
        arms: one to four pairs of a predicate and a pipe.
        otherwise: takes what no arm takes. It is required, so that no item is lost without a word.

    Raises:
        CompositionError: there is no arm or are more than four, an arm contains `batch`, or the types do not fit.
        DefinitionError: a predicate is a coroutine function or cannot be called.

    Example:
        >>> from rivusio_core import pipe
        >>> @pipe
        ... def half(number: int) -> int:
        ...     return number // 2
        >>> @pipe
        ... def same(number: int) -> int:
        ...     return number
        >>> def is_even(number: int) -> bool:
        ...     return number % 2 == 0
        >>> list(route((is_even, half), otherwise=same).map([3, 4]))
        [3, 2]
    """
    if not 1 <= len(arms) <= _MOST:
        raise CompositionError(
            f"route takes 1 to {_MOST} arms (predicate, pipe), not {len(arms)}; nest routes for more"
        )
    checked = tuple((_predicate(predicate), _part(pipe)) for predicate, pipe in arms)
    step = Route[Any, Any](arms=checked, otherwise=_part(otherwise))
    return Pipeline[Any, Any]((step,), ports_of(step))


_MOST = 4  # as many as there are overloads


def _predicate(predicate: object) -> Predicate:
    check_predicate(predicate, "route")
    if inspect.iscoroutinefunction(predicate):
        name = getattr(predicate, "__name__", "")
        raise DefinitionError(
            f"route: predicate {name!r} is a coroutine function; find out in a pipe before, and decide by its result"
        )
    return cast("Predicate", predicate)


def _part(pipe: AnyPipe) -> AnyPipe:
    steps = steps_of(pipe)
    if any(isinstance(step, Batch) for step in steps):
        raise CompositionError("batch cannot stand inside a route: put it before or behind, so that batches are full")
    return steps[0] if len(steps) == 1 else pipe
