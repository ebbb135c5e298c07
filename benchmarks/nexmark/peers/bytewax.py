"""Nexmark with bytewax."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import bytewax.operators as op
import bytewax.operators.windowing as windowing
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, TestingSource, run_main
from contestant import Run

from nexmark import functions as f
from nexmark.accumulators import Figures, Highest, Lot, Prices, Session, TopTen
from nexmark.chains import Step, chained
from nexmark.meetings import MEETINGS
from nexmark.model import Event, Row
from nexmark.timed import BOUND, events
from nexmark.times import day_of, minute_of

__all__ = ["RUNS"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY = 86_400_000_000
TEN, TWO = timedelta(seconds=10), timedelta(seconds=2)


def _time(event: Event) -> datetime:
    return EPOCH + timedelta(microseconds=f.at(event))


# The watermark of a key goes on with the clock while the key has no events: ten seconds more, so that none is late.
CLOCK = windowing.EventClock(_time, wait_for_system_duration=timedelta(microseconds=BOUND) + TEN)
TUMBLING = windowing.TumblingWindower(length=TEN, align_to=EPOCH)
HOPPING = windowing.SlidingWindower(length=TEN, offset=TWO, align_to=EPOCH)
DAILY = windowing.TumblingWindower(length=timedelta(days=1), align_to=EPOCH)
# A gap as long as it may be is still no end here.
SESSION = windowing.SessionWindower(gap=TEN - timedelta(microseconds=1))


def _key(of: Callable[[Any], object]) -> Callable[[Any], str]:
    """Keys are texts."""
    return lambda item: str(of(item))


def _all(item: object) -> str:
    return ""


def _rows(items: list[Event], build: Callable[[Any], Any]) -> list[Row]:
    """What is built on the stream of events."""
    flow, rows = Dataflow("flow"), list[Row]()
    op.output("out", build(op.input("in", flow, TestingSource(items, batch_size=1_000))), TestingSink(rows))
    run_main(flow)
    return rows


def _run(build: Callable[[Any], Any]) -> Run:
    return Run(lambda count: _rows(events(count), build))


def chain(items: list[Event], steps: Sequence[Step]) -> list[Row]:
    def build(stream: Any) -> Any:
        for number, (kind, function) in enumerate(steps):
            stream = getattr(op, kind)(f"step{number}", stream, function)
        return stream

    return _rows(items, build)


def _bids(stream: Any, key: Callable[[Any], str]) -> Any:
    return op.key_on("key", op.filter("bids", stream, f.is_bid), key)


def meet(name: str) -> Run:
    meeting = MEETINGS[name]

    def build(stream: Any) -> Any:
        keyed = op.key_on("key", op.filter("take", stream, meeting.takes), _key(meeting.key))
        return op.key_rm("rows", op.stateful_flat_map("meet", keyed, meeting.step))

    return _run(build)


# ---------------------------------------------------------------- windows


def _folded(stream: Any, windower: Any, kind: type[Any]) -> Any:
    """(key, (window, accumulator))."""
    return windowing.fold_window("fold", stream, CLOCK, windower, kind, kind.add, kind.merge).down


def q5(stream: Any) -> Any:
    bids = op.filter("bids", stream, f.is_bid)
    counts = windowing.count_window("count", bids, CLOCK, HOPPING, _key(f.auction_of)).down
    by_window = op.map("by window", counts, lambda each: (str(each[1][0]), [(int(each[0]), each[1][1])]))

    def higher(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> list[tuple[int, int]]:
        return one + other if one[0][1] == other[0][1] else max(one, other, key=lambda each: each[0][1])

    hottest = op.reduce_final("hottest", by_window, higher)
    return op.flat_map("rows", hottest, lambda each: [(*best, int(each[0]) * 2_000_000) for best in each[1]])


def q7(stream: Any) -> Any:
    highest = _folded(_bids(stream, _all), TUMBLING, Highest)
    return op.flat_map("rows", highest, lambda each: map(f.passed, each[1][1].bids))


def q8(stream: Any) -> Any:
    people = op.key_on("person", op.filter("people", stream, f.is_person), _key(f.person_id))
    sellers = op.key_on("seller", op.filter("auctions", stream, f.is_auction), _key(f.seller))
    both = windowing.join_window(
        "join", CLOCK, TUMBLING, people, sellers, insert_mode="first", emit_mode="final", ordered=False
    ).down

    def row(each: Any) -> Row | None:
        window, (person, auction) = each[1]
        return None if person is None or auction is None else (person.id, person.name, window * 10_000_000)

    return op.filter_map("rows", both, row)


def q11(stream: Any) -> Any:
    sessions = _folded(_bids(stream, _key(f.bidder)), SESSION, Session)

    def row(each: Any) -> Row:
        key, (_, session) = each
        return int(key), session.bids, session.first, session.last + 10_000_000

    return op.map("rows", sessions, row)


def q12(stream: Any) -> Any:
    bids = op.filter("bids", stream, f.is_bid)
    counts = windowing.count_window("count", bids, CLOCK, TUMBLING, _key(f.bidder)).down
    return op.map("rows", counts, lambda each: (int(each[0]), each[1][1], each[1][0] * 10_000_000))


def q15(stream: Any) -> Any:
    days = _folded(_bids(stream, _all), DAILY, Figures)
    return op.map("rows", days, lambda each: (day_of(each[1][0] * DAY), *each[1][1].row()))


def q16(stream: Any) -> Any:
    days = _folded(_bids(stream, f.channel), DAILY, Figures)

    def row(each: Any) -> Row:
        channel, (day, figures) = each
        return channel, day_of(day * DAY), minute_of(figures.latest), *figures.row()

    return op.map("rows", days, row)


def q17(stream: Any) -> Any:
    days = _folded(_bids(stream, _key(f.auction_of)), DAILY, Prices)
    return op.map("rows", days, lambda each: (int(each[0]), day_of(each[1][0] * DAY), *each[1][1].row()))


# ---------------------------------------------------------------- at the end of the input


def _sold(stream: Any) -> Any:
    lots = op.key_on("lot", op.filter("no people", stream, f.is_no_person), _key(f.auction_of_either))
    return op.filter_map("sold", op.fold_final("lots", lots, Lot, Lot.add), lambda each: each[1].sold())


def q4(stream: Any) -> Any:
    categories = op.key_on("category", _sold(stream), _key(f.category_of))
    totals = op.fold_final(
        "total", categories, lambda: (0, 0), lambda sums, sold: (sums[0] + f.price_of(sold), sums[1] + 1)
    )
    return op.map("rows", totals, lambda each: (int(each[0]), each[1][0] // each[1][1]))


def q6(stream: Any) -> Any:
    sellers = op.key_on("seller", _sold(stream), _key(f.seller_of))
    sales = op.fold_final("sales", sellers, list, lambda sales, sold: [*sales, sold])

    def rows(each: Any) -> list[Row]:
        seller, sales = each
        ordered = sorted(sales, key=lambda sold: sold.auction.expires)
        return [f.mean_of((int(seller), tuple(ordered[max(0, end - 10) : end]))) for end in range(1, len(ordered) + 1)]

    return op.flat_map("rows", sales, rows)


def q9(stream: Any) -> Any:
    return op.map("rows", _sold(stream), f.won)


def q18(stream: Any) -> Any:
    last = op.max_final("last", _bids(stream, _key(f.bidder_and_auction)), by=f.at)
    return op.map("rows", last, lambda each: f.bid_row(each[1]))


def q19(stream: Any) -> Any:
    best = op.fold_final("best", _bids(stream, _key(f.auction_of)), TopTen, TopTen.add)
    return op.flat_map("rows", best, lambda each: each[1].rows())


RUNS = (
    chained(chain)
    | {name: meet(name) for name in MEETINGS}
    | {build.__name__: _run(build) for build in (q4, q5, q6, q7, q8, q9, q11, q12, q15, q16, q17, q18, q19)}
)
