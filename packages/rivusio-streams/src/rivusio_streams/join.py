"""What joins give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from rivusio_streams.windows import Window

__all__ = ["Joined"]

K = TypeVar("K", covariant=True)
L = TypeVar("L", covariant=True)
R = TypeVar("R", covariant=True)


@dataclass(frozen=True, slots=True)
class Joined(Generic[K, L, R]):
    """Two things that belong together.

    Attributes:
        key: what they have in common.
        left: an item of the stream that was joined with something.
        right: what it was joined with; None in outer joins where there is nothing.
        window: where both happened; None for joins without windows.

    Example:
        >>> Joined("ada", left=3, right="Ada Lovelace")
        Joined(key='ada', left=3, right='Ada Lovelace', window=None)
    """

    key: K
    left: L
    right: R
    window: Window | None = None
