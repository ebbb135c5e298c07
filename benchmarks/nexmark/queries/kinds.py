"""The events of one kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from operator import attrgetter
from typing import Final

from typing_extensions import TypeIs

from nexmark.model import Auction, Bid, Event, Person
from rivusio_streams import Stream

__all__ = ["auction_row", "auctions", "bid_row", "bids", "people"]

# `dataclasses.astuple` copies deeply, and takes ten times as long.
auction_row: Final[Callable[[Auction], tuple[object, ...]]] = attrgetter(*(each.name for each in fields(Auction)))
"""All columns of an auction."""

bid_row: Final[Callable[[Bid], tuple[object, ...]]] = attrgetter(*(each.name for each in fields(Bid)))
"""All columns of a bid."""


def people(events: Stream[Event]) -> Stream[Person]:
    """Who registered."""
    return events.filter(_is_person, name="people")


def auctions(events: Stream[Event]) -> Stream[Auction]:
    """What was put up."""
    return events.filter(_is_auction, name="auctions")


def bids(events: Stream[Event]) -> Stream[Bid]:
    """What was bid."""
    return events.filter(_is_bid, name="bids")


def _is_person(event: Event) -> TypeIs[Person]:
    return type(event) is Person


def _is_auction(event: Event) -> TypeIs[Auction]:
    return type(event) is Auction


def _is_bid(event: Event) -> TypeIs[Bid]:
    return type(event) is Bid
