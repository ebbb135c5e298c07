"""The query of sessions."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush

from nexmark import functions as f
from nexmark.model import Event, Row
from nexmark.timed import BOUND

__all__ = ["q11"]

GAP = 10_000_000
NEVER = 2**63


def q11(events: Sequence[Event]) -> Sequence[Row]:
    """A session is [first, last, count]. Disorder may open two of a bidder that a bid between them makes one."""
    at, is_bid, bidder = f.at, f.is_bid, f.bidder
    sessions = dict[int, list[list[int]]]()
    rows, ends, latest, closing = list[Row](), list[tuple[int, int]](), -NEVER, NEVER
    for event in events:
        time = at(event)
        if is_bid(event):
            key = bidder(event)
            own = sessions.get(key)
            if own is not None and own[-1][0] <= time < own[-1][1] + GAP:
                session = own[-1]
                session[2] += 1
                if time > session[1]:
                    session[1] = time
            else:
                near = [each for each in own or () if each[0] - GAP < time < each[1] + GAP]
                if not near and time + GAP + BOUND <= latest:
                    continue  # late
                first, last = min([time, *(each[0] for each in near)]), max([time, *(each[1] for each in near)])
                one = [first, last, 1 + sum(each[2] for each in near)]
                sessions[key] = sorted([*(each for each in own or () if each not in near), one])
                heappush(ends, (last + GAP, key))
                closing = ends[0][0] + BOUND
        if time > latest:
            latest = time
            while latest >= closing:
                _, key = heappop(ends)
                still = list[list[int]]()
                for session in sessions.pop(key, ()):
                    if session[1] + GAP + BOUND <= latest:
                        rows.append((key, session[2], session[0], session[1] + GAP))
                    else:
                        still.append(session)
                if still:
                    sessions[key] = still
                    heappush(ends, (still[0][1] + GAP, key))
                closing = ends[0][0] + BOUND if ends else NEVER
    rows += [(key, count, first, last + GAP) for key, own in sessions.items() for first, last, count in own]
    return rows
