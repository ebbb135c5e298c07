"""Windows over batches of columns: against polars by hand, against windows over rows, and against a loop over rows.

    python benchmarks/columnar.py                 # writes results/columnar.json; columnar_report.py puts it into the docs
    python benchmarks/columnar.py --rounds 3 --most 65536

Counts and totals per user and window of 10 s, of 5,000 orders a second by 1,000 users, one in a hundred of them up to
2 s out of order: the same rows in batches of 256 and more. Whoever gives other results than the loop gets no time.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple, TypeAlias

import polars as pl

from rivusio_streams import RunConfig, Stream, Tumbling, Windowed, agg
from rivusio_streams.columns import Columns, col, columns

__all__ = ["SIZES", "crossover", "main", "measured"]

RESULTS = Path(__file__).parent / "results" / "columnar.json"
SECOND = 1_000_000
SIZE, BOUND = 10 * SECOND, 2 * SECOND
SIZES = (256, 1_024, 4_096, 16_384, 65_536, 262_144)
ROWS, BATCHES = 262_144, 4
"""So many rows at least, and so many batches."""
QUIET = RunConfig(progress=False)


class Order(NamedTuple):
    """A row."""

    user: str
    amount: int
    at: int


class Total(NamedTuple):
    """What is made of those of a user and window."""

    user: str
    start: int
    orders: int
    amount: int


class Summed(NamedTuple):
    """The same without the window."""

    orders: int
    amount: int


class Kept(NamedTuple):
    """A row that says where its window ends."""

    user: str
    end: Any
    orders: int
    amount: int


Totals: TypeAlias = list[tuple[str, int, int, int]]
"""User, start of the window, orders, amount."""


@cache
def orders(count: int) -> list[Order]:
    """Rows, made up from a seed."""
    chance, made = random.Random(7), list[Order]()
    for index in range(count):
        behind = chance.randrange(BOUND) if chance.random() < 0.01 else 0
        made.append(Order(f"u{chance.randrange(1_000)}", chance.randrange(100), index * 200 - behind))
    return made


@cache
def frames(count: int, size: int) -> list[pl.DataFrame]:
    """The same in batches."""
    whole = pl.read_ipc("/tmp/o.ipc") if count == 4194304 else columns(Order).of(orders(count)).frame
    return [whole[start : start + size].rechunk() for start in range(0, count, size)]
