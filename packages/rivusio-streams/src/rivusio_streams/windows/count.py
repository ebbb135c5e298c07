"""Windows of a number of items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rivusio_core.errors import ConfigError, Fault
from rivusio_streams.windows.windowing import Windows

__all__ = ["Count"]


@dataclass(frozen=True, init=False, repr=False)
class Count(Windows):
    """Windows of `n` items of a key, in the order of arrival; a new one begins after every `every` items.

    A window gives its result when it is full. One that is not full at the end of the input gives none: for the rest
    of a batch, see `Stream.batch`. Items need no event times, and none is late; the window of a result is
    `[earliest, latest + 1 us)` of its items (of the times at which they came by, where nothing else is known).

    Args:
        n: items in a window.
        every: items from the start of one window to that of the next; `n` by default. With less they overlap, with
            more the items in between are left out.

    Raises:
        ConfigError: one of them is below 1.

    Example:
        >>> Count(3), Count(10, every=5)
        (Count(3), Count(10, every=5))
    """

    timed: ClassVar[bool] = False
    n: int
    every: int

    def __init__(self, n: int, *, every: int | None = None) -> None:
        hop = n if every is None else every
        faults = [
            Fault(f"must be a whole number of 1 or more, not {value!r}", name)
            for name, value in {"n": n, "every": hop}.items()
            if type(value) is not int or value < 1
        ]
        if faults:
            raise ConfigError("Count", faults=faults if every is not None else faults[:1])
        object.__setattr__(self, "n", n)
        object.__setattr__(self, "every", hop)

    def __repr__(self) -> str:
        return f"Count({self.n})" if self.every == self.n else f"Count({self.n}, every={self.every})"
