"""The watermark just before each item that came by one of several inputs, worked out when somebody looks."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from rivusio_streams.engine.marks import Marks, highest_of

__all__ = ["MergedMarks"]


class MergedMarks(Marks):
    """Marks of an input that move the watermark of a merge only between two bounds.

    Args:
        own: marks within the input.
        times: of the items.
        floor: how far the merge had come before.
        ceiling: how far its other inputs let it come.
    """

    def __init__(self, own: Sequence[int], times: Sequence[int], floor: int, ceiling: int) -> None:
        span = own.span if isinstance(own, Marks) else (min(times), max(times))
        super().__init__(max(floor, min(highest_of(own), ceiling)), span, times)
        self._own, self._floor, self._ceiling = own, floor, ceiling

    def _list(self) -> list[int]:
        floor, ceiling, count = self._floor, self._ceiling, len(self)
        if self.highest == floor:
            return [floor] * count
        own = [*self._own]
        rising = bisect_left(own, floor)
        there = bisect_left(own, ceiling, rising)
        return [floor] * rising + own[rising:there] + [ceiling] * (count - there)
