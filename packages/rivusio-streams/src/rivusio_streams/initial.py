"""Values with which something begins for each key or window."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import TypeVar

from rivusio_core.errors import ConfigError, Fault

__all__ = ["copies"]

S = TypeVar("S")


def copies(initial: S, step: str) -> Callable[[], S]:
    """A function that gives a copy of a value each time; the value itself, if it cannot be changed in place.

    Args:
        initial: the value.
        step: what errors call the step.

    Raises:
        ConfigError: it cannot be copied.

    Example:
        >>> make = copies([1], "scan")
        >>> make(), make() is make()
        ([1], False)
    """
    try:
        own = deepcopy(initial)
    except Exception as error:
        what = f"{type(initial).__name__} cannot be copied, and every key needs its own"
        raise ConfigError(step, faults=[Fault(what, "initial")]) from error
    if own is initial:  # deepcopy gives numbers, texts, tuples of them, ... themselves
        return lambda: own
    return lambda: deepcopy(own)
