"""Some queries written by hand, over a list of all events: rows come at the end, and nothing is ever late.

That is less than a stream does, which gives a row as soon as the watermark allows, and so the most that it could reach.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from nexmark.model import Auction, Bid, Event, Person
from nexmark.queries.each import EUROS
from nexmark.sql import Row
from rivusio_streams.moment import moment

__all__ = ["LOOPS"]

TEN, TWO = 10_000_000, 2_000_000


def q0(events: Sequence[Event]) -> list[Row]:
    return [(bid.auction, bid.bidder, bid.price, bid.time, bid.extra) for bid in events if isinstance(bid, Bid)]


def q1(events: Sequence[Event]) -> list[Row]:
    euros = EUROS
    return [(bid.auction, bid.bidder, euros * bid.price, bid.time, bid.extra) for bid in events if isinstance(bid, Bid)]


def q2(events: Sequence[Event]) -> list[Row]:
    return [(bid.auction, bid.price) for bid in events if isinstance(bid, Bid) and bid.auction % 123 == 0]


def q5(events: Sequence[Event]) -> list[Row]:
    panes: defaultdict[int, defaultdict[int, int]] = defaultdict(lambda: defaultdict(int))
    for bid in events:
        if isinstance(bid, Bid):
            panes[bid.time - bid.time % TWO][bid.auction] += 1
    rows = list[Row]()
    for start in sorted({pane - back for pane in panes for back in range(0, TEN, TWO)}):
        counts = defaultdict[int, int](int)
        for pane in range(start, start + TEN, TWO):
            for auction, number in panes.get(pane, {}).items():
                counts[auction] += number
        most, begin = max(counts.values()), moment(start)
        rows += [(auction, number, begin) for auction, number in counts.items() if number == most]
    return rows


def q8(events: Sequence[Event]) -> list[Row]:
    sellers, people = set[tuple[int, int]](), list[Person]()
    for event in events:
        if isinstance(event, Auction):
            sellers.add((event.seller, event.time // TEN))
        elif isinstance(event, Person):
            people.append(event)
    return [
        (person.id, person.name, moment(person.time // TEN * TEN))
        for person in people
        if (person.id, person.time // TEN) in sellers
    ]


def q12(events: Sequence[Event]) -> list[Row]:
    windows: defaultdict[int, defaultdict[int, int]] = defaultdict(lambda: defaultdict(int))
    for bid in events:
        if isinstance(bid, Bid):
            windows[bid.time - bid.time % TEN][bid.bidder] += 1
    return [(bidder, count, moment(start)) for start, counts in windows.items() for bidder, count in counts.items()]


LOOPS: Final[Mapping[str, Callable[[Sequence[Event]], list[Row]]]] = {
    loop.__name__: loop for loop in (q0, q1, q2, q5, q8, q12)
}
