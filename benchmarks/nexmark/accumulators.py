"""What is put together of bids, for whoever folds with functions; the loops write to the figures themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heappush, heapreplace
from typing import Self

from nexmark import functions as f
from nexmark.model import Auction, Bid, Row, Sold

__all__ = ["ByRank", "Figures", "Highest", "Lot", "Prices", "Session", "TopTen"]


@dataclass(slots=True)
class ByRank:
    """Of the bids of one rank of price."""

    bids: int = 0
    bidders: set[int] = field(default_factory=set[int])
    auctions: set[int] = field(default_factory=set[int])


@dataclass(slots=True)
class Figures:
    """How many bids, bidders and auctions, by rank of price, and when the last bid was."""

    latest: int = 0
    ranks: tuple[ByRank, ByRank, ByRank] = field(default_factory=lambda: (ByRank(), ByRank(), ByRank()))

    def add(self, bid: Bid) -> Self:
        rank = self.ranks[f.rank(f.price(bid)) - 1]
        rank.bids += 1
        rank.bidders.add(f.bidder(bid))
        rank.auctions.add(f.auction_of(bid))
        self.latest = max(self.latest, f.at(bid))
        return self

    def merge(self, other: Self) -> Self:
        for one, another in zip(self.ranks, other.ranks, strict=True):
            one.bids += another.bids
            one.bidders |= another.bidders
            one.auctions |= another.auctions
        self.latest = max(self.latest, other.latest)
        return self

    def row(self) -> Row:
        """Of each: all, and those of a low, a middling and a high price."""
        bids, bidders, auctions = zip(*((each.bids, each.bidders, each.auctions) for each in self.ranks), strict=True)
        return (
            *(sum(bids), *bids, len(set[int]().union(*bidders)), *map(len, bidders)),
            *(len(set[int]().union(*auctions)), *map(len, auctions)),
        )


@dataclass(slots=True)
class Prices:
    """How many bids, by rank of price, and at which prices."""

    bids: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    lowest: int = 2**63
    highest: int = 0
    total: int = 0

    def add(self, bid: Bid) -> Self:
        price = f.price(bid)
        self.bids[0] += 1
        self.bids[f.rank(price)] += 1
        self.lowest, self.highest = min(self.lowest, price), max(self.highest, price)
        self.total += price
        return self

    def merge(self, other: Self) -> Self:
        self.bids = [one + another for one, another in zip(self.bids, other.bids, strict=True)]
        self.lowest, self.highest = min(self.lowest, other.lowest), max(self.highest, other.highest)
        self.total += other.total
        return self

    def row(self) -> Row:
        return *self.bids, self.lowest, self.highest, self.total // self.bids[0], self.total


@dataclass(slots=True)
class Highest:
    """The bids with the highest price, all of them."""

    bids: list[Bid] = field(default_factory=list[Bid])

    def add(self, bid: Bid) -> Self:
        if not self.bids or f.price(bid) > f.price(self.bids[0]):
            self.bids = [bid]
        elif f.price(bid) == f.price(self.bids[0]):
            self.bids.append(bid)
        return self

    def merge(self, other: Self) -> Self:
        for bid in other.bids:
            self.add(bid)
        return self


@dataclass(slots=True)
class TopTen:
    """The ten highest bids, of equals the first ones, as a heap."""

    entries: list[tuple[int, int, Bid]] = field(default_factory=list[tuple[int, int, Bid]])

    def add(self, bid: Bid) -> Self:
        self._push((f.price(bid), -f.at(bid), bid))
        return self

    def merge(self, other: Self) -> Self:
        for entry in other.entries:
            self._push(entry)
        return self

    def _push(self, entry: tuple[int, int, Bid]) -> None:
        if len(self.entries) < 10:
            heappush(self.entries, entry)
        elif entry > self.entries[0]:
            heapreplace(self.entries, entry)

    def rows(self) -> list[Row]:
        """From the highest on, with their rank."""
        return [(*f.bid_row(bid), rank) for rank, (_, _, bid) in enumerate(sorted(self.entries, reverse=True), 1)]


@dataclass(slots=True)
class Session:
    """Its first and last time, and how many bids."""

    first: int = 2**63
    last: int = 0
    bids: int = 0

    def add(self, bid: Bid) -> Self:
        time = f.at(bid)
        self.first, self.last = min(self.first, time), max(self.last, time)
        self.bids += 1
        return self

    def merge(self, other: Self) -> Self:
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)
        self.bids += other.bids
        return self


@dataclass(slots=True)
class Lot:
    """An auction and its best bid; bids that came before the auction wait for it."""

    auction: Auction | None = None
    best: Bid | None = None
    early: list[Bid] = field(default_factory=list[Bid])

    def add(self, item: Auction | Bid) -> Self:
        if isinstance(item, Auction):
            self.auction = item
            for bid in self.early:
                self.best = f.better(item, self.best, bid)
            self.early.clear()
        elif self.auction is None:
            self.early.append(item)
        else:
            self.best = f.better(self.auction, self.best, item)
        return self

    def sold(self) -> Sold | None:
        """Nothing if there was no bid."""
        return None if self.auction is None or self.best is None else Sold(self.auction, self.best)
