"""Nexmark with Apache Beam."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import reduce
from typing import Any

import apache_beam as beam
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.transforms.window import FixedWindows, GlobalWindows, Sessions, SlidingWindows, TimestampedValue
from apache_beam.utils.timestamp import Timestamp
from contestant import Run

from nexmark import functions as f
from nexmark.accumulators import Figures, Highest, Lot, Prices, TopTen
from nexmark.chains import Step, chained
from nexmark.model import Bid, Event, Row
from nexmark.timed import events
from nexmark.times import day_of, minute_of

__all__ = ["RUNS"]

DAY = 86_400

given: list[Row] = []
"""Of the module, since Beam pickles functions: the runner's threads are in this process."""


def _give(row: Row) -> None:
    given.append(row)


def _rows(items: list[Event], build: Callable[[Any], Any]) -> list[Row]:
    """What is built on the collection of events."""
    given.clear()
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        rows = build(pipeline | "events" >> beam.Create(items, reshuffle=False))
        rows | "give" >> beam.Map(_give)
    return list(given)


def _run(build: Callable[[Any], Any]) -> Run:
    return Run(lambda count: _rows(events(count), build))


def chain(items: list[Event], steps: Sequence[Step]) -> list[Row]:
    def build(values: Any) -> Any:
        for number, (kind, function) in enumerate(steps):
            values |= f"step{number}" >> (beam.Map(function) if kind == "map" else beam.Filter(function))
        return values

    return _rows(items, build)


class Fold(beam.CombineFn):
    """With one of the accumulators."""

    def __init__(self, kind: type[Any]) -> None:
        self._kind = kind

    def create_accumulator(self) -> Any:
        return self._kind()

    def add_input(self, accumulator: Any, value: Bid) -> Any:
        return accumulator.add(value)

    def merge_accumulators(self, accumulators: Iterable[Any]) -> Any:
        return reduce(lambda one, other: one.merge(other), accumulators, self._kind())

    def extract_output(self, accumulator: Any) -> Any:
        return accumulator


def _timed(event: Event) -> Any:
    return TimestampedValue(event, Timestamp(micros=f.at(event)))


def _by(key: Callable[[Any], Any]) -> Any:
    return beam.Map(lambda item: (key(item), item))


def _bids(values: Any, key: Callable[[Bid], Any]) -> Any:
    return values | "bids" >> beam.Filter(f.is_bid) | "key" >> _by(key)


def _windowed(values: Any, windows: Any, key: Callable[[Bid], Any]) -> Any:
    return _bids(values | "time" >> beam.Map(_timed) | "window" >> beam.WindowInto(windows), key)


def _all(item: object) -> int:
    return 0


# ---------------------------------------------------------------- joins


def _joined(ones: Any, many: Any) -> Any:
    """Pairs of equal keys."""
    return (ones, many) | "join" >> beam.CoGroupByKey() | "pairs" >> beam.FlatMap(_pairs)


def _pairs(each: Any) -> Iterator[tuple[Any, Any]]:
    ones, many = each[1]
    return ((one, item) for one in ones for item in many)


def q3(values: Any) -> Any:
    people = values | "people" >> beam.Filter(f.is_person) | "person" >> _by(f.person_id)
    auctions = values | "auctions" >> beam.Filter(f.is_auction) | beam.Filter(f.is_wanted) | "seller" >> _by(f.seller)
    return _joined(people, auctions) | beam.Filter(f.is_near) | beam.Map(f.suggested)


def q20(values: Any) -> Any:
    auctions = values | "auctions" >> beam.Filter(f.is_auction) | "auction" >> _by(f.auction_id)
    return _joined(auctions, _bids(values, f.auction_of)) | beam.Filter(f.is_expanded) | beam.Map(f.expanded)


# ---------------------------------------------------------------- winning bids


def _sold(values: Any) -> Any:
    lots = values | "lots" >> beam.Filter(f.is_no_person) | "lot" >> _by(f.auction_of_either)
    return lots | "group" >> beam.GroupByKey() | "sold" >> beam.Map(_lot) | beam.Filter(lambda sold: sold is not None)


def _lot(each: Any) -> Any:
    lot = Lot()
    for item in each[1]:
        lot.add(item)
    return lot.sold()


def q4(values: Any) -> Any:
    prices = _sold(values) | "price" >> beam.Map(lambda sold: (f.category_of(sold), f.price_of(sold)))
    return prices | beam.GroupByKey() | beam.Map(_mean)


def _mean(each: Any) -> Row:
    prices = list(each[1])
    return each[0], sum(prices) // len(prices)


def q6(values: Any) -> Any:
    return _sold(values) | "seller" >> _by(f.seller_of) | beam.GroupByKey() | beam.FlatMap(_last_tens)


