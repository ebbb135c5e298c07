"""Apache Beam on its in-process runner, FnApiRunner: bounded input, so that windows end when all has been read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import apache_beam as beam
import functions as f
import sales as s
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.transforms.window import FixedWindows, SlidingWindows, TimestampedValue
from contestant import Run
from data import lines, orders
from nexmark.peers import beam as nexmark

DISTRIBUTION = "apache-beam"

given: list[Any] = []
"""Of the module, since Beam pickles functions: the runner's threads are in this process."""


def _give(value: Any) -> None:
    given.append(value)


def _run(items: Iterable[Any], *steps: Any) -> list[Any]:
    given.clear()
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        values: Any = pipeline | beam.Create(list(items), reshuffle=False)
        for number, step in enumerate(steps):
            values = values | f"step{number}" >> step
        values | "give" >> beam.Map(_give)
    return list(given)


def maps(count: int) -> list[int]:
    five = (beam.Map(each) for each in (f.add, f.double, f.minus, f.add, f.double))
    return _run(range(count), *five, beam.Filter(f.third))


def rewrite(count: int) -> list[str]:
    return _run(lines(count), beam.Map(f.Order.model_validate_json), beam.Map(f.plus_tax), beam.Map(f.to_json))


def _timed(order: f.Order) -> Any:
    return TimestampedValue((f.user(order), 1), f.at(order) / 1e6)


def _with_start(counted: Any, window: Any = beam.DoFn.WindowParam) -> tuple[str, int, int]:
    return counted[0], window.start.micros, counted[1]


def _count(count: int, windows: Any) -> list[Any]:
    counted = (beam.WindowInto(windows), beam.CombinePerKey(sum), beam.Map(_with_start))
    return _run(orders(count), beam.Map(_timed), *counted)


def _sold(sale: s.Sale) -> Any:
    return TimestampedValue((s.number(sale), sale), s.at(sale) / 1e6)


def _pairs(grouped: Any) -> Iterable[s.Paid]:
    return [(left.number, right.number) for left in grouped[1]["sales"] for right in grouped[1]["payments"]]


def window_join(count: int) -> list[Any]:
    given.clear()
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        sides = dict[str, Any]()
        for name, items in (("sales", s.sales(count // 2)), ("payments", s.payments(count // 2))):
            timed: Any = pipeline | name >> beam.Create(items, reshuffle=False) | f"time of {name}" >> beam.Map(_sold)
            sides[name] = timed | f"window of {name}" >> beam.WindowInto(FixedWindows(10))
        joined: Any = sides | beam.CoGroupByKey() | beam.FlatMap(_pairs)
        joined | "give" >> beam.Map(_give)
    return list(given)


RUNS = {
    "W1": Run(maps),
    "W2": Run(rewrite),
    "W3": Run(lambda count: _count(count, FixedWindows(10))),
    "W8": Run(lambda count: _count(count, SlidingWindows(10, 2))),
    "J1": Run(window_join),
} | nexmark.RUNS
CANNOT = {
    "J2": "has no interval join",
    "J3": "has no as-of join",
    "W4": "its functions are not async",
    "W5": "its functions are not async",
    "W6": "a bounded input has no order that a running value could follow",
    "W7": "the in-process runner takes bounded input whole",
}
NOTE = "Bounded input is a batch: no watermark moves, and windows and joins are given when all has been read."
