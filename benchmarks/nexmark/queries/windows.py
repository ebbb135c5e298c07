"""Queries of windows of seconds."""

from __future__ import annotations

from nexmark import functions as f
from nexmark.model import Event
from nexmark.queries.aggregators import Highest
from nexmark.queries.kinds import auctions, bids, people
from rivusio_streams import Hopping, Session, Stream, Tumbling, agg
from rivusio_streams.moment import moment

__all__ = ["q5", "q7", "q8", "q11", "q12"]


def q5(events: Stream[Event]) -> Stream[tuple[int, int, int]]:
    counts = bids(events).key_by(f.auction_of).window(Hopping("10s", every="2s")).aggregate(agg.count())
    # A count happened in the last microsecond of its window: in each two seconds there are those of one window.
    hottest = counts.window(Tumbling("2s")).aggregate(Highest(lambda count: count.value))
    return hottest.flat_map(
        lambda together: ((count.key, count.value, moment(count.window.start)) for count in together.value)
    )


def q7(events: Stream[Event]) -> Stream[tuple[int, int, int, int, str]]:
    highest = bids(events).window(Tumbling("10s")).aggregate(Highest(f.price))
    return highest.flat_map(lambda together: map(f.passed, together.value))


def q8(events: Stream[Event]) -> Stream[tuple[int, str, int]]:
    window = Tumbling("10s")
    # A seller once a window; it happened in the window's last microsecond, and so falls in the same window again.
    sellers = auctions(events).key_by(f.seller).window(window).aggregate(agg.count())
    new = people(events).key_by(f.person_id)
    both = new.join(sellers.key_by(lambda seller: seller.key), window=window)
    return both.map(lambda joined: (joined.key, joined.left.name, moment(joined.right.window.start)))


def q11(events: Stream[Event]) -> Stream[tuple[int, int, int, int]]:
    sessions = bids(events).key_by(f.bidder).window(Session("10s")).aggregate(agg.count())
    return sessions.map(lambda each: (each.key, each.value, moment(each.window.start), moment(each.window.end)))


def q12(events: Stream[Event]) -> Stream[tuple[int, int, int]]:
    counts = bids(events).key_by(f.bidder).window(Tumbling("10s")).aggregate(agg.count())
    return counts.map(lambda each: (each.key, each.value, moment(each.window.start)))
