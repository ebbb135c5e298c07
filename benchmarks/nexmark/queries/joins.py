"""Queries that join events which may be any time apart, and arrive in either order."""

from __future__ import annotations

from nexmark import functions as f
from nexmark.meetings import Met
from nexmark.model import Auction, Bid, Event, Person
from rivusio_streams import Context, Stream

__all__ = ["q3", "q20"]


def with_person(item: Person | Auction, context: Context[int, Met[Person, Auction]]) -> list[tuple[Person, Auction]]:
    return context.state.come(item) if f.is_person(item) else context.state.meet(item)


def with_auction(item: Auction | Bid, context: Context[int, Met[Auction, Bid]]) -> list[tuple[Auction, Bid]]:
    return context.state.come(item) if f.is_auction(item) else context.state.meet(item)


def q3(events: Stream[Event]) -> Stream[tuple[str, str, str, int]]:
    both = events.filter(f.is_no_bid).filter(f.is_person_or_wanted).key_by(f.person_of_either)
    pairs = both.process(with_person, state=Met[Person, Auction])
    return pairs.filter(f.is_near).map(f.suggested)


def q20(events: Stream[Event]) -> Stream[tuple[object, ...]]:
    pairs = events.filter(f.is_no_person).key_by(f.auction_of_either).process(with_auction, state=Met[Auction, Bid])
    return pairs.filter(f.is_expanded).map(f.expanded)
