"""Nexmark with Pathway: a table for each kind of event, and expressions of columns where they suffice."""

from __future__ import annotations

from typing import Any

import pathway as pw

from nexmark import functions as f
from nexmark.peers.pathway_tables import AUCTION, BID, Tables, run
from nexmark.times import day_of, minute_of

__all__ = ["RUNS"]

TEN, TWO, DAY = 10_000_000, 2_000_000, 86_400_000_000

# ---------------------------------------------------------------- one bid at a time


def q0(tables: Tables) -> Any:
    return tables.bids()[["auction", "bidder", "price", "time", "extra"]]


def q1(tables: Tables) -> Any:
    return tables.bids().select(pw.this.auction, pw.this.bidder, euros=_euros(), time=pw.this.time, extra=pw.this.extra)


def _euros() -> Any:
    """A decimal is no type of its columns."""
    return pw.apply_with_type(lambda price: pw.wrap_py_object(f.EUROS * price), pw.PyObjectWrapper, pw.this.price)


def q2(tables: Tables) -> Any:
    return tables.bids().filter(pw.this.auction % 123 == 0).select(pw.this.auction, pw.this.price)


def q10(tables: Tables) -> Any:
    return tables.bids().select(
        *(pw.this.auction, pw.this.bidder, pw.this.price, pw.this.time, pw.this.extra),
        day=pw.apply(day_of, pw.this.time),
        minute=pw.apply(minute_of, pw.this.time),
    )


def q13(tables: Tables) -> Any:
    side = pw.debug.table_from_rows(pw.schema_from_types(key=int, value=str), list(f.SIDE_INPUT.items()))
    bids = tables.bids().with_columns(digits=pw.this.auction % 10_000)
    return bids.join(side, bids.digits == side.key).select(bids.auction, bids.bidder, bids.price, bids.time, side.value)


def q14(tables: Tables) -> Any:
    priced = tables.bids().with_columns(euros=_euros())
    middling = pw.apply_with_type(lambda euros: 1_000_000 < euros.value < 50_000_000, bool, pw.this.euros)
    return priced.filter(middling).select(
        *(pw.this.auction, pw.this.bidder, pw.this.euros),
        time_of_day=pw.apply(f.time_of_day, pw.this.time),
        time=pw.this.time,
        extra=pw.this.extra,
        count=pw.this.extra.str.count("c"),
    )


def q21(tables: Tables) -> Any:
    found = tables.bids().select(
        *(pw.this.auction, pw.this.bidder, pw.this.price, pw.this.channel),
        channel_id=pw.apply(f.channel_id, pw.this.channel, pw.this.url),
    )
    return found.filter(pw.this.channel_id.is_not_none())


def q22(tables: Tables) -> Any:
    split = tables.bids().with_columns(parts=pw.apply_with_type(f.directories, list[str], pw.this.url))
    return split.select(
        *(pw.this.auction, pw.this.bidder, pw.this.price, pw.this.channel),
        **{f"dir{number}": pw.this.parts[number] for number in (0, 1, 2)},
    )


# ---------------------------------------------------------------- joins, and winning bids


def q3(tables: Tables) -> Any:
    state = pw.this.state
    near = tables.people().filter((state == "OR") | (state == "ID") | (state == "CA"))
    wanted = tables.auctions().filter(pw.this.category == 10)
    return near.join(wanted, near.person == wanted.seller).select(near.name, near.city, near.state, wanted.auction)


def q20(tables: Tables) -> Any:
    bids, auctions = tables.bids(), tables.auctions().filter(pw.this.category == 10)
    of_auction = {f"auction_{name}": auctions[name] for name in AUCTION.column_names()[1:]}
    both = bids.join(auctions, bids.auction == auctions.auction)
    return both.select(*(bids[name] for name in BID.column_names()), **of_auction)


def _counting(auctions: Any, bids: Any) -> Any:
    """The bids that count, with their auctions."""
    both = auctions.join(bids, auctions.auction == bids.auction)
    return both.filter((bids.time >= auctions.time) & (bids.time <= auctions.expires))


