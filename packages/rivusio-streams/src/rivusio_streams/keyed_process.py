"""What is done with the items of a key, one by one: what a `ProcessNode` says."""

from __future__ import annotations

from abc import ABC
from typing import ClassVar

__all__ = ["KeyedProcess"]


class KeyedProcess(ABC):  # noqa: B024  # what its kinds have in common is that they keep something of each key
    """Base of the kinds of processes; values."""

    timed: ClassVar[bool] = False
    """It needs event times."""
