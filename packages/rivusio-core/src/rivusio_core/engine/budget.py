"""How much a run may hold in memory, over all of its steps; in bytes, by estimate."""

from __future__ import annotations

from pydantic import ByteSize

from rivusio_core.errors import MemoryLimitExceeded

__all__ = ["BUFFER", "LOT", "Budget", "Buffer"]

BUFFER = 64 * 1024 * 1024
"""Bytes that one place may hold where items wait or are worked on, whatever the budget."""
LOT = 8 * 1024 * 1024
"""Bytes that are read at once, whatever the budget."""
_PARTS = 16
"""A lot is at most this part of the budget."""


class Budget:
    """What one run holds.

    Items on their way make room: nothing more is read until some have gone. What steps keep, their state, does not go
    away by waiting, so too much of it is an error.

    Args:
        limit: bytes; None: as much as it takes.

    Example:
        >>> budget = Budget(1_000)
        >>> budget.keep("totals", 900)
        >>> buffer = budget.buffer()
        >>> buffer.fits(200)  # one lot always fits where nothing waits, so that there is progress
        True
        >>> buffer.add(200)
        >>> buffer.fits(1)
        False
    """

    def __init__(self, limit: int | None = None) -> None:
        self.limit = limit
        self.moving = 0
        """Bytes of items on their way."""
        self.kept: dict[str, int] = {}
        """Bytes of state, by step."""

    @property
    def lot(self) -> int:
        """Bytes to be read at once at most."""
        return LOT if self.limit is None else min(LOT, max(self.limit // _PARTS, 1))

    def buffer(self) -> Buffer:
        """A place where items wait."""
        return Buffer(self)

    def fits(self, more: int) -> bool:
        """So much more may be on its way."""
        return self.limit is None or sum(self.kept.values()) + self.moving + more <= self.limit

    def keep(self, step: str, held: int) -> None:
        """A step's state is so large now.

        Raises:
            MemoryLimitExceeded: what all steps keep is more than the budget.
        """
        self.kept[step] = held
        if self.limit is None or held == 0:
            return
        total = sum(self.kept.values())
        if total > self.limit:
            most = sorted(self.kept, key=lambda each: -self.kept[each])[:3]
            raise MemoryLimitExceeded(
                f"the steps of this run keep about {_text(total)}, more than memory={_text(self.limit)}: "
                f"{', '.join(f'{_text(self.kept[each])} in {each!r}' for each in most)}; keep less (ttl=, shorter "
                "windows), say what is to become of it (limit= at key_by), or allow more"
            )


class Buffer:
    """A place where items wait or are worked on.

    Args:
        budget: of the run.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self.held = 0
        """Bytes."""

    def fits(self, more: int) -> bool:
        """There is room; always, where nothing is in it."""
        return not self.held or (self.held + more <= BUFFER and self._budget.fits(more))

    def add(self, more: int) -> None:
        """Items have come."""
        self.held += more
        self._budget.moving += more

    def free(self, less: int) -> None:
        """Items have gone."""
        self.held -= less
        self._budget.moving -= less


def _text(count: int) -> str:
    return ByteSize(count).human_readable()
