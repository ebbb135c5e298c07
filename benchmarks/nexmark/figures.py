"""Figures of a day's bids, for those that have no aggregates to combine: the loops and the peers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from nexmark import functions as f
from nexmark.model import Bid, Row

__all__ = ["ByRank", "Figures", "Prices"]


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
