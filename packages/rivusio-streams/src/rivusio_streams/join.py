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
        left: an item of the stream that was joined with something; None in right and outer joins where there is none.
        right: what it was joined with; None in left and outer joins where there is nothing.
        window: where both happened; None for joins without windows.

    Example:
        >>> Joined("ada", left=3, right="Ada Lovelace")
        Joined(key='ada', left=3, right='Ada Lovelace', window=None)
    """

    key: K
    left: L
    right: R
    window: Window | None = None

    def __init__(self, key: K, left: L, right: R, window: Window | None = None) -> None:
        # What a frozen dataclass does, in half the time: one is made for each pair.
        _set_key(self, key)
        _set_left(self, left)
        _set_right(self, right)
        _set_window(self, window)


_set_key, _set_left, _set_right, _set_window = (vars(Joined)[name].__set__ for name in Joined.__slots__)
