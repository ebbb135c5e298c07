"""Queries that give figures of a day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from nexmark import functions as f
from nexmark.accumulators import Figures, Prices
from nexmark.loops.windows import NEVER, due, next_due
from nexmark.model import Event, Row
from nexmark.timed import BOUND
from nexmark.times import day_of, minute_of

__all__ = ["q15", "q16", "q17"]

DAY = 86_400_000_000


def q15(events: Sequence[Event]) -> Sequence[Row]:
    at, is_bid, price, rank, bidder, auction_of = f.at, f.is_bid, f.price, f.rank, f.bidder, f.auction_of
    days = dict[int, Figures]()
    rows, latest, closing = list[Row](), -NEVER, NEVER
    for event in events:
        time = at(event)
        if is_bid(event):
            start = time - time % DAY
            figures = days.get(start)
            if figures is None:
                if start + DAY + BOUND <= latest:
                    continue  # late
                figures = days[start] = Figures()
                closing = min(closing, start + DAY + BOUND)
            one = figures.ranks[rank(price(event)) - 1]
            one.bids += 1
            one.bidders.add(bidder(event))
            one.auctions.add(auction_of(event))
        if time > latest:
            latest = time
            if latest >= closing:
                rows += [(day_of(start), *days.pop(start).row()) for start in due(days, DAY, latest)]
                closing = next_due(days, DAY)
    rows += [(day_of(start), *days[start].row()) for start in sorted(days)]
    return rows


def q16(events: Sequence[Event]) -> Sequence[Row]:
    at, is_bid, price, rank, bidder, auction_of = f.at, f.is_bid, f.price, f.rank, f.bidder, f.auction_of
    channel = f.channel
    days = dict[int, defaultdict[str, Figures]]()
    rows, latest, closing = list[Row](), -NEVER, NEVER
    for event in events:
        time = at(event)
        if is_bid(event):
            start = time - time % DAY
            channels = days.get(start)
            if channels is None:
                if start + DAY + BOUND <= latest:
                    continue  # late
                channels = days[start] = defaultdict(Figures)
                closing = min(closing, start + DAY + BOUND)
            figures = channels[channel(event)]
            if time > figures.latest:
                figures.latest = time
            one = figures.ranks[rank(price(event)) - 1]
            one.bids += 1
            one.bidders.add(bidder(event))
            one.auctions.add(auction_of(event))
        if time > latest:
            latest = time
            if latest >= closing:
                for start in due(days, DAY, latest):
                    rows += _of_channels(start, days.pop(start))
                closing = next_due(days, DAY)
    for start in sorted(days):
        rows += _of_channels(start, days[start])
    return rows


def _of_channels(start: int, channels: dict[str, Figures]) -> list[Row]:
    day = day_of(start)
    return [(channel, day, minute_of(each.latest), *each.row()) for channel, each in channels.items()]


def q17(events: Sequence[Event]) -> Sequence[Row]:
    at, is_bid, price_of_bid, rank, auction_of = f.at, f.is_bid, f.price, f.rank, f.auction_of
    days = dict[int, defaultdict[int, Prices]]()
    rows, latest, closing = list[Row](), -NEVER, NEVER
    for event in events:
        time = at(event)
        if is_bid(event):
            start = time - time % DAY
            auctions = days.get(start)
            if auctions is None:
                if start + DAY + BOUND <= latest:
                    continue  # late
                auctions = days[start] = defaultdict(Prices)
                closing = min(closing, start + DAY + BOUND)
            prices, price = auctions[auction_of(event)], price_of_bid(event)
            prices.bids[0] += 1
            prices.bids[rank(price)] += 1
            prices.total += price
            if price < prices.lowest:
                prices.lowest = price
            if price > prices.highest:
                prices.highest = price
        if time > latest:
            latest = time
            if latest >= closing:
                for start in due(days, DAY, latest):
                    rows += _of_auctions(start, days.pop(start))
                closing = next_due(days, DAY)
    for start in sorted(days):
        rows += _of_auctions(start, days[start])
    return rows


def _of_auctions(start: int, auctions: dict[int, Prices]) -> list[Row]:
    day = day_of(start)
    return [(auction, day, *each.row()) for auction, each in auctions.items()]
