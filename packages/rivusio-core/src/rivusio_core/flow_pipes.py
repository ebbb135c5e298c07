"""The pipes that shapes become: plain values that the engine knows and carries out itself.

`Keep` and `Batch` have no `process`: the engine calls `Keep.predicate`, and collects for `Batch`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from types import GenericAlias
from typing import Any, TypeVar

from rivusio_core.errors import DefinitionError
from rivusio_core.hints.forms import union, variable
from rivusio_core.pipe import BasePipe, FlatPipe
from rivusio_core.ports import Ports, predicate_ports

__all__ = ["Batch", "Keep", "NotNone", "Unbatch", "check_predicate"]

T = TypeVar("T")
_ITEM = variable("item")


def is_given(item: object) -> bool:
    """The item is not None."""
    return item is not None


class Keep(BasePipe[T, T]):
    """Lets an item through when `predicate(item)` is true.

    Attributes:
        predicate: a function or coroutine function of the item.
    """

    predicate: Callable[[Any], object]

    @property
    def is_async(self) -> bool:
        """The predicate has to be awaited."""
        call = getattr(self.predicate, "__call__", None)  # noqa: B004  # of an object that is callable
        return inspect.iscoroutinefunction(self.predicate) or inspect.iscoroutinefunction(call)

    def __ports__(self) -> Ports:
        """The type that the predicate takes, narrowed where it says so."""
        return predicate_ports(self.predicate)

    def _default_name(self) -> str:
        return f"keep({_name(self.predicate)})"

    def __repr__(self) -> str:
        return f"keep({_name(self.predicate)})"


class NotNone(Keep[Any]):
    """Lets every item through but None."""

    predicate: Callable[[Any], object] = is_given

    def __ports__(self) -> Ports:
        """Takes None out of the type."""
        return Ports(union([_ITEM, None]), _ITEM)

    def _default_name(self) -> str:
        return "not_none"

    def __repr__(self) -> str:
        return "not_none()"


class Batch(BasePipe[T, list[T]]):
    """Collects items into lists.

    Attributes:
        size: how many items make a batch.
        within: seconds after its first item at which a batch is given although it is not full; None: no limit.
    """

    size: int
    within: float | None = None

    def __ports__(self) -> Ports:
        """Gives lists of what it takes."""
        return Ports(_ITEM, GenericAlias(list, (_ITEM,)))

    def _default_name(self) -> str:
        return "batch"

    def __repr__(self) -> str:
        return f"batch({self.size})" if self.within is None else f"batch({self.size}, within={self.within})"


class Unbatch(FlatPipe[Iterable[T], T]):
    """Gives the members of each item."""

    def process(self, item: Iterable[T]) -> Iterable[T]:
        """The item itself."""
        return item

    def __ports__(self) -> Ports:
        """Gives the members of what it takes."""
        return Ports(GenericAlias(Iterable, (_ITEM,)), _ITEM)

    def _default_name(self) -> str:
        return "unbatch"

    def __repr__(self) -> str:
        return "unbatch()"


def check_predicate(predicate: object, where: str) -> None:
    """Refuse what cannot be called with one item.

    Raises:
        DefinitionError: it is no function of one item; `where` begins the message.
    """
    name = getattr(predicate, "__name__", type(predicate).__name__)
    if isinstance(predicate, BasePipe):
        raise DefinitionError(f"{where}: {predicate.step_name!r} is a pipe; a predicate is a plain function")
    if not callable(predicate):
        raise DefinitionError(f"{where}: a predicate is a function of the item, not {name}")
    try:
        signature = inspect.signature(predicate)
    except (TypeError, ValueError):  # written in C
        return
    try:
        signature.bind(None)
    except TypeError as error:
        raise DefinitionError(f"{where}: {name!r} cannot be called with one item: {error}") from None


def _name(function: Callable[..., object]) -> str:
    return getattr(function, "__name__", type(function).__name__)
