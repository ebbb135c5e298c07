"""The three kinds of events of an auction house. Times are whole microseconds since the epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["Auction", "Bid", "Event", "Person", "Row", "Sold"]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody registers, to sell or to bid."""

    id: int
    name: str
    email: str
    credit_card: str
    city: str
    state: str
    time: int
    extra: str


@dataclass(frozen=True, slots=True)
class Auction:
    """An item is put up for auction.

    Attributes:
        initial_bid: in cents, like all prices.
        reserve: what the seller wants at least.
        expires: the last microsecond at which a bid counts.
        seller: the id of a person.
        category: 10 to 14.
    """

    id: int
    item: str
    description: str
    initial_bid: int
    reserve: int
    time: int
    expires: int
    seller: int
    category: int
    extra: str


@dataclass(frozen=True, slots=True)
class Bid:
    """Somebody bids for an item.

    Attributes:
        auction: its id.
        bidder: the id of a person.
        channel: the site that the bid came by.
    """

    auction: int
    bidder: int
    price: int
    channel: str
    url: str
    time: int
    extra: str


Event: TypeAlias = Person | Auction | Bid


@dataclass(frozen=True, slots=True)
class Sold:
    """An auction that closed, and the bid that won."""

    auction: Auction
    bid: Bid


Row: TypeAlias = tuple[object, ...]
"""Of an answer."""
