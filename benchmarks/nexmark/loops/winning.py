"""The winning bid of each auction, and queries that begin with it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from heapq import heappop, heappush

from nexmark import functions as f
from nexmark.model import Auction, Bid, Event, Row, Sold
from nexmark.timed import BOUND

__all__ = ["q4", "q6", "q9", "winning"]

NEVER = 2**63


def winning(events: Sequence[Event]) -> Iterator[Sold]:
    """Each auction that had a bid, when it closes. Bids that come before their auction wait for it."""
    at, is_bid, is_auction = f.at, f.is_bid, f.is_auction
    auction_id, auction_of, better = f.auction_id, f.auction_of, f.better
    auctions, best, early = dict[int, Auction](), dict[int, Bid](), dict[int, list[Bid]]()
    timers, latest, due = list[tuple[int, int, bool]](), -NEVER, NEVER
    for event in events:
        time = at(event)
        if is_bid(event):
            key = auction_of(event)
            auction = auctions.get(key)
            if auction is not None:
                found = better(auction, best.get(key), event)
                if found is event:
                    best[key] = event
            elif key in early:
                early[key].append(event)
            else:  # an auction comes before its bids: what is not known by then has closed
                early[key] = [event]
                heappush(timers, (time + 1, key, False))
                due = timers[0][0] + BOUND
        elif is_auction(event):
            key = auction_id(event)
            auctions[key] = event
            for bid in early.pop(key, ()):
                if better(event, best.get(key), bid) is bid:
                    best[key] = bid
            heappush(timers, (event.expires + 1, key, True))
            due = timers[0][0] + BOUND
        if time > latest:
            latest = time
            while latest >= due:
                _, key, closes = heappop(timers)
                due = timers[0][0] + BOUND if timers else NEVER
                if not closes:
                    early.pop(key, None)
                    continue
                auction = auctions.pop(key)
                if key in best:
                    yield Sold(auction, best.pop(key))
    for _, key, closes in sorted(timers):
        if closes and key in best:
            yield Sold(auctions[key], best[key])


def q4(events: Sequence[Event]) -> Sequence[Row]:
    category_of, price_of = f.category_of, f.price_of
    totals, counts = defaultdict[int, int](int), defaultdict[int, int](int)
    for sold in winning(events):
        category = category_of(sold)
        totals[category] += price_of(sold)
        counts[category] += 1
    return [(category, total // counts[category]) for category, total in totals.items()]


def q6(events: Sequence[Event]) -> Sequence[Row]:
    seller_of, last_ten, mean_of = f.seller_of, f.last_ten, f.mean_of
    sales, rows = dict[int, tuple[Sold, ...]](), list[Row]()
    for sold in winning(events):
        seller = seller_of(sold)
        sales[seller] = last = last_ten(sales.get(seller, ()), sold)
        rows.append(mean_of((seller, last)))
    return rows


def q9(events: Sequence[Event]) -> Sequence[Row]:
    return list(map(f.won, winning(events)))
