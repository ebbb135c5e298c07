"""bytewax: dataflows on a Rust engine, run in this process on one worker."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import bytewax.operators as op
import bytewax.operators.windowing as windowing
import functions as f
import sales as s
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, TestingSource, run_main
from contestant import Arrived, Run, numbers
from data import lines, orders, sent
from nexmark.chains import DAYS, WINDOWS, WINNING
from nexmark.peers import bytewax as nexmark

DISTRIBUTION = "bytewax"

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _through(items: Any, functions: Any, batch: int = 1_000) -> tuple[Dataflow, Any]:
    flow = Dataflow("flow")
    stream: Any = op.input("in", flow, TestingSource(items, batch_size=batch))
    for number, function in enumerate(functions):
        stream = op.map(f"map{number}", stream, function)
    return flow, stream


def _list(flow: Dataflow, stream: Any) -> list[Any]:
    given = list[Any]()
    op.output("out", stream, TestingSink(given))
    run_main(flow)
    return given


def maps(count: int) -> list[int]:
    flow, stream = _through(range(count), (f.add, f.double, f.minus, f.add, f.double))
    return _list(flow, op.filter("filter", stream, f.third))


def rewrite(count: int) -> list[str]:
    return _list(*_through(lines(count), (f.Order.model_validate_json, f.plus_tax, f.to_json)))


def _count(count: int, windower: Any) -> list[Any]:
    flow, stream = _through(orders(count), ())
    clock = windowing.EventClock(
        lambda order: EPOCH + timedelta(microseconds=f.at(order)), wait_for_system_duration=timedelta(seconds=2)
    )
    return _list(flow, windowing.count_window("count", stream, clock, windower, f.user).down)


def tumbling(count: int) -> list[Any]:
    return _count(count, windowing.TumblingWindower(length=timedelta(seconds=10), align_to=EPOCH))


def hopping(count: int) -> list[Any]:
    ten, two = timedelta(seconds=10), timedelta(seconds=2)
    return _count(count, windowing.SlidingWindower(length=ten, offset=two, align_to=EPOCH))


def _plain(hop: int) -> Any:
    return lambda given: [(key, window * hop, total) for key, (window, total) in given]


def running(count: int) -> list[tuple[str, float]]:
    def spent(total: float | None, order: f.Order) -> tuple[float, float]:
        now = f.spent(total or 0.0, order)
        return now, now

    flow, stream = _through(orders(count), ())
    return _list(flow, op.stateful_map("scan", op.key_on("key", stream, f.user), spent))


def window_join(count: int) -> list[Any]:
    flow = Dataflow("flow")
    sides = list[Any]()
    for name, items in (("sales", s.sales(count // 2)), ("payments", s.payments(count // 2))):
        stream = op.input(name, flow, TestingSource(items, batch_size=1_000))
        sides.append(op.key_on(f"key of {name}", stream, lambda sale: str(s.number(sale))))
    # Its watermark goes on with the clock of the system, and what is behind it is dropped: with two seconds, as in W3,
    # the results would depend on how fast the machine is.
    clock = windowing.EventClock(
        lambda sale: EPOCH + timedelta(microseconds=s.at(sale)), wait_for_system_duration=timedelta(seconds=20)
    )
    windower = windowing.TumblingWindower(length=timedelta(seconds=10), align_to=EPOCH)
    return _list(flow, windowing.join_window("join", clock, windower, *sides, insert_mode="product").down)


def _pairs(given: list[Any]) -> list[s.Paid]:
    return [(left.number, right.number) for _, (_, (left, right)) in given if left is not None and right is not None]


def latency(count: int) -> list[Arrived]:
    clock = time.perf_counter_ns
    flow, stream = _through(sent(count), (f.pass_on, f.pass_on, f.pass_on), batch=1)
    return _list(flow, op.map("arrive", stream, lambda item: Arrived(item[0], clock() - item[1])))


RUNS = {
    "W1": Run(maps),
    "W2": Run(rewrite),
    "W3": Run(tumbling, _plain(10_000_000)),
    "W6": Run(running),
    "W7": Run(latency, numbers),
    "W8": Run(hopping, _plain(2_000_000)),
    "J1": Run(window_join, _pairs),
} | nexmark.RUNS
CANNOT = dict.fromkeys(("W4", "W5"), "its operators take no async functions") | {
    "J2": "its interval join is a package of its own, which is not free",
    "J3": "has no as-of join",
}
REMARKS = dict.fromkeys(
    ("W3", "W8", *WINDOWS, *DAYS), "a watermark for each key, which goes on with the clock while a key has no items"
) | {
    "J1": "a watermark for each key, which waits for 20 s",
    "W7": "read one by one",
    "q5": "the second step at the end of the input, since the first has no watermark of all keys",
    **dict.fromkeys(WINNING, "at the end of the input, since its timers are of clock time"),
}
NOTE = "Reads in batches of 1,000; its default is 1."
