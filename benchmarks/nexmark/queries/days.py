"""Queries that give figures of a day."""

from __future__ import annotations

from nexmark.model import Bid, Event
from nexmark.queries.aggregators import BidsByRank, DifferentByRank
from nexmark.queries.kinds import bids
from nexmark.queries.times import minute_of
from rivusio_streams import Daily, Stream, agg

__all__ = ["q15", "q16", "q17"]

DAY = Daily(tz="UTC")
FIGURES = (BidsByRank(), DifferentByRank(lambda bid: bid.bidder), DifferentByRank(lambda bid: bid.auction))


def price(bid: Bid) -> int:
    return bid.price


def minute(bid: Bid) -> str:
    return minute_of(bid.time)


def q15(events: Stream[Event]) -> Stream[tuple[object, ...]]:
    days = bids(events).window(DAY).aggregate(agg.combine(tuple, *FIGURES))
    return days.map(
        lambda day: (f"{day.window.start:%Y-%m-%d}", *day.value[0], *day.value[1], *day.value[2]),
    )


def q16(events: Stream[Event]) -> Stream[tuple[object, ...]]:
    figures = agg.combine(tuple, agg.maximum(minute), *FIGURES)
    days = bids(events).key_by(lambda bid: bid.channel).window(DAY).aggregate(figures)
    return days.map(
        lambda day: (
            *(day.key, f"{day.window.start:%Y-%m-%d}", day.value[0]),
            *(*day.value[1], *day.value[2], *day.value[3]),
        )
    )


def q17(events: Stream[Event]) -> Stream[tuple[object, ...]]:
    figures = agg.combine(tuple, BidsByRank(), agg.minimum(price), agg.maximum(price), agg.total(price))
    days = bids(events).key_by(lambda bid: bid.auction).window(DAY).aggregate(figures)
    return days.map(
        lambda day: (
            *(day.key, f"{day.window.start:%Y-%m-%d}", *day.value[0], day.value[1], day.value[2]),
            *(day.value[3] // day.value[0][0], day.value[3]),
        )
    )
