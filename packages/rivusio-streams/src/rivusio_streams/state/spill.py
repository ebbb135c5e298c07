"""Where state goes that does not fit in memory: the contract of stores on disk."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

__all__ = ["Spill", "SpillStore"]


class Spill(ABC):
    """Bytes by key, on disk: what one step of one run has put away.

    All calls come from one thread, between two items: they should take microseconds. Nothing of it outlives the run:
    what lasts is in checkpoints. Errors of the disk may be raised as they are.
    """

    @abstractmethod
    def get(self, key: bytes) -> bytes | None:
        """What was put last under a key; None: nothing."""

    @abstractmethod
    def put(self, key: bytes, value: bytes) -> None:
        """Put something under a key, in place of what is there."""

    @abstractmethod
    def delete(self, key: bytes) -> None:
        """Remove a key that is there."""

    @abstractmethod
    def __iter__(self) -> Iterator[bytes]:
        """All keys, in any order."""

    @abstractmethod
    def close(self) -> None:
        """Release everything, and remove what is on disk."""


class SpillStore(ABC):
    """Keeps state on disk; a value that makes a `Spill` for each step that needs one."""

    @abstractmethod
    def open(self, flow: str, step: str) -> Spill:
        """An empty place.

        Args:
            flow: the name of the run.
            step: the name of the step.

        Raises:
            StateError: there is none to be had.
        """
