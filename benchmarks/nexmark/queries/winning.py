"""The winning bid of each auction, and queries that begin with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from nexmark.model import Auction, Bid, Event
from nexmark.queries.kinds import auction_row, auctions, bids
from rivusio_streams import Context, Processor, Stream, Timer

__all__ = ["Sold", "q6", "q9", "winning"]


@dataclass(frozen=True, slots=True)
class Sold:
    """An auction that closed, and the bid that won."""

    auction: Auction
    bid: Bid


@dataclass(slots=True)
class Open:
    """What is known of an auction that has not closed.

    Attributes:
        early: bids that arrived before their auction.
    """

    auction: Auction | None = None
    best: Bid | None = None
    early: list[Bid] = field(default_factory=list[Bid])


class Winning(Processor[int, Auction | Bid, Open, Sold]):
    """Keeps the best bid of each auction until it closes. Keeps nothing of auctions that have closed."""

    def create(self) -> Open:
        return Open()

    def on_item(self, item: Auction | Bid, context: Context[int, Open]) -> None:
        state = context.state
        if isinstance(item, Auction):
            state.auction = item
            for bid in state.early:
                self._take(bid, item, state)
            state.early.clear()
            context.set_timer(item.expires + 1, "close")  # when no bid can come any more that counts
        elif state.auction is not None:
            self._take(item, state.auction, state)
        else:
            if not state.early:  # an auction comes before its bids: what is not known by then has closed
                context.set_timer(item.time + 1, "early")
            state.early.append(item)

    def on_timer(self, timer: Timer, context: Context[int, Open]) -> Iterator[Sold]:
        state = context.state
        if state.auction is None:
            context.clear()
        elif timer.name == "close":
            context.clear()
            if state.best is not None:
                yield Sold(state.auction, state.best)

    def _take(self, bid: Bid, auction: Auction, state: Open) -> None:
        if not auction.time <= bid.time <= auction.expires:
            return
        best = state.best
        if best is None or (bid.price, -bid.time) > (best.price, -best.time):
            state.best = bid


def auction_of(item: Auction | Bid) -> int:
    return item.id if isinstance(item, Auction) else item.auction


def winning(events: Stream[Event]) -> Stream[Sold]:
    """Each auction that had a bid, when it closes."""
    return auctions(events).merge(bids(events)).key_by(auction_of).process(Winning())


def q6(events: Stream[Event]) -> Stream[tuple[int, int, int]]:
    # Auctions close in the order of time, and are given in it.
    sellers = winning(events).key_by(lambda sold: sold.auction.seller)
    last_ten = sellers.scan(NONE_SOLD, lambda last, sold: (*last[-9:], sold))
    return last_ten.map(lambda each: (each[0], each[1][-1].auction.id, mean_price(each[1])))


NONE_SOLD: tuple[Sold, ...] = ()


def mean_price(sold: Sequence[Sold]) -> int:
    return sum(each.bid.price for each in sold) // len(sold)


def q9(events: Stream[Event]) -> Stream[tuple[object, ...]]:
    return winning(events).map(
        lambda sold: (
            *auction_row(sold.auction),
            *(sold.bid.auction, sold.bid.bidder, sold.bid.price, sold.bid.time, sold.bid.extra),
        )
    )
