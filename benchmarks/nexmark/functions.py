"""What the queries do with an event: the same functions for the streams, the hand-written loops and the peers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from decimal import Decimal
from operator import attrgetter
from typing import Final, TypeAlias

from typing_extensions import TypeIs

from nexmark.model import Auction, Bid, Event, Person, Sold
from nexmark.times import day_of, hour_of, minute_of

EUROS: Final = Decimal("0.908")
CHANNELS: Final[Mapping[str, str]] = {"apple": "0", "google": "1", "facebook": "2", "baidu": "3"}
CHANNEL_ID: Final = re.compile("(?:&|^)channel_id=([^&]*)")
SIDE_INPUT: Final[Mapping[int, str]] = {key: f"{key * key % 9_973:05d}" for key in range(0, 10_000, 3)}
"""The table of query 13, for the last four digits of an auction: it knows one in three."""

# `dataclasses.astuple` copies deeply, and takes ten times as long.
auction_row: Final[Callable[[Auction], tuple[object, ...]]] = attrgetter(*(each.name for each in fields(Auction)))
"""All columns of an auction."""

bid_row: Final[Callable[[Bid], tuple[object, ...]]] = attrgetter(*(each.name for each in fields(Bid)))
"""All columns of a bid."""

# ---------------------------------------------------------------- what an event is, and has


def is_person(event: Event) -> TypeIs[Person]:
    return type(event) is Person


def is_auction(event: Event) -> TypeIs[Auction]:
    return type(event) is Auction


def is_bid(event: Event) -> TypeIs[Bid]:
    return type(event) is Bid


def is_no_person(event: Event) -> TypeIs[Auction | Bid]:
    return type(event) is not Person


def is_no_bid(event: Event) -> TypeIs[Person | Auction]:
    return type(event) is not Bid


def at(event: Event) -> int:
    return event.time


def person_id(person: Person) -> int:
    return person.id


def auction_id(auction: Auction) -> int:
    return auction.id


def seller(auction: Auction) -> int:
    return auction.seller


def auction_of(bid: Bid) -> int:
    return bid.auction


def auction_of_either(item: Auction | Bid) -> int:
    return item.id if is_auction(item) else item.auction


def person_of_either(item: Person | Auction) -> int:
    return item.id if is_person(item) else item.seller


def bidder(bid: Bid) -> int:
    return bid.bidder


def channel(bid: Bid) -> str:
    return bid.channel


def price(bid: Bid) -> int:
    return bid.price


def rank(price: int) -> int:
    """1, 2 or 3: below 10,000, below 1,000,000, and above."""
    return 1 if price < 10_000 else 2 if price < 1_000_000 else 3


# ---------------------------------------------------------------- queries that look at one bid at a time


def passed(bid: Bid) -> tuple[int, int, int, int, str]:
    return bid.auction, bid.bidder, bid.price, bid.time, bid.extra


def in_euros(bid: Bid) -> tuple[int, int, Decimal, int, str]:
    return bid.auction, bid.bidder, EUROS * bid.price, bid.time, bid.extra


def is_selected(bid: Bid) -> bool:
    return bid.auction % 123 == 0


def selected(bid: Bid) -> tuple[int, int]:
    return bid.auction, bid.price


def partitioned(bid: Bid) -> tuple[int, int, int, int, str, str, str]:
    time = bid.time
    return bid.auction, bid.bidder, bid.price, time, bid.extra, day_of(time), minute_of(time)


def last_digits(bid: Bid) -> int:
    return bid.auction % 10_000


WithSideInput: TypeAlias = tuple[int, int, int, int, str]


def with_side_input(bid: Bid, found: str) -> WithSideInput:
    return bid.auction, bid.bidder, bid.price, bid.time, found


def looked_up(bid: Bid) -> WithSideInput | None:
    """For those who have no look-up of their own."""
    found = SIDE_INPUT.get(last_digits(bid))
    return None if found is None else with_side_input(bid, found)


def has_side_input(row: WithSideInput | None) -> TypeIs[WithSideInput]:
    return row is not None


def priced(bid: Bid) -> tuple[Bid, Decimal]:
    return bid, EUROS * bid.price


def is_middling(priced: tuple[Bid, Decimal]) -> bool:
    return 1_000_000 < priced[1] < 50_000_000


def calculated(priced: tuple[Bid, Decimal]) -> tuple[int, int, Decimal, str, int, str, int]:
    bid, price = priced
    time, extra = bid.time, bid.extra
    return bid.auction, bid.bidder, price, time_of_day(time), time, extra, extra.count("c")


def time_of_day(time: int) -> str:
    hour = hour_of(time)
    if 8 <= hour <= 18:
        return "dayTime"
    return "nightTime" if hour <= 6 or hour >= 20 else "otherTime"


def channel_id(channel: str, url: str) -> str | None:
    known = CHANNELS.get(channel.lower())
    if known:
        return known
    found = CHANNEL_ID.search(url)
    return found[1] if found else None


WithChannel: TypeAlias = tuple[int, int, int, str, str]


def with_channel_id(bid: Bid) -> WithChannel | None:
    found = channel_id(bid.channel, bid.url)
    return None if found is None else (bid.auction, bid.bidder, bid.price, bid.channel, found)


def has_channel_id(row: WithChannel | None) -> TypeIs[WithChannel]:
    return row is not None


def directories(url: str) -> list[str]:
    return url.split("/", 6)[3:6]


def with_directories(bid: Bid) -> tuple[int, int, int, str, str, str, str]:
    first, second, third = directories(bid.url)
    return bid.auction, bid.bidder, bid.price, bid.channel, first, second, third


# ---------------------------------------------------------------- queries that put events together


def is_wanted(auction: Auction) -> bool:
    return auction.category == 10


def is_person_or_wanted(item: Person | Auction) -> bool:
    return is_person(item) or item.category == 10


def is_near(pair: tuple[Person, Auction]) -> bool:
    return pair[0].state in {"OR", "ID", "CA"}


def suggested(pair: tuple[Person, Auction]) -> tuple[str, str, str, int]:
    person, auction = pair
    return person.name, person.city, person.state, auction.id


def is_expanded(pair: tuple[Auction, Bid]) -> bool:
    return pair[0].category == 10


def expanded(pair: tuple[Auction, Bid]) -> tuple[object, ...]:
    auction, bid = pair
    return *bid_row(bid), *auction_row(auction)[1:]


def better(auction: Auction, best: Bid | None, bid: Bid) -> Bid | None:
    """The one that wins, as far as it counts: the higher, and of equals the first."""
    if not auction.time <= bid.time <= auction.expires:
        return best
    if best is None or bid.price > best.price or (bid.price == best.price and bid.time < best.time):
        return bid
    return best


def seller_of(sold: Sold) -> int:
    return sold.auction.seller


def category_of(sold: Sold) -> int:
    return sold.auction.category


def price_of(sold: Sold) -> int:
    return sold.bid.price


def last_ten(last: tuple[Sold, ...], sold: Sold) -> tuple[Sold, ...]:
    return *last[-9:], sold


def mean_of(sales: tuple[int, tuple[Sold, ...]]) -> tuple[int, int, int]:
    seller, last = sales
    return seller, last[-1].auction.id, sum(each.bid.price for each in last) // len(last)


def won(sold: Sold) -> tuple[object, ...]:
    bid = sold.bid
    return *auction_row(sold.auction), bid.auction, bid.bidder, bid.price, bid.time, bid.extra


def bidder_and_auction(bid: Bid) -> tuple[int, int]:
    return bid.bidder, bid.auction
