"""Session windows: items that follow each other closely."""

from __future__ import annotations

from dataclasses import dataclass, field

from rivusio_core.duration import Duration, duration_text
from rivusio_streams.windows.lengths import checked_lengths
from rivusio_streams.windows.windowing import Windows

__all__ = ["Session"]


@dataclass(frozen=True, init=False, repr=False)
class Session(Windows):
    """Items of a key that are less than `gap` apart are together; a window is `[first, last + gap)`.

    An item that comes between two sessions may make them one. The aggregator has to be `mergeable` for that, or
    `ordered`.

    Args:
        gap: how long nothing must have come for a session to be over.

    Attributes:
        length: `gap` in microseconds.

    Raises:
        ConfigError: `gap` is not longer than 0, or no duration.

    Example:
        >>> Session("30m")
        Session('30m')
    """

    length: int = field()

    def __init__(self, gap: Duration) -> None:
        [length] = checked_lengths("Session", {"gap": gap})
        object.__setattr__(self, "length", length)

    def __repr__(self) -> str:
        return f"Session({duration_text(self.length)!r})"
