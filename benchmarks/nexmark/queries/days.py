"""Queries that give figures of a day."""

from __future__ import annotations

from nexmark import functions as f
from nexmark.model import Event
from nexmark.queries.aggregators import BidsByRank, DifferentByRank
from nexmark.queries.kinds import bids
from nexmark.times import minute_of
from rivusio_streams import Daily, Stream, agg

__all__ = ["q15", "q16", "q17"]

DAY = Daily(tz="UTC")
FIGURES = (BidsByRank(), DifferentByRank(f.bidder), DifferentByRank(f.auction_of))


def q15(events: Stream[Event]) -> Stream[tuple[object, ...]]:
    days = bids(events).window(DAY).aggregate(agg.combine(tuple, *FIGURES))
    return days.map(
        lambda day: (f"{day.window.start:%Y-%m-%d}", *day.value[0], *day.value[1], *day.value[2]),
    )


def q16(events: Stream[Event]) -> Stream[tuple[object, ...]]:
    figures = agg.combine(tuple, agg.maximum(f.at), *FIGURES)
    days = bids(events).key_by(f.channel).window(DAY).aggregate(figures)
    return days.map(
        lambda day: (
            *(day.key, f"{day.window.start:%Y-%m-%d}", minute_of(day.value[0])),
            *(*day.value[1], *day.value[2], *day.value[3]),
        )
    )


def q17(events: Stream[Event]) -> Stream[tuple[object, ...]]:
    figures = agg.combine(tuple, BidsByRank(), agg.minimum(f.price), agg.maximum(f.price), agg.total(f.price))
    days = bids(events).key_by(f.auction_of).window(DAY).aggregate(figures)
    return days.map(
        lambda day: (
            *(day.key, f"{day.window.start:%Y-%m-%d}", *day.value[0], day.value[1], day.value[2]),
            *(day.value[3] // day.value[0][0], day.value[3]),
        )
    )
