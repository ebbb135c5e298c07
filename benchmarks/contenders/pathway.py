"""pathway, on a table that is there from the start."""

from __future__ import annotations

from typing import Any

import functions as f
import pathway as pw
from inputs import HOP, SIZE, lines, orders

__all__ = ["CANNOT", "RUNS", "SHARE"]


class _Number(pw.Schema):
    number: int


class _Line(pw.Schema):
    line: bytes


class _Order(pw.Schema):
    user: str
    amount: float
    at: int


def maps(count: int) -> list[int]:
    table = pw.debug.table_from_rows(_Number, [(number,) for number in range(count)])
    for step in [f.add, f.double, f.minus, f.add, f.double]:
        table = table.select(number=pw.apply_with_type(step, int, table.number))
    table = table.filter(pw.apply_with_type(f.third, bool, table.number))
    return [row[0] for row in _rows(table, "number")]


def parse(count: int) -> list[str]:
    def through(line: bytes) -> str:
        return f.to_json(f.plus_tax(f.Order.model_validate_json(line)))

    table = pw.debug.table_from_rows(_Line, [(line,) for line in lines(count)])
    return [row[0] for row in _rows(table.select(line=pw.apply_with_type(through, str, table.line)), "line")]


def windows(window: Any) -> Any:
    def run(count: int) -> list[tuple[str, int, int]]:
        rows = [(order.user, order.amount, order.at) for order in orders(count)]
        table = pw.debug.table_from_rows(_Order, rows)
        grouped = table.windowby(table.at, window=window, instance=table.user)
        counted = grouped.reduce(user=pw.this._pw_instance, start=pw.this._pw_window_start, number=pw.reducers.count())
        return _rows(counted, "user", "start", "number")

    return run


def _rows(table: Any, *names: str) -> list[Any]:
    keys, columns = pw.debug.table_to_dicts(table)
    return [tuple(columns[name][key] for name in names) for key in keys]


RUNS: dict[str, Any] = {
    "W1": maps,
    "W2": parse,
    "W3": windows(pw.temporal.tumbling(duration=SIZE, origin=0)),
    "W8": windows(pw.temporal.sliding(hop=HOP, duration=SIZE, origin=0)),
}
SHARE = {"W1": 0.05, "W2": 0.2, "W3": 0.1, "W8": 0.05}
CANNOT = {
    "W4": "its async functions have no order or limit of this kind",
    "W5": "as W4",
    "W6": "tables are changed as a whole: no value after each item",
}
