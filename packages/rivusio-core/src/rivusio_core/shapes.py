"""Shapes: steps that fit any type and change how items flow: `keep`, `not_none`, `batch`, `unbatch`.

A shape takes its type from its neighbour, so it is written between pipes, or before one:

>>> from rivusio_core import pipe
>>> @pipe
... def parse(line: str) -> int | None:
...     return int(line) if line.isdigit() else None
>>> @pipe
... def total(numbers: list[int]) -> int:
...     return sum(numbers)
>>> list((parse >> not_none() >> batch(2) >> total).map(["1", "x", "2", "3"]))
[3, 3]
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeGuard, TypeVar, cast, overload

from typing_extensions import TypeIs

from rivusio_core.duration import Duration, seconds
from rivusio_core.errors import CompositionError, ConfigError, Fault
from rivusio_core.flow_pipes import Batch, Keep, NotNone, Unbatch, check_predicate
from rivusio_core.pipeline import AnyPipe, Pipeline

if TYPE_CHECKING:
    from rivusio_core.pipe import BasePipe

__all__ = [
    "Batch",
    "BatchShape",
    "Keep",
    "KeepShape",
    "NarrowShape",
    "NotNone",
    "NotNoneShape",
    "Shape",
    "Unbatch",
    "UnbatchShape",
    "batch",
    "keep",
    "not_none",
    "unbatch",
]

I = TypeVar("I")  # noqa: E741  # the item
S = TypeVar("S")
T = TypeVar("T")
N = TypeVar("N")
Tested = TypeVar("Tested", contravariant=True)
Narrowed = TypeVar("Narrowed", covariant=True)
Taken = TypeVar("Taken", contravariant=True)
Given = TypeVar("Given", covariant=True)
GivenToo = TypeVar("GivenToo", covariant=True)


class Shape:
    """A step that fits any type. It is no pipe: it becomes one, `step`, beside a neighbour.

    It answers `>>` from the right (`__rrshift__`): a generic pipe on the right of `>>` would lose its type variable.
    """

    def __init__(self, step: AnyPipe) -> None:
        self.step = step

    def _after(self, prev: object) -> Pipeline[Any, Any]:
        if isinstance(prev, Shape):
            raise CompositionError(
                f"{prev} >> {self}: nothing says what flows here; begin with a pipe, as in pipe >> {prev} >> {self}"
            )
        return Pipeline.join(cast("AnyPipe", prev), self.step)

    def _before(self, nxt: object) -> Pipeline[Any, Any]:
        return nxt._after(self) if isinstance(nxt, Shape) else Pipeline.join(self.step, cast("AnyPipe", nxt))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Shape) and self.step == other.step

    def __hash__(self) -> int:
        return hash((Shape, self.step))

    def __repr__(self) -> str:
        return repr(self.step)


class _Gives(Protocol[Taken, Given, GivenToo]):
    """A pipe whose results are taken twice: exactly, to be passed on, and more widely, for the predicate.

    `self: KeepShape[T], prev: BasePipe[I, T]` would solve `T` by the predicate alone and pass on what that takes.
    """

    def run(self, item: Taken, /) -> Given: ...
    async def arun(self, item: Taken, /) -> GivenToo: ...


class KeepShape(Shape, Generic[Tested]):
    """What `keep` gives: the items for which a predicate holds, of the same type."""

    def __rrshift__(self, prev: _Gives[I, T, Tested]) -> Pipeline[I, T]:
        """`prev >> keep(...)`."""
        return self._after(prev)

    def __rshift__(self: KeepShape[T], nxt: BasePipe[T, S]) -> Pipeline[T, S]:
        """`keep(...) >> nxt` at the head of a pipeline."""
        return self._before(nxt)


class NarrowShape(Shape, Generic[Tested, Narrowed]):
    """What `keep` gives for a predicate that narrows: the items for which it holds, of the narrower type."""

    def __rrshift__(self: NarrowShape[T, N], prev: BasePipe[I, T]) -> Pipeline[I, N]:
        """`prev >> keep(...)`."""
        return self._after(prev)

    def __rshift__(self: NarrowShape[T, N], nxt: BasePipe[N, S]) -> Pipeline[T, S]:
        """`keep(...) >> nxt` at the head of a pipeline."""
        return self._before(nxt)


class NotNoneShape(Shape):
    """What `not_none` gives: the items that are there."""

    def __rrshift__(self, prev: BasePipe[I, T | None]) -> Pipeline[I, T]:
        """`prev >> not_none()`."""
        return self._after(prev)

    def __rshift__(self, nxt: BasePipe[T, S]) -> Pipeline[T | None, S]:
        """`not_none() >> nxt` at the head of a pipeline."""
        return self._before(nxt)


class BatchShape(Shape):
    """What `batch` gives: items in lists."""

    def __rrshift__(self, prev: BasePipe[I, T]) -> Pipeline[I, list[T]]:
        """`prev >> batch(n)`."""
        return self._after(prev)

    def __rshift__(self, nxt: BasePipe[list[T], S]) -> Pipeline[T, S]:
        """`batch(n) >> nxt` at the head of a pipeline."""
        return self._before(nxt)


class UnbatchShape(Shape):
    """What `unbatch` gives: the members of each item."""

    def __rrshift__(self, prev: BasePipe[I, Iterable[T]]) -> Pipeline[I, T]:
        """`prev >> unbatch()`."""
        return self._after(prev)

    def __rshift__(self, nxt: BasePipe[T, S]) -> Pipeline[Iterable[T], S]:
        """`unbatch() >> nxt` at the head of a pipeline."""
        return self._before(nxt)


@overload
def keep(predicate: Callable[[T], TypeIs[N]], /) -> NarrowShape[T, N]: ...  # type: ignore[overload-overlap]  # first match wins
@overload
def keep(predicate: Callable[[T], TypeGuard[N]], /) -> NarrowShape[T, N]: ...  # type: ignore[overload-overlap]
@overload
def keep(predicate: Callable[[T], Awaitable[bool]], /) -> KeepShape[T]: ...
@overload
def keep(predicate: Callable[[T], bool], /) -> KeepShape[T]: ...
def keep(predicate: Callable[[Any], object], /) -> Shape:
    """Let only those items through for which the predicate holds.

    Args:
        predicate: a function of the item, or a coroutine function. One that returns `TypeIs[X]` or `TypeGuard[X]`
            narrows the type of what follows to `X`.

    Raises:
        DefinitionError: the predicate is no function of one item.

    Example:
        >>> from rivusio_core import pipe
        >>> @pipe
        ... def parse(line: str) -> int:
        ...     return int(line)
        >>> def is_even(number: int) -> bool:
        ...     return number % 2 == 0
        >>> list((parse >> keep(is_even)).map(["1", "2", "4"]))
        [2, 4]
    """
    check_predicate(predicate, "keep")
    return KeepShape[Any](Keep[Any](predicate=predicate))


def not_none() -> NotNoneShape:
    """Leave out the items that are None, and take `None` out of the type.

    Example:
        >>> from rivusio_core import pipe
        >>> @pipe
        ... def find(name: str) -> int | None:
        ...     return {"a": 1}.get(name)
        >>> list((find >> not_none()).map(["a", "b"]))
        [1]
    """
    return NotNoneShape(NotNone())


def batch(n: int, within: Duration | None = None) -> BatchShape:
    """Collect items into lists of `n`; the last one may be shorter.

    Args:
        n: how many items make a batch.
        within: a batch is given this long after its first item came, even when it is not full.

    Raises:
        ConfigError: `n` is below 1, or `within` is not longer than 0.

    Example:
        >>> from rivusio_core import pipe
        >>> @pipe
        ... def parse(line: str) -> int:
        ...     return int(line)
        >>> list((parse >> batch(2)).map("123"))
        [[1, 2], [3]]
    """
    faults = list[Fault]()
    if not _is_size(n):
        faults.append(Fault(f"must be a whole number from 1, not {n!r}", "n"))
    wait: float | None = None
    if within is not None:
        try:
            wait = seconds(within, "within")
            if wait <= 0:
                faults.append(Fault("must be longer than 0", "within"))
        except ConfigError as error:
            faults += error.faults
    if faults:
        raise ConfigError("batch", faults=faults)
    return BatchShape(Batch[Any](size=n, within=wait))


def unbatch() -> UnbatchShape:
    """Give the members of each item one by one: the reverse of `batch`, for any iterable.

    Example:
        >>> from rivusio_core import pipe
        >>> @pipe
        ... def digits(line: str) -> list[int]:
        ...     return [int(digit) for digit in line]
        >>> list((digits >> unbatch()).map(["12", "3"]))
        [1, 2, 3]
    """
    return UnbatchShape(Unbatch[Any]())


def _is_size(value: object) -> bool:  # object: callers may be untyped
    return isinstance(value, int) and value >= 1
