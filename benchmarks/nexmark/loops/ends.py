"""Queries whose answer is final at the end of the input."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from heapq import heappush, heapreplace

from nexmark import functions as f
from nexmark.model import Bid, Event, Row

__all__ = ["q18", "q19"]


def q18(events: Sequence[Event]) -> Sequence[Row]:
    at, is_bid, key_of = f.at, f.is_bid, f.bidder_and_auction
    last = dict[tuple[int, int], Bid]()
    get = last.get
    for event in events:
        if is_bid(event):
            before = get(key := key_of(event))
            if before is None or at(event) > at(before):
                last[key] = event
    return list(map(f.bid_row, last.values()))


def q19(events: Sequence[Event]) -> Sequence[Row]:
    at, is_bid, auction_of, price, bid_row = f.at, f.is_bid, f.auction_of, f.price, f.bid_row
    best: defaultdict[int, list[tuple[int, int, Bid]]] = defaultdict(list)
    for event in events:
        if is_bid(event):
            ten, entry = best[auction_of(event)], (price(event), -at(event), event)
            if len(ten) < 10:
                heappush(ten, entry)
            elif entry > ten[0]:
                heapreplace(ten, entry)
    return [
        (*bid_row(bid), rank) for ten in best.values() for rank, (_, _, bid) in enumerate(sorted(ten, reverse=True), 1)
    ]
