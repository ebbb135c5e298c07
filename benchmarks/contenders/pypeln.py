"""pypeln: plain iterators (`sync`) and tasks (`task`)."""

from __future__ import annotations

from typing import Any

import functions as f
import pypeln as pl
from inputs import lines

__all__ = ["CANNOT", "RUNS", "SHARE"]


def maps(count: int) -> list[int]:
    up: Any = range(count)
    for step in [f.add, f.double, f.minus, f.add, f.double]:
        up = pl.sync.map(step, up)
    return list(pl.sync.filter(f.third, up))


def parse(count: int) -> list[str]:
    up: Any = lines(count)
    for step in [f.Order.model_validate_json, f.plus_tax, f.to_json]:
        up = pl.sync.map(step, up)
    return list(up)


def told(count: int) -> list[int]:
    return list(pl.task.map(f.double, pl.task.map(f.tell, pl.task.map(f.add, range(count)))))


RUNS: dict[str, Any] = {
    "W1": maps,
    "W2": parse,
    "W4": lambda count: list(pl.task.map(f.wait, range(count), workers=100)),
    "W5": told,
}
SHARE = {"W1": 0.05, "W2": 0.3, "W5": 0.02}
CANNOT = dict.fromkeys(["W3", "W6", "W8"], "no keys, state or event time")
