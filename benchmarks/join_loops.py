"""The joins written by hand: the tightest loops that call the same functions, and give results as soon as they may.

Both inputs are read by turns. None of these loops says which item failed, counts anything, or can stop.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict, deque
from heapq import heappop, heappush
from operator import itemgetter
from typing import Any, TypeAlias

import sales as s
from contestant import Run
from data import BOUND, SIZE
from sales import REACH, Sale

__all__ = ["RUNS"]

NEVER = 2**63

Timed: TypeAlias = tuple[int, Sale]
Pair: TypeAlias = tuple[int, Sale, Sale]
_time = itemgetter(0)


def window_join(count: int) -> list[Pair]:
    """Pairs of a sale, given in the order of time when the window that both are in closes."""
    at, number = s.at, s.number
    windows = dict[int, tuple[list[Timed], list[Timed]]]()
    given = list[Pair]()
    left_latest = right_latest = watermark = closing = -NEVER
    for sale, paid in zip(s.sales(count // 2), s.payments(count // 2), strict=True):
        time = at(sale)
        start = time - time % SIZE
        if start + SIZE > watermark:
            found = windows.get(start)
            if found is None:
                found = windows[start] = [], []
                closing = min(windows) + SIZE
            found[0].append((time, sale))
        if time > left_latest:
            left_latest = time
        time = at(paid)
        start = time - time % SIZE
        if start + SIZE > watermark:
            found = windows.get(start)
            if found is None:
                found = windows[start] = [], []
                closing = min(windows) + SIZE
            found[1].append((time, paid))
        if time > right_latest:
            right_latest = time
        latest = left_latest if left_latest < right_latest else right_latest  # noqa: FURB136  # without a call
        watermark = latest - BOUND
        if watermark >= closing:
            for start in sorted(start for start in windows if start + SIZE <= watermark):
                given += _paired(start, *windows.pop(start), number)
            closing = min(windows, default=NEVER) + SIZE
    for start in sorted(windows):
        given += _paired(start, *windows[start], number)
    return given


def _paired(start: int, lefts: list[Timed], rights: list[Timed], number: Any) -> list[Pair]:
    lefts.sort(key=_time)
    rights.sort(key=_time)
    partners = defaultdict[int, list[Sale]](list)
    for _, paid in rights:
        partners[number(paid)].append(paid)
    get = partners.get
    return [(start, sale, paid) for _, sale in lefts for paid in get(number(sale), ())]


def interval_join(count: int) -> list[Pair]:
    """Pairs of a sale and a payment of it within some seconds, given when the second of both comes."""
    at, number = s.at, s.number
    lefts, rights = dict[int, list[Timed]](), dict[int, list[Timed]]()
    left_queue, right_queue = deque[tuple[int, int]](), deque[tuple[int, int]]()
    given = list[Pair]()
    left_latest = right_latest = watermark = -NEVER
    for sale, paid in zip(s.sales(count // 2), s.payments(count // 2), strict=True):
        time = at(sale)
        if time >= watermark:
            key = number(sale)
            for other, partner in rights.get(key, ()):
                if time <= other <= time + REACH:
                    given.append((key, sale, partner))
            own = lefts.get(key)
            if own is None:
                lefts[key] = [(time, sale)]
            else:
                own.append((time, sale))
            left_queue.append((time, key))
            if time > left_latest:
                left_latest = time
        time = at(paid)
        if time >= watermark:
            key = number(paid)
            for other, partner in lefts.get(key, ()):
                if other <= time <= other + REACH:
                    given.append((key, partner, paid))
            own = rights.get(key)
            if own is None:
                rights[key] = [(time, paid)]
            else:
                own.append((time, paid))
            right_queue.append((time, key))
            if time > right_latest:
                right_latest = time
        latest = left_latest if left_latest < right_latest else right_latest  # noqa: FURB136  # without a call
        watermark = latest - BOUND
        while left_queue and left_queue[0][0] + REACH < watermark:
            key = left_queue.popleft()[1]
            own = lefts[key]
            if len(own) == 1:
                del lefts[key]
            else:
                del own[0]
        while right_queue and right_queue[0][0] < watermark:
            key = right_queue.popleft()[1]
            own = rights[key]
            if len(own) == 1:
                del rights[key]
            else:
                del own[0]
    return given


def asof_join(count: int) -> list[Pair]:
    """The last payment that a shop had got when something was sold; given when no earlier one can come any more."""
    at, shop = s.at, s.shop
    waiting = list[tuple[int, int, str, Sale]]()
    times, items = defaultdict[str, list[int]](list), defaultdict[str, list[Sale]](list)
    given = list[Pair]()
    left_latest = right_latest = watermark = -NEVER
    arrival = 0
    for sale, paid in zip(s.sales(count // 2), s.payments(count // 2), strict=True):
        time = at(sale)
        if time >= watermark:
            arrival += 1
            heappush(waiting, (time, arrival, shop(sale), sale))
            if time > left_latest:
                left_latest = time
        time = at(paid)
        if time >= watermark:
            key = shop(paid)
            own, found = times[key], items[key]
            if not own or own[-1] <= time:
                own.append(time)
                found.append(paid)
            else:
                place = bisect_right(own, time)
                own.insert(place, time)
                found.insert(place, paid)
            if time > right_latest:
                right_latest = time
        latest = left_latest if left_latest < right_latest else right_latest  # noqa: FURB136  # without a call
        watermark = latest - BOUND
        while waiting and waiting[0][0] < watermark:
            time, _, key, sold = heappop(waiting)
            own = times[key]
            place = bisect_right(own, time)
            if place:
                if place > 1:  # nobody will ask for those before
                    del own[: place - 1], items[key][: place - 1]
                given.append((time, sold, items[key][0]))
    while waiting:
        time, _, key, sale = heappop(waiting)
        place = bisect_right(times[key], time)
        if place:
            given.append((time, sale, items[key][place - 1]))
    return given


def plain(pairs: list[Pair]) -> list[s.Paid]:
    """The numbers."""
    return [(sale.number, paid.number) for _, sale, paid in pairs]


RUNS = {"J1": Run(window_join, plain), "J2": Run(interval_join, plain), "J3": Run(asof_join, plain)}
