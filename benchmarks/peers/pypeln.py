"""pypeln: stages joined by queues. `sync` where no stage is concurrent, `task` where functions are async."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import functions as f
import pypeln as pl
from contestant import Run
from data import lines
from nexmark.chains import DAYS, ENDS, JOINS, WINDOWS, WINNING, Step, chained

DISTRIBUTION = "pypeln"


def maps(count: int) -> list[int]:
    stage = range(count)
    for each in (f.add, f.double, f.minus, f.add, f.double):
        stage = pl.sync.map(each, stage)
    return list(pl.sync.filter(f.third, stage))


def rewrite(count: int) -> list[str]:
    stage = lines(count)
    for each in (f.Order.model_validate_json, f.plus_tax, f.to_json):
        stage = pl.sync.map(each, stage)
    return list(stage)


def awaits(count: int) -> list[int]:
    return list(pl.task.ordered(pl.task.map(f.wait, range(count), workers=100)))


def sync_async_sync(count: int) -> list[int]:
    return list(pl.task.map(f.double, pl.task.map(f.tell, pl.task.map(f.add, range(count)))))


def chain(items: list[Any], steps: Sequence[Step]) -> list[Any]:
    stage: Any = items
    for kind, function in steps:
        stage = getattr(pl.sync, kind)(function, stage)
    return list(stage)


RUNS = {"W1": Run(maps), "W2": Run(rewrite), "W4": Run(awaits), "W5": Run(sync_async_sync)} | chained(chain)
CANNOT = (
    dict.fromkeys(("W3", "W8", *WINDOWS, *DAYS), "has no windows")
    | dict.fromkeys(("W6", *JOINS, *WINNING, *ENDS), "has no state for each key")
    | dict.fromkeys(("J1", "J2", "J3"), "has no joins")
    | {
        "W7": "its stages hand on as they see fit; nothing says when an item left",
    }
)
