"""Queries whose answer is final at the end of the input."""

from __future__ import annotations

from nexmark import functions as f
from nexmark.model import Event
from nexmark.queries.kinds import bids
from nexmark.queries.winning import winning
from rivusio_streams import Global, Stream, agg

__all__ = ["q4", "q18", "q19"]


def q4(events: Stream[Event]) -> Stream[tuple[int, int]]:
    sums = agg.combine(tuple, agg.total(f.price_of), agg.count())
    totals = winning(events).key_by(f.category_of).window(Global()).aggregate(sums)
    return totals.map(lambda each: (each.key, each.value[0] // each.value[1]))


def q18(events: Stream[Event]) -> Stream[tuple[object, ...]]:
    last = bids(events).key_by(f.bidder_and_auction).window(Global()).aggregate(agg.last())
    return last.map(lambda each: f.bid_row(each.value))


def q19(events: Stream[Event]) -> Stream[tuple[object, ...]]:
    best = bids(events).key_by(f.auction_of).window(Global()).aggregate(agg.top(10, f.price))
    return best.flat_map(lambda each: ((*f.bid_row(bid), rank) for rank, bid in enumerate(each.value, 1)))