def _sold(tables: Tables) -> Any:
    auctions, bids = tables.auctions(), tables.bids()
    counting = _counting(auctions, bids).select(
        auctions.auction, auctions.category, auctions.seller, auctions.expires, bids.price
    )
    lots = counting.groupby(pw.this.auction, pw.this.category, pw.this.seller, pw.this.expires)
    return lots.reduce(
        pw.this.auction, pw.this.category, pw.this.seller, pw.this.expires, price=pw.reducers.max(pw.this.price)
    )


def q4(tables: Tables) -> Any:
    price = pw.reducers.sum(pw.this.price) // pw.reducers.count()
    return _sold(tables).groupby(pw.this.category).reduce(pw.this.category, price=price)


def q6(tables: Tables) -> Any:
    sale = pw.make_tuple(pw.this.expires, pw.this.auction, pw.this.price)
    sellers = _sold(tables).groupby(pw.this.seller).reduce(pw.this.seller, sales=pw.reducers.sorted_tuple(sale))
    means = sellers.select(pw.this.seller, mean=pw.apply_with_type(_means, list[tuple[int, int]], pw.this.sales))
    return means.flatten(pw.this.mean).select(pw.this.seller, auction=pw.this.mean[0], price=pw.this.mean[1])


def _means(sales: tuple[tuple[int, int, int], ...]) -> list[tuple[int, int]]:
    tens = (sales[max(0, end - 10) : end] for end in range(1, len(sales) + 1))
    return [(ten[-1][1], sum(price for _, _, price in ten) // len(ten)) for ten in tens]


def q9(tables: Tables) -> Any:
    auctions, bids = tables.auctions(), tables.bids()
    # The highest price, and of equals the earliest.
    counting = _counting(auctions, bids).select(
        auctions.auction, bid=pw.make_tuple(bids.price, -bids.time, bids.bidder, bids.extra)
    )
    best = counting.groupby(pw.this.auction).reduce(pw.this.auction, bid=pw.reducers.max(pw.this.bid))
    return auctions.join(best, auctions.auction == best.auction).select(
        *(auctions[name] for name in AUCTION.column_names()),
        of=best.auction,
        bidder=best.bid[2],
        price=best.bid[0],
        at=-best.bid[1],
        bid_extra=best.bid[3],
    )


# ---------------------------------------------------------------- windows


def q5(tables: Tables) -> Any:
    bids = tables.bids()
    window = pw.temporal.sliding(hop=TWO, duration=TEN)
    counts = bids.windowby(bids.time, window=window, instance=bids.auction).reduce(
        auction=pw.this._pw_instance, number=pw.reducers.count(), start=pw.this._pw_window_start
    )
    most = counts.groupby(pw.this.start).reduce(pw.this.start, number=pw.reducers.max(pw.this.number))
    hottest = counts.join(most, counts.start == most.start, counts.number == most.number)
    return hottest.select(counts.auction, counts.number, counts.start)


def q7(tables: Tables) -> Any:
    bids = tables.bids()
    highest = bids.windowby(bids.time, window=pw.temporal.tumbling(duration=TEN)).reduce(
        start=pw.this._pw_window_start, price=pw.reducers.max(pw.this.price)
    )
    started = bids.with_columns(start=bids.time // TEN * TEN)
    best = started.join(highest, started.start == highest.start, started.price == highest.price)
    return best.select(started.auction, started.bidder, started.price, started.time, started.extra)


def q8(tables: Tables) -> Any:
    people, auctions = tables.people(), tables.auctions()
    window, same = pw.temporal.tumbling(duration=TEN), people.person == auctions.seller
    both = people.window_join(auctions, people.time, auctions.time, window, same).select(
        people.person, people.name, start=pw.this._pw_window_start
    )
    return both.groupby(pw.this.person, pw.this.name, pw.this.start).reduce(pw.this.person, pw.this.name, pw.this.start)


def q11(tables: Tables) -> Any:
    bids = tables.bids()
    return bids.windowby(bids.time, window=pw.temporal.session(max_gap=TEN), instance=bids.bidder).reduce(
        bidder=pw.this._pw_instance,
        number=pw.reducers.count(),
        start=pw.this._pw_window_start,
        end=pw.this._pw_window_end + TEN,
    )


def q12(tables: Tables) -> Any:
    bids = tables.bids()
    return bids.windowby(bids.time, window=pw.temporal.tumbling(duration=TEN), instance=bids.bidder).reduce(
        bidder=pw.this._pw_instance, number=pw.reducers.count(), start=pw.this._pw_window_start
    )


# ---------------------------------------------------------------- days


def _days(tables: Tables, **of: str) -> Any:
    """Bids with their rank, by day and a column."""
    bids = tables.bids()
    ranked = bids.with_columns(
        rank=pw.if_else(bids.price < 10_000, 1, pw.if_else(bids.price < 1_000_000, 2, 3)),
    )
    instance = {"instance": ranked[of["by"]]} if of else {}
    return ranked.windowby(ranked.time, window=pw.temporal.tumbling(duration=DAY), **instance)


def _day() -> Any:
    return pw.apply(day_of, pw.this._pw_window_start)


def _number(rank: int) -> Any:
    return pw.reducers.sum(pw.if_else(pw.this.rank == rank, 1, 0))


def _different(column: Any, rank: int) -> Any:
    """Those of other ranks count as one that is none, and is taken off again."""
    with_none = pw.reducers.count_distinct(pw.if_else(pw.this.rank == rank, column, -1))
    return with_none - pw.if_else(_number(rank) < pw.reducers.count(), 1, 0)


def _figures() -> dict[str, Any]:
    figures = {"bids": pw.reducers.count()} | {f"bids{rank}": _number(rank) for rank in (1, 2, 3)}
    for name, column in (("bidders", pw.this.bidder), ("auctions", pw.this.auction)):
        figures[name] = pw.reducers.count_distinct(column)
        figures |= {f"{name}{rank}": _different(column, rank) for rank in (1, 2, 3)}
    return figures


def q15(tables: Tables) -> Any:
    return _days(tables).reduce(day=_day(), **_figures())


def q16(tables: Tables) -> Any:
    minute = pw.apply(minute_of, pw.reducers.max(pw.this.time))
    return _days(tables, by="channel").reduce(channel=pw.this._pw_instance, day=_day(), minute=minute, **_figures())


def q17(tables: Tables) -> Any:
    price, total = pw.this.price, pw.reducers.sum(pw.this.price)
    return _days(tables, by="auction").reduce(
        auction=pw.this._pw_instance,
        day=_day(),
        bids=pw.reducers.count(),
        **{f"bids{rank}": _number(rank) for rank in (1, 2, 3)},
        lowest=pw.reducers.min(price),
        highest=pw.reducers.max(price),
        mean=total // pw.reducers.count(),
        total=total,
    )


# ---------------------------------------------------------------- at the end


def q18(tables: Tables) -> Any:
    bids = tables.bids()
    last = bids.groupby(bids.bidder, bids.auction).reduce(last=pw.reducers.argmax(bids.time))
    return last.select(*(bids.ix(last.last)[name] for name in BID.column_names()))


def q19(tables: Tables) -> Any:
    bids = tables.bids()
    # The highest price first, and of equals the earliest.
    bid = pw.make_tuple(-bids.price, bids.time, bids.bidder, bids.channel, bids.url, bids.extra)
    lots = bids.groupby(bids.auction).reduce(bids.auction, bids=pw.reducers.sorted_tuple(bid))
    ranked = list[tuple[int, int, int, str, str, str, int]]
    best = lots.select(lots.auction, bid=pw.apply_with_type(_ranked, ranked, lots.bids)).flatten(pw.this.bid)
    return best.select(
        best.auction,
        bidder=best.bid[2],
        price=-best.bid[0],
        channel=best.bid[3],
        url=best.bid[4],
        time=best.bid[1],
        extra=best.bid[5],
        rank=best.bid[6],
    )


def _ranked(bids: tuple[tuple[Any, ...], ...]) -> list[tuple[Any, ...]]:
    return [(*bid, rank) for rank, bid in enumerate(bids[:10], 1)]


RUNS = {
    build.__name__: run(build)
    for build in (
        *(q0, q1, q2, q3, q4, q5, q6, q7, q8, q9, q10, q11),
        *(q12, q13, q14, q15, q16, q17, q18, q19, q20, q21, q22),
    )
}
