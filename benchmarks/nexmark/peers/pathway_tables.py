"""The tables that Nexmark's events are for Pathway, and how a query of them is run."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

import pathway as pw
from contestant import Run
from pathway.internals.parse_graph import G

from nexmark import functions as f
from nexmark.model import Row
from nexmark.timed import events

__all__ = ["AUCTION", "BID", "Tables", "run"]

# A column cannot be named id.
PERSON = pw.schema_from_types(
    person=int, name=str, email=str, credit_card=str, city=str, state=str, time=int, extra=str
)
PERSON_ROW = attrgetter("id", *PERSON.column_names()[1:])
AUCTION = pw.schema_from_types(
    auction=int,
    item=str,
    description=str,
    initial_bid=int,
    reserve=int,
    time=int,
    expires=int,
    seller=int,
    category=int,
    extra=str,
)
BID = pw.schema_from_types(auction=int, bidder=int, price=int, channel=str, url=str, time=int, extra=str)


class Tables:
    """Of so many events, made when they are asked for."""

    def __init__(self, count: int) -> None:
        self._events = events(count)

    def people(self) -> Any:
        return pw.debug.table_from_rows(PERSON, list(map(PERSON_ROW, filter(f.is_person, self._events))))

    def auctions(self) -> Any:
        return pw.debug.table_from_rows(AUCTION, list(map(f.auction_row, filter(f.is_auction, self._events))))

    def bids(self) -> Any:
        return pw.debug.table_from_rows(BID, list(map(f.bid_row, filter(f.is_bid, self._events))))


def run(build: Callable[[Tables], Any]) -> Run:
    """The rows of what is built, columns in their order."""

    def rows(count: int) -> list[Row]:
        given = list[Row]()
        table = build(Tables(count))
        pw.io.subscribe(table, on_change=lambda key, row, time, is_addition: given.append(tuple(row.values())))
        pw.run(monitoring_level=pw.MonitoringLevel.NONE)
        G.clear()
        return given

    return Run(rows, lambda given: [tuple(map(_unwrapped, row)) for row in given])


def _unwrapped(value: Any) -> Any:
    return value.value if isinstance(value, pw.PyObjectWrapper) else value
