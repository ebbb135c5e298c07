"""Makes many values of one class at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import fields
from itertools import repeat
from typing import Any, Generic, TypeVar

__all__ = ["Bulk"]

T = TypeVar("T")


class Bulk(Generic[T]):
    """Values of a frozen dataclass with slots, in half the time that its `__init__` takes, which is not called.

    Args:
        kind: the class.

    Example:
        >>> from rivusio_streams import Joined
        >>> Bulk(Joined).make(2, ["a", "b"], [1, 2], [3, 4], repeat(None))[1]
        Joined(key='b', left=2, right=4, window=None)
    """

    def __init__(self, kind: type[T]) -> None:
        self._kind = kind
        self._put: list[Callable[[T, Any], None]] = [vars(kind)[each.name].__set__ for each in fields(kind)]  # type: ignore[arg-type]

    def make(self, count: int, *columns: Iterable[Any]) -> list[T]:
        """So many values.

        Args:
            count: how many.
            columns: for each field, in order, what the values have there.
        """
        made = list(map(object.__new__, repeat(self._kind, count)))
        for put, column in zip(self._put, columns, strict=True):
            deque(map(put, made, column), maxlen=0)  # calls it for each
        return made
