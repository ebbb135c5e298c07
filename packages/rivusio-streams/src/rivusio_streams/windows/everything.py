"""One window for all times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rivusio_streams.windows.windowing import Windows

__all__ = ["Global"]


@dataclass(frozen=True)
class Global(Windows):
    """All items of a key: one window, which gives its result at the end of the input.

    Where the input does not end, a trigger gives results on the way. Items need no event times, and none is late. The
    event time of a result is that of its latest item, or the watermark, if that is later.

    Example:
        >>> Global()
        Global()
    """

    timed: ClassVar[bool] = False
