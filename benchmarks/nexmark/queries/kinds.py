"""The events of one kind."""

from __future__ import annotations

from nexmark import functions as f
from nexmark.model import Auction, Bid, Event, Person
from rivusio_streams import Stream

__all__ = ["auctions", "bids", "people"]


def people(events: Stream[Event]) -> Stream[Person]:
    """Who registered."""
    return events.filter(f.is_person, name="people")


def auctions(events: Stream[Event]) -> Stream[Auction]:
    """What was put up."""
    return events.filter(f.is_auction, name="auctions")


def bids(events: Stream[Event]) -> Stream[Bid]:
    """What was bid."""
    return events.filter(f.is_bid, name="bids")
