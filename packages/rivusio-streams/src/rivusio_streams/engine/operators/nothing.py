"""A mark for what is not there, where None may be."""

from __future__ import annotations

from enum import Enum
from typing import Final, Literal

__all__ = ["NOTHING", "Nothing"]


class Nothing(Enum):
    """An enum, since its member stays the same one when it is copied or read back."""

    NOTHING = 0


NOTHING: Final[Literal[Nothing.NOTHING]] = Nothing.NOTHING