def _last_tens(each: Any) -> list[Row]:
    sales = sorted(each[1], key=lambda sold: sold.auction.expires)
    return [f.mean_of((each[0], tuple(sales[max(0, end - 10) : end]))) for end in range(1, len(sales) + 1)]


def q9(values: Any) -> Any:
    return _sold(values) | "rows" >> beam.Map(f.won)


# ---------------------------------------------------------------- windows


def q5(values: Any) -> Any:
    ones = _windowed(values, SlidingWindows(10, 2), f.auction_of) | "one" >> beam.Map(lambda each: (each[0], 1))
    counts = ones | "count" >> beam.CombinePerKey(sum) | "start" >> beam.Map(_by_start)
    return counts | beam.WindowInto(GlobalWindows()) | beam.GroupByKey() | beam.FlatMap(_hottest)


def _by_start(counted: Any, window: Any = beam.DoFn.WindowParam) -> Any:
    return window.start.micros, counted


def _hottest(each: Any) -> list[Row]:
    counts = list(each[1])
    most = max(count for _, count in counts)
    return [(auction, count, each[0]) for auction, count in counts if count == most]


def q7(values: Any) -> Any:
    highest = _windowed(values, FixedWindows(10), _all) | beam.CombinePerKey(Fold(Highest))
    return highest | beam.FlatMap(lambda each: [f.passed(bid) for bid in each[1].bids])


def q8(values: Any) -> Any:
    timed = values | "time" >> beam.Map(_timed) | "window" >> beam.WindowInto(FixedWindows(10))
    people = timed | "people" >> beam.Filter(f.is_person) | "person" >> _by(f.person_id)
    sellers = timed | "auctions" >> beam.Filter(f.is_auction) | "seller" >> _by(f.seller)
    return (people, sellers) | beam.CoGroupByKey() | beam.FlatMap(_new_sellers)


def _new_sellers(each: Any, window: Any = beam.DoFn.WindowParam) -> list[Row]:
    people, auctions = each[1]
    return [(person.id, person.name, window.start.micros) for person in people] if any(True for _ in auctions) else []


def q11(values: Any) -> Any:
    ones = _windowed(values, Sessions(10), f.bidder) | "one" >> beam.Map(lambda each: (each[0], 1))
    return ones | beam.CombinePerKey(sum) | beam.Map(_session)


def _session(counted: Any, window: Any = beam.DoFn.WindowParam) -> Row:
    return *counted, window.start.micros, window.end.micros


def q12(values: Any) -> Any:
    ones = _windowed(values, FixedWindows(10), f.bidder) | "one" >> beam.Map(lambda each: (each[0], 1))
    return ones | beam.CombinePerKey(sum) | beam.Map(_with_start)


def _with_start(counted: Any, window: Any = beam.DoFn.WindowParam) -> Row:
    return *counted, window.start.micros


# ---------------------------------------------------------------- days


def _of_day(values: Any, key: Callable[[Bid], Any], kind: type[Any], row: Callable[..., Row]) -> Any:
    return _windowed(values, FixedWindows(DAY), key) | beam.CombinePerKey(Fold(kind)) | beam.Map(row)


def _figures(each: Any, window: Any = beam.DoFn.WindowParam) -> Row:
    return day_of(window.start.micros), *each[1].row()


def _of_channel(each: Any, window: Any = beam.DoFn.WindowParam) -> Row:
    return each[0], day_of(window.start.micros), minute_of(each[1].latest), *each[1].row()


def _of_auction(each: Any, window: Any = beam.DoFn.WindowParam) -> Row:
    return each[0], day_of(window.start.micros), *each[1].row()


def q15(values: Any) -> Any:
    return _of_day(values, _all, Figures, _figures)


def q16(values: Any) -> Any:
    return _of_day(values, f.channel, Figures, _of_channel)


def q17(values: Any) -> Any:
    return _of_day(values, f.auction_of, Prices, _of_auction)


# ---------------------------------------------------------------- at the end


def q18(values: Any) -> Any:
    last = _bids(values, f.bidder_and_auction) | beam.combiners.Top.PerKey(1, key=f.at)
    return last | beam.Map(lambda each: f.bid_row(each[1][0]))


def q19(values: Any) -> Any:
    best = _bids(values, f.auction_of) | beam.CombinePerKey(Fold(TopTen))
    return best | beam.FlatMap(lambda each: each[1].rows())


RUNS = chained(chain) | {
    build.__name__: _run(build) for build in (q3, q4, q5, q6, q7, q8, q9, q11, q12, q15, q16, q17, q18, q19, q20)
}
