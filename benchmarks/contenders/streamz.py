"""streamz."""

from __future__ import annotations

from typing import Any

import functions as f
from inputs import lines, orders
from streamz import Stream

__all__ = ["CANNOT", "RUNS", "SHARE"]


def maps(count: int) -> list[int]:
    source = Stream()
    mapped = source.map(f.add).map(f.double).map(f.minus).map(f.add).map(f.double).filter(f.third)
    return _fed(source, mapped, range(count))


def parse(count: int) -> list[str]:
    source = Stream()
    return _fed(source, source.map(f.Order.model_validate_json).map(f.plus_tax).map(f.to_json), lines(count))


def running(count: int) -> list[tuple[str, float]]:
    def total(totals: dict[str, float], order: f.Order) -> tuple[dict[str, float], tuple[str, float]]:
        key = f.user(order)
        totals[key] = f.spent(totals.get(key, 0.0), order)
        return totals, (key, totals[key])

    source = Stream()
    return _fed(source, source.accumulate(total, start={}, returns_state=True), orders(count))


def _fed(source: Any, end: Any, items: Any) -> list[Any]:
    given = end.sink_to_list()
    for item in items:
        source.emit(item)
    return given


RUNS: dict[str, Any] = {"W1": maps, "W2": parse, "W6": running}
SHARE = {"W1": 0.05, "W2": 0.3, "W6": 0.2}
CANNOT = {"W3": "no event time", "W8": "no event time", "W4": "needs a Dask cluster", "W5": "no async functions"}
