"""Queries that look at one bid at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from nexmark.model import Bid, Event
from nexmark.queries.kinds import bids
from nexmark.queries.times import day_of, hour_of, minute_of
from nexmark.sql import SIDE_INPUT
from rivusio_streams import Stream

__all__ = ["q0", "q1", "q2", "q10", "q13", "q14", "q21", "q22"]

EUROS = Decimal("0.908")
CHANNELS = {"apple": "0", "google": "1", "facebook": "2", "baidu": "3"}
CHANNEL_ID = re.compile("(?:&|^)channel_id=([^&]*)")


def q0(events: Stream[Event]) -> Stream[tuple[int, int, int, int, str]]:
    return bids(events).map(lambda bid: (bid.auction, bid.bidder, bid.price, bid.time, bid.extra))


def q1(events: Stream[Event]) -> Stream[tuple[int, int, Decimal, int, str]]:
    return bids(events).map(lambda bid: (bid.auction, bid.bidder, EUROS * bid.price, bid.time, bid.extra))


def q2(events: Stream[Event]) -> Stream[tuple[int, int]]:
    return bids(events).filter(lambda bid: bid.auction % 123 == 0).map(lambda bid: (bid.auction, bid.price))


def q10(events: Stream[Event]) -> Stream[tuple[int, int, int, int, str, str, str]]:
    return bids(events).map(
        lambda bid: (
            *(bid.auction, bid.bidder, bid.price, bid.time, bid.extra),
            *(day_of(bid.time), minute_of(bid.time)),
        )
    )


def q13(events: Stream[Event]) -> Stream[tuple[int, int, int, int, str]]:
    known = bids(events).lookup(SIDE_INPUT.get, key=lambda bid: bid.auction % 10_000)
    return known.map(
        lambda each: (each.left.auction, each.left.bidder, each.left.price, each.left.time, each.right),
    )


def q14(events: Stream[Event]) -> Stream[tuple[int, int, Decimal, str, int, str, int]]:
    return (
        bids(events)
        .map(lambda bid: (bid, EUROS * bid.price))
        .filter(lambda priced: 1_000_000 < priced[1] < 50_000_000)
        .map(
            lambda priced: (
                *(priced[0].auction, priced[0].bidder, priced[1], time_of_day(priced[0].time)),
                *(priced[0].time, priced[0].extra, priced[0].extra.count("c")),
            )
        )
    )


def time_of_day(time: int) -> str:
    hour = hour_of(time)
    if 8 <= hour <= 18:
        return "dayTime"
    return "nightTime" if hour <= 6 or hour >= 20 else "otherTime"


def q21(events: Stream[Event]) -> Stream[tuple[int, int, int, str, str]]:
    return bids(events).flat_map(with_channel_id)


def with_channel_id(bid: Bid) -> Iterator[tuple[int, int, int, str, str]]:
    known = CHANNELS.get(bid.channel.lower())
    found = None if known else CHANNEL_ID.search(bid.url)
    if known or found:
        yield bid.auction, bid.bidder, bid.price, bid.channel, known or (found[1] if found else "")


def q22(events: Stream[Event]) -> Stream[tuple[int, int, int, str, str, str, str]]:
    return bids(events).map(with_directories)


def with_directories(bid: Bid) -> tuple[int, int, int, str, str, str, str]:
    first, second, third = bid.url.split("/", 6)[3:6]
    return bid.auction, bid.bidder, bid.price, bid.channel, first, second, third
