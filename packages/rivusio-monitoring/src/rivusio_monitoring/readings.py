"""The part of a clock that monitoring needs: to read it, never to wait."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Readings"]


class Readings(Protocol):
    """Two readings of time; every `rivusio_core.Clock` gives them."""

    def wall(self) -> int:
        """Microseconds since the epoch, UTC; may jump."""
        ...

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        ...
