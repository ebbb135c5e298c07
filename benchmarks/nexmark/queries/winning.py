"""The winning bid of each auction, and queries that begin with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from nexmark import functions as f
from nexmark.model import Auction, Bid, Event, Sold
from rivusio_streams import Context, Processor, Stream, Timer

__all__ = ["q6", "q9", "winning"]


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
                state.best = f.better(item, state.best, bid)
            state.early.clear()
            context.set_timer(item.expires + 1, "close")  # when no bid can come any more that counts
        elif state.auction is not None:
            state.best = f.better(state.auction, state.best, item)
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


def winning(events: Stream[Event]) -> Stream[Sold]:
    """Each auction that had a bid, when it closes."""
    return events.filter(f.is_no_person).key_by(f.auction_of_either).process(Winning())


def q6(events: Stream[Event]) -> Stream[tuple[int, int, int]]:
    # Auctions close in the order of time, and are given in it.
    sellers = winning(events).key_by(f.seller_of)
    return sellers.scan(NONE_SOLD, f.last_ten).map(f.mean_of)


NONE_SOLD: tuple[Sold, ...] = ()


def q9(events: Stream[Event]) -> Stream[tuple[object, ...]]:
    return winning(events).map(f.won)
