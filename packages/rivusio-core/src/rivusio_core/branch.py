"""Branches: one item goes to several pipes, and their results come out as a tuple."""

from __future__ import annotations

from typing import Any, TypeVar, overload

from rivusio_core.cardinality import not_one_to_one
from rivusio_core.errors import CompositionError
from rivusio_core.pipe import BasePipe
from rivusio_core.pipeline import AnyPipe, Pipeline, steps_of
from rivusio_core.ports import Ports, branch_ports, ports_of

__all__ = ["Branch", "branch"]

In = TypeVar("In", contravariant=True)
Out = TypeVar("Out", covariant=True)
J = TypeVar("J")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")

_MOST = 5  # as many as there are overloads


class Branch(BasePipe[In, Out]):
    """Gives each item to all `parts`; the result is the tuple of theirs, in their order.

    Attributes:
        parts: the pipes (or pipelines); each is one-to-one.
    """

    parts: tuple[AnyPipe, ...]

    def __ports__(self) -> Ports:
        """Takes what all parts take, gives a tuple."""
        return branch_ports([(part.step_name, ports_of(part)) for part in self.parts])

    def _default_name(self) -> str:
        return f"branch({', '.join(part.step_name for part in self.parts)})"

    def __repr__(self) -> str:
        return f"branch({', '.join(repr(part) for part in self.parts)})"


@overload
def branch(a: BasePipe[J, A], b: BasePipe[J, B], /) -> Pipeline[J, tuple[A, B]]: ...
@overload
def branch(a: BasePipe[J, A], b: BasePipe[J, B], c: BasePipe[J, C], /) -> Pipeline[J, tuple[A, B, C]]: ...
@overload
def branch(
    a: BasePipe[J, A], b: BasePipe[J, B], c: BasePipe[J, C], d: BasePipe[J, D], /
) -> Pipeline[J, tuple[A, B, C, D]]: ...
@overload
def branch(
    a: BasePipe[J, A], b: BasePipe[J, B], c: BasePipe[J, C], d: BasePipe[J, D], e: BasePipe[J, E], /
) -> Pipeline[J, tuple[A, B, C, D, E]]: ...
def branch(*pipes: BasePipe[Any, Any]) -> Pipeline[Any, Any]:
    """Give each item to two to five pipes, and all results as one flat tuple.

    `a & b` is `branch(a, b)`; `a & b & c` is `branch(branch(a, b), c)` and gives nested tuples, as its type says. Nest
    branches where there are more than five.

    Raises:
        CompositionError: a pipe is not one-to-one (a filter, say, would leave a hole in the tuple), no item fits all
            of them, or there are fewer than two or more than five.

    Example:
        >>> from rivusio_core import pipe
        >>> @pipe
        ... def length(line: str) -> int:
        ...     return len(line)
        >>> @pipe
        ... def shout(line: str) -> str:
        ...     return line.upper()
        >>> branch(length, shout, length).run("ab")
        (2, 'AB', 2)
    """
    parts = tuple(_part(pipe) for pipe in pipes)
    if not 2 <= len(parts) <= _MOST:
        raise CompositionError(f"branch takes 2 to {_MOST} pipes, not {len(parts)}; nest branches where there are more")
    for part in parts:
        culprit = not_one_to_one(part)
        if culprit is not None:
            raise CompositionError(
                f"branch gives one tuple for each item, but {culprit.step_name!r} may give none or several results; "
                f"put it before or after the branch"
            )
    step = Branch[Any, Any](parts=parts)
    return Pipeline[Any, Any]((step,), ports_of(step))


def _part(pipe: AnyPipe) -> AnyPipe:
    steps = steps_of(pipe)
    return steps[0] if len(steps) == 1 else pipe
