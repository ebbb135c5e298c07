"""Streamable: lazy chains over iterables."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import functions as f
from contestant import Arrived, Run, numbers
from data import lines, sent
from nexmark.chains import DAYS, ENDS, JOINS, WINDOWS, WINNING, Step, chained
from streamable import stream

DISTRIBUTION = "streamable"


def maps(count: int) -> list[int]:
    chain = stream(range(count)).map(f.add).map(f.double).map(f.minus).map(f.add).map(f.double)
    return list(chain.filter(f.third))


def rewrite(count: int) -> list[str]:
    return list(stream(lines(count)).map(f.Order.model_validate_json).map(f.plus_tax).map(f.to_json))


def awaits(count: int) -> list[int]:
    return list(stream(range(count)).map(f.wait, concurrency=100))


def sync_async_sync(count: int) -> list[int]:
    return list(stream(range(count)).map(f.add).map(f.tell).map(f.double))


def latency(count: int) -> list[Arrived]:
    clock, given = time.perf_counter_ns, list[Arrived]()
    chain: Any = stream(sent(count)).map(f.pass_on).map(f.pass_on).map(f.pass_on)
    for number, made in chain:
        given.append(Arrived(number, clock() - made))
    return given


def chain(items: list[Any], steps: Sequence[Step]) -> list[Any]:
    lazy: Any = stream(items)
    for kind, function in steps:
        lazy = getattr(lazy, kind)(function)
    return list(lazy)


RUNS = {
    "W1": Run(maps),
    "W2": Run(rewrite),
    "W4": Run(awaits),
    "W5": Run(sync_async_sync),
    "W7": Run(latency, numbers),
} | chained(chain)
CANNOT = (
    dict.fromkeys(("W3", "W8", *WINDOWS, *DAYS), "has no windows")
    | dict.fromkeys(("J1", "J2", "J3"), "has no joins by key and time")
    | dict.fromkeys(("W6", *JOINS, *WINNING, *ENDS), "has no state for each key")
)
