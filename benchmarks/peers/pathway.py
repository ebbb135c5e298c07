"""Pathway: tables on a Rust engine, with static input: windows are given when all has been read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import functions as f
import pathway as pw
import sales as s
from contestant import Run
from data import lines, orders
from nexmark.peers import pathway as nexmark
from pathway.internals.parse_graph import G

DISTRIBUTION = "pathway"


class Numbers(pw.Schema):
    value: int


class Lines(pw.Schema):
    value: bytes


class Orders(pw.Schema):
    user: str
    at: int


def _list(table: Any, plain: Callable[[dict[str, Any]], Any]) -> list[Any]:
    given = list[Any]()
    pw.io.subscribe(table, on_change=lambda key, row, time, is_addition: given.append(plain(row)))
    pw.run(monitoring_level=pw.MonitoringLevel.NONE)
    G.clear()
    return given


def _read(schema: Any, rows: Iterable[tuple[Any, ...]]) -> Any:
    return pw.debug.table_from_rows(schema, list(rows))


def _value(row: dict[str, Any]) -> Any:
    return row["value"]


def maps(count: int) -> list[int]:
    table = _read(Numbers, ((number,) for number in range(count)))
    for each in (f.add, f.double, f.minus, f.add, f.double):
        table = table.select(value=pw.apply(each, pw.this.value))
    return _list(table.filter(pw.apply(f.third, pw.this.value)), _value)


def rewrite(count: int) -> list[str]:
    table = _read(Lines, ((line,) for line in lines(count)))
    return _list(table.select(value=pw.apply(_rewrite, pw.this.value)), _value)


def _rewrite(line: bytes) -> str:
    return f.to_json(f.plus_tax(f.Order.model_validate_json(line)))


def _count(count: int, window: Any) -> list[Any]:
    table = _read(Orders, ((f.user(order), f.at(order)) for order in orders(count)))
    counted = table.windowby(table.at, window=window, instance=table.user).reduce(
        user=pw.this._pw_instance, start=pw.this._pw_window_start, total=pw.reducers.count()
    )
    return _list(counted, lambda row: (row["user"], row["start"], row["total"]))


class Sales(pw.Schema):
    number: int
    shop: str
    at: int


def _sides(count: int) -> tuple[Any, Any]:
    sides = (s.sales(count // 2), s.payments(count // 2))
    left, right = (_read(Sales, ((s.number(each), s.shop(each), s.at(each)) for each in side)) for side in sides)
    return left, right


def _pairs(left: Any, right: Any, joined: Any) -> list[s.Paid]:
    table = joined.select(sale=left.number, paid=right.number)
    return _list(table, lambda row: (row["sale"], row["paid"]))


def window_join(count: int) -> list[s.Paid]:
    left, right = _sides(count)
    windows = pw.temporal.tumbling(duration=10_000_000)
    return _pairs(left, right, left.window_join(right, left.at, right.at, windows, left.number == right.number))


def interval_join(count: int) -> list[s.Paid]:
    left, right = _sides(count)
    between = pw.temporal.interval(0, s.REACH)
    return _pairs(left, right, left.interval_join(right, left.at, right.at, between, left.number == right.number))


def asof_join(count: int) -> list[s.Paid]:
    left, right = _sides(count)
    joined = left.asof_join(right, left.at, right.at, left.shop == right.shop, how=pw.JoinMode.LEFT)
    return [pair for pair in _pairs(left, right, joined) if pair[1] is not None]


RUNS = {
    "W1": Run(maps),
    "W2": Run(rewrite),
    "W3": Run(lambda count: _count(count, pw.temporal.tumbling(duration=10_000_000))),
    "W8": Run(lambda count: _count(count, pw.temporal.sliding(hop=2_000_000, duration=10_000_000))),
    "J1": Run(window_join),
    "J2": Run(interval_join),
    "J3": Run(asof_join),
} | nexmark.RUNS
CANNOT = {
    "W4": "an async function is a round of the engine: nothing says a hundred at a time, in order",
    "W5": "an async function is a round of the engine, not a step of a chain",
    "W6": "a table has no order that a running value could follow",
    "W7": "static input is read whole",
}
REMARKS = {
    "W2": "one function, since its tables do not hold pydantic models",
    **dict.fromkeys(("q1", "q14"), "decimals are Python objects to it, since its columns do not hold them"),
}
NOTE = "Static input: no watermark moves, and all is given when all has been read."
