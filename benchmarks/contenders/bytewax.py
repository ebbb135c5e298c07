"""bytewax, in batches of 1,000, which is faster than its default of one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import bytewax.operators as op
import bytewax.operators.windowing as win
import functions as f
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, TestingSource, run_main
from inputs import BOUND, HOP, SIZE, lines, orders

__all__ = ["CANNOT", "RUNS", "SHARE"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def maps(count: int) -> list[int]:
    flow = Dataflow("maps")
    up: Any = op.input("in", flow, TestingSource(range(count), 1_000))
    for index, step in enumerate([f.add, f.double, f.minus, f.add, f.double]):
        up = op.map(f"map{index}", up, step)
    return _run(flow, op.filter("third", up, f.third))


def parse(count: int) -> list[str]:
    flow = Dataflow("parse")
    up: Any = op.input("in", flow, TestingSource(lines(count), 1_000))
    for index, step in enumerate([f.Order.model_validate_json, f.plus_tax, f.to_json]):
        up = op.map(f"map{index}", up, step)
    return _run(flow, up)


def running(count: int) -> list[tuple[str, float]]:
    def total(state: float | None, order: f.Order) -> tuple[float, float]:
        made = f.spent(state or 0.0, order)
        return made, made

    flow = Dataflow("running")
    up = op.input("in", flow, TestingSource(orders(count), 1_000))
    return _run(flow, op.stateful_map("total", op.key_on("user", up, f.user), total))


def windows(windower: Any, every: int) -> Any:
    def run(count: int) -> list[tuple[str, int, int]]:
        def time(order: f.Order) -> datetime:
            return _EPOCH + timedelta(microseconds=f.at(order))

        flow = Dataflow("windows")
        up = op.input("in", flow, TestingSource(orders(count), 1_000))
        clock = win.EventClock(time, timedelta(microseconds=BOUND))
        counted = win.count_window("count", up, clock, windower, f.user)
        return [(key, window * every, number) for key, (window, number) in _run(flow, counted.down)]

    return run


def _run(flow: Dataflow, up: Any) -> list[Any]:
    given: list[Any] = []
    op.output("out", up, TestingSink(given))
    run_main(flow)
    return given


_SIZE, _HOP = timedelta(microseconds=SIZE), timedelta(microseconds=HOP)
RUNS: dict[str, Any] = {
    "W1": maps,
    "W2": parse,
    "W3": windows(win.TumblingWindower(_SIZE, _EPOCH), SIZE),
    "W6": running,
    "W8": windows(win.SlidingWindower(_SIZE, _HOP, _EPOCH), HOP),
}
SHARE = {"W1": 0.3, "W3": 0.1, "W6": 0.2, "W8": 0.05}
CANNOT = {"W4": "no async functions", "W5": "no async functions"}
