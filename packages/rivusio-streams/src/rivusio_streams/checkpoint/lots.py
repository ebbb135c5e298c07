"""Much work in a thread, done so that the event loop is hardly held up."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

__all__ = ["lots"]

T = TypeVar("T")

_SIZE = 5_000
"""What is done with so many takes a few milliseconds: no longer than Python lets a thread go on while others wait."""
_PAUSE = 0.0001
"""Seconds: a thread that sleeps for less takes the interpreter back before the event loop has woken up."""


def lots(items: Iterable[T]) -> Iterator[list[T]]:
    """Items by five thousand; behind each lot other threads may go on, which would else wait for this one for longer.

    Example:
        >>> [len(lot) for lot in lots(range(12_000))]
        [5000, 5000, 2000]
    """
    left = iter(items)
    lot = [*islice(left, _SIZE)]
    while lot:
        yield lot
        lot = [*islice(left, _SIZE)]
        if lot:
            time.sleep(_PAUSE)
