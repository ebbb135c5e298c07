"""Items of a chunk that lie in the same interval and next to each other."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from rivusio_streams.engine.marks import Span

__all__ = ["runs_of"]

_SHORTEST = 16
"""Items of a run on average, at the least: taking a run costs as much as looking at some items one by one."""


def runs_of(times: Sequence[int], offset: int, width: int, span: Span) -> list[tuple[int, int]] | None:
    """How many items come one after the other in each interval, and the time of one of them.

    Times mostly rise: nearly all are in the last interval, or in the last but one until a certain item. So it is enough
    to look for those that are before the last interval, which is much faster than to look where each one is.

    Args:
        times: of the items; at least one.
        offset: where intervals begin.
        width: of an interval.
        span: the smallest and the largest of the times.

    Returns:
        None where there are many runs, and so nothing is gained.

    Example:
        >>> runs_of(range(1, 21), 0, 100, (1, 20)), runs_of(range(0, 200, 5), 0, 100, (0, 195))
        ([(20, 20)], [(20, 95), (20, 195)])
    """
    low, high = span
    last = high - (high - offset) % width
    if low >= last:
        return [(len(times), high)]
    before = [index for index, time in enumerate(times) if time < last]
    shifts = [index - number for number, index in enumerate(before)]  # equal for those that follow each other
    runs, done, first, most = list[tuple[int, int]](), 0, 0, len(times) // _SHORTEST + 1
    while first < len(before):
        stop = bisect_right(shifts, shifts[first], first)
        begin, end = before[first], before[first] + stop - first
        if begin > done:
            runs.append((begin - done, high))
        if end - begin == 1:
            runs.append((1, times[begin]))
        else:
            some = times[begin:end]
            earlier = runs_of(some, offset, width, (min(some), max(some)))
            if earlier is None:
                return None
            runs += earlier
        if len(runs) > most:
            return None
        done, first = end, stop
    if done < len(times):
        runs.append((len(times) - done, high))
    return runs
