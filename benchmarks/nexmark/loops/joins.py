"""Queries that join events which may be any time apart, and arrive in either order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from nexmark import functions as f
from nexmark.model import Auction, Bid, Event, Person, Row

__all__ = ["q3", "q20"]


def q3(events: Sequence[Event]) -> Sequence[Row]:
    is_person, is_auction, is_wanted, is_near = f.is_person, f.is_auction, f.is_wanted, f.is_near
    person_id, seller, suggested = f.person_id, f.seller, f.suggested
    people, waiting, rows = dict[int, Person](), defaultdict[int, list[Auction]](list), list[Row]()
    for event in events:
        if is_auction(event):
            if is_wanted(event):
                key = seller(event)
                person = people.get(key)
                if person is None:
                    waiting[key].append(event)
                elif is_near(pair := (person, event)):
                    rows.append(suggested(pair))
        elif is_person(event):
            key = person_id(event)
            people[key] = event
            if key in waiting:
                rows += [suggested(pair) for auction in waiting.pop(key) if is_near(pair := (event, auction))]
    return rows


def q20(events: Sequence[Event]) -> Sequence[Row]:
    is_bid, is_auction, is_expanded = f.is_bid, f.is_auction, f.is_expanded
    auction_id, auction_of, expanded = f.auction_id, f.auction_of, f.expanded
    auctions, waiting, rows = dict[int, Auction](), defaultdict[int, list[Bid]](list), list[Row]()
    for event in events:
        if is_bid(event):
            key = auction_of(event)
            auction = auctions.get(key)
            if auction is None:
                waiting[key].append(event)
            elif is_expanded(pair := (auction, event)):
                rows.append(expanded(pair))
        elif is_auction(event):
            key = auction_id(event)
            auctions[key] = event
            if key in waiting:
                rows += [expanded(pair) for bid in waiting.pop(key) if is_expanded(pair := (event, bid))]
    return rows
