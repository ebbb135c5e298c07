"""Queries of windows of seconds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from nexmark import functions as f
from nexmark.model import Bid, Event, Row
from nexmark.timed import BOUND

__all__ = ["NEVER", "due", "next_due", "q5", "q7", "q8", "q12"]

SIZE, HOP = 10_000_000, 2_000_000
NEVER = 2**63


def due(windows: Iterable[int], size: int, latest: int) -> list[int]:
    """The starts of windows that have ended, in the order of time."""
    return sorted(start for start in windows if start + size + BOUND <= latest)


def next_due(windows: Iterable[int], size: int) -> int:
    """Which latest event will end a window."""
    return min(windows, default=NEVER) + size + BOUND


def q5(events: Sequence[Event]) -> Sequence[Row]:
    """Counted once a hop, and added up when a window ends."""
    at, is_bid, auction_of = f.at, f.is_bid, f.auction_of
    panes = dict[int, defaultdict[int, int]]()
    rows, latest, closing = list[Row](), -NEVER, NEVER
    for event in events:
        time = at(event)
        if is_bid(event):
            pane = time - time % HOP
            counts = panes.get(pane)
            if counts is None:
                if pane + SIZE + BOUND <= latest:
                    continue  # late for every window
                counts = panes[pane] = defaultdict(int)
                ended = (latest - BOUND) // HOP * HOP  # the last window that did
                closing = min(closing, max(pane, ended) + HOP + BOUND)
            counts[auction_of(event)] += 1
        if time > latest:
            latest = time
            while latest >= closing:  # the window that ends there
                rows += _hottest(panes, closing - BOUND - SIZE)
                panes.pop(closing - BOUND - SIZE, None)
                closing += HOP
    end = closing - BOUND
    while panes and end - SIZE <= max(panes):
        rows += _hottest(panes, end - SIZE)
        end += HOP
    return rows


def _hottest(panes: dict[int, defaultdict[int, int]], start: int) -> list[Row]:
    totals = dict[int, int]()
    get = totals.get
    for pane in range(start, start + SIZE, HOP):
        if pane in panes:
            for auction, count in panes[pane].items():
                totals[auction] = get(auction, 0) + count
    most = max(totals.values(), default=0)
    return [(auction, count, start) for auction, count in totals.items() if count == most]


def q7(events: Sequence[Event]) -> Sequence[Row]:
    at, is_bid, price = f.at, f.is_bid, f.price
    windows = dict[int, list[Bid]]()
    rows, latest, closing = list[Row](), -NEVER, NEVER
    for event in events:
        time = at(event)
        if is_bid(event):
            start = time - time % SIZE
            best = windows.get(start)
            if best is None:
                if start + SIZE + BOUND <= latest:
                    continue  # late
                windows[start] = [event]
                closing = min(closing, start + SIZE + BOUND)
            else:
                own, highest = price(event), price(best[0])
                if own > highest:
                    windows[start] = [event]
                elif own == highest:
                    best.append(event)
        if time > latest:
            latest = time
            if latest >= closing:
                for start in due(windows, SIZE, latest):
                    rows += map(f.passed, windows.pop(start))
                closing = next_due(windows, SIZE)
    for start in sorted(windows):
        rows += map(f.passed, windows[start])
    return rows


def q8(events: Sequence[Event]) -> Sequence[Row]:
    at, is_bid, is_auction, person_id, seller = f.at, f.is_bid, f.is_auction, f.person_id, f.seller
    windows = dict[int, tuple[dict[int, str], set[int]]]()
    rows, latest, closing = list[Row](), -NEVER, NEVER
    for event in events:
        time = at(event)
        if not is_bid(event):
            start = time - time % SIZE
            both = windows.get(start)
            if both is None:
                if start + SIZE + BOUND <= latest:
                    continue  # late
                both = windows[start] = {}, set()
                closing = min(closing, start + SIZE + BOUND)
            if is_auction(event):
                both[1].add(seller(event))
            else:
                both[0][person_id(event)] = event.name
        if time > latest:
            latest = time
            if latest >= closing:
                for start in due(windows, SIZE, latest):
                    rows += _who_sells(start, *windows.pop(start))
                closing = next_due(windows, SIZE)
    for start in sorted(windows):
        rows += _who_sells(start, *windows[start])
    return rows


def _who_sells(start: int, people: dict[int, str], sellers: set[int]) -> list[Row]:
    return [(person, people[person], start) for person in people.keys() & sellers]


def q12(events: Sequence[Event]) -> Sequence[Row]:
    at, is_bid, bidder = f.at, f.is_bid, f.bidder
    windows = dict[int, defaultdict[int, int]]()
    rows, latest, closing = list[Row](), -NEVER, NEVER
    for event in events:
        time = at(event)
        if is_bid(event):
            start = time - time % SIZE
            counts = windows.get(start)
            if counts is None:
                if start + SIZE + BOUND <= latest:
                    continue  # late
                counts = windows[start] = defaultdict(int)
                closing = min(closing, start + SIZE + BOUND)
            counts[bidder(event)] += 1
        if time > latest:
            latest = time
            if latest >= closing:
                for start in due(windows, SIZE, latest):
                    rows += [(key, count, start) for key, count in windows.pop(start).items()]
                closing = next_due(windows, SIZE)
    for start in sorted(windows):
        rows += [(key, count, start) for key, count in windows[start].items()]
    return rows
