"""Items that failed for good and were kept aside."""

from __future__ import annotations

from dataclasses import dataclass, field

from rivusio_core.errors import PipeError

__all__ = ["DeadLetter"]


@dataclass(frozen=True)
class DeadLetter:
    """An item as it came to the pipe that failed on it, and why.

    Attributes:
        value: the item.
        error: pipe, position, attempts and cause.
        columns: what an engine knows of the item besides; the position first.
    """

    value: object = field(repr=False)
    error: PipeError
    columns: tuple[object, ...] = field(default=(), repr=False)

    @property
    def step(self) -> str:
        """Name of the pipe that failed."""
        return self.error.pipe
