"""Queries whose answer is final at the end of the input."""

from __future__ import annotations

from nexmark.model import Event
from nexmark.queries.kinds import bids
from nexmark.queries.winning import Sold, winning
from rivusio_streams import Global, Stream, agg

__all__ = ["q4", "q18", "q19"]


def q4(events: Stream[Event]) -> Stream[tuple[int, int]]:
    sums = agg.combine(tuple, agg.total(price), agg.count())
    totals = winning(events).key_by(lambda sold: sold.auction.category).window(Global()).aggregate(sums)
    return totals.map(lambda each: (each.key, each.value[0] // each.value[1]))


def price(sold: Sold) -> int:
    return sold.bid.price


def q18(events: Stream[Event]) -> Stream[tuple[int, int, int, str, str, int, str]]:
    last = bids(events).key_by(lambda bid: (bid.bidder, bid.auction)).window(Global()).aggregate(agg.last())
    return last.map(lambda each: each.value).map(
        lambda bid: (bid.auction, bid.bidder, bid.price, bid.channel, bid.url, bid.time, bid.extra)
    )


def q19(events: Stream[Event]) -> Stream[tuple[int, int, int, str, str, int, str, int]]:
    best = bids(events).key_by(lambda bid: bid.auction).window(Global()).aggregate(agg.top(10, lambda bid: bid.price))
    return best.flat_map(
        lambda each: (
            (bid.auction, bid.bidder, bid.price, bid.channel, bid.url, bid.time, bid.extra, rank)
            for rank, bid in enumerate(each.value, 1)
        )
    )
