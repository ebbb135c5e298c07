"""Items a second over the last seconds, without a thread or timer."""

from __future__ import annotations

from collections import deque

__all__ = ["Rate"]

_WINDOW = 10


class Rate:
    """Counts by second, for the last ten seconds. Not thread-safe; times are monotonic seconds, never going back.

    Example:
        >>> rate = Rate(started=100.0)
        >>> rate.add(50, now=101.0)
        >>> rate.add(150, now=103.5)
        >>> rate.per_second(now=104.0), rate.per_second(now=200.0)
        (50.0, 0.0)
    """

    def __init__(self, started: float) -> None:
        self._started = started
        self._seconds: deque[tuple[int, int]] = deque()

    def add(self, items: int, now: float) -> None:
        """Count items at this time."""
        second = int(now)
        if self._seconds and self._seconds[-1][0] == second:
            items += self._seconds.pop()[1]
        self._seconds.append((second, items))
        while self._seconds[0][0] <= second - _WINDOW:
            self._seconds.popleft()

    def per_second(self, now: float) -> float:
        """The mean of the last ten seconds, or of the time since the start where that is less (but at least 1 s)."""
        items = sum(count for second, count in self._seconds if second > int(now) - _WINDOW)
        return items / min(_WINDOW, max(1.0, now - self._started))
