"""Queries that give figures of a day."""

from __future__ import annotations

from nexmark import functions as f
from nexmark.model import Event
from nexmark.queries.aggregators import BidsByRank, OfDay
from nexmark.queries.kinds import bids
from nexmark.times import minute_of
from rivusio_streams import Daily, Stream, agg

__all__ = ["q15", "q16", "q17"]

DAY = Daily(tz="UTC")


def q15(events: Stream[Event]) -> Stream[tuple[object, ...]]:
    days = bids(events).window(DAY).aggregate(OfDay())
    return days.map(lambda day: (f"{day.window.start:%Y-%m-%d}", *day.value.row()))


def q16(events: Stream[Event]) -> Stream[tuple[object, ...]]:
    days = bids(events).key_by(f.channel).window(DAY).aggregate(OfDay())
    return days.map(
        lambda day: (day.key, f"{day.window.start:%Y-%m-%d}", minute_of(day.value.latest), *day.value.row()),
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
