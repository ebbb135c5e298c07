"""Windows over batches of columns: against polars by hand, windows over rows, and a loop over rows by hand.

    python benchmarks/columnar.py            # writes results/columnar.json; columnar_report.py puts it into the docs
    python benchmarks/columnar.py --rounds 3 --most 65536

Counts and totals per user and window of 10 s, of 5,000 orders a second by 1,000 users, one in a hundred of them up to
2 s out of order: the same rows in batches of 16 and more. Whoever gives other results than the loop gets no time.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple, TypeAlias

import polars as pl
from pydantic import BaseModel

from rivusio_streams import RunConfig, Stream, Tumbling, Windowed, agg
from rivusio_streams.columns import Columns, Layout, col, columns
from rivusio_streams.moment import moment

__all__ = ["RESULTS", "SIZES", "main", "measured"]

RESULTS = Path(__file__).parent / "results" / "columnar.json"
SECOND = 1_000_000
SIZE, BOUND = 10 * SECOND, 2 * SECOND
NEVER = 2**62
SIZES = (16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144)
"""Rows of a batch."""
ROWS, COPIES, BATCHES = 1_048_576, 4, 4_096
"""Rows as items; how often as many follow where they are columns; and batches at most."""
QUIET = RunConfig(progress=False)

Totals: TypeAlias = list[tuple[str, int, int, int]]
"""User, end of the window, orders, amount; sorted."""


class Order(NamedTuple):
    """A row."""

    user: str
    amount: int
    at: int


class Model(BaseModel):
    """The same as a model."""

    user: str
    amount: int
    at: int


class Sums(NamedTuple):
    """Of a user and window."""

    orders: int
    amount: int


class Total(NamedTuple):
    """The same as a row."""

    user: str
    end: datetime
    orders: int
    amount: int


ORDERS, TOTALS = columns(Order), columns(Total)


@cache
def orders(count: int) -> list[Order]:
    """Rows, made up from a seed."""
    chance, made = random.Random(7), list[Order]()
    for index in range(count):
        behind = chance.randrange(BOUND) if chance.random() < 0.01 else 0
        made.append(Order(f"u{chance.randrange(1_000)}", chance.randrange(100), index * 200 - behind))
    return made


@cache
def batches(count: int, copies: int, size: int, most: int) -> list[Columns[Order]]:
    """The same rows, and as many behind them as often as that, in so many batches at most."""
    frame = ORDERS.of(orders(count)).frame
    whole = pl.concat([frame.with_columns(pl.col("at") + copy * count * 200) for copy in range(copies)], rechunk=True)
    starts = range(0, min(whole.height, size * most), size)
    return [Columns(whole[start : start + size].rechunk()) for start in starts]


# ------------------------------------------------------------------------------------------------------- by hand


def loop(rows: Sequence[Order]) -> Totals:
    """Row by row."""
    windows = dict[int, defaultdict[str, list[int]]]()
    given, latest, closing = Totals(), -NEVER, NEVER
    for order in rows:
        time = order.at
        end = time - time % SIZE + SIZE
        sums = windows.get(end)
        if sums is None:
            if end <= latest - BOUND:
                continue  # late
            sums = windows[end] = defaultdict(lambda: [0, 0])
            closing = min(closing, end + BOUND)
        own = sums[order.user]
        own[0] += 1
        own[1] += order.amount
        if time > latest:
            latest = time
            if latest >= closing:
                for end in sorted(end for end in windows if end + BOUND <= latest):
                    given += [(key, end, *own) for key, own in windows.pop(end).items()]
                closing = min(windows, default=NEVER) + BOUND
    for end in sorted(windows):
        given += [(key, end, *own) for key, own in windows[end].items()]
    return given


END = (pl.col("at") - pl.col("at") % SIZE + SIZE).alias("end")
SUMS = [pl.len().alias("orders"), pl.col("amount").sum()]
MERGED = [pl.col("orders").sum(), pl.col("amount").sum()]


def eager(frame: pl.DataFrame) -> pl.DataFrame:
    """Sums of a batch, at once."""
    return frame.group_by(END, "user").agg(SUMS)


def lazy(frame: pl.DataFrame) -> pl.DataFrame:
    """The same by a query, which pays for large batches."""
    return frame.lazy().group_by(END, "user").agg(SUMS).collect()


def polars(sums: Callable[[pl.DataFrame], pl.DataFrame], given: Sequence[Columns[Order]]) -> list[pl.DataFrame]:
    """Sums of each batch are put together when windows close. It does not look for late rows: there are none."""
    found, kept, latest, closing = list[pl.DataFrame](), list[pl.DataFrame](), -NEVER, NEVER
    for each in given:
        frame = each.frame
        kept.append(sums(frame))
        at = frame["at"]
        first, last = _int(at.min()), _int(at.max())
        closing, latest = min(closing, first - first % SIZE + SIZE), max(latest, last)
        if latest - BOUND >= closing:
            whole = pl.concat(kept)
            found.append(whole.filter(pl.col("end") <= latest - BOUND).group_by("end", "user").agg(MERGED))
            kept = [whole.filter(pl.col("end") > latest - BOUND)]
            closing = _int(kept[0]["end"].min()) if kept[0].height else NEVER
    found.append(pl.concat(kept).group_by("end", "user").agg(MERGED))
    return found


def _int(value: object) -> int:
    return value if isinstance(value, int) else NEVER


# --------------------------------------------------------------------------------------------------------- Rivusio


def of_rows(rows: Sequence[Order]) -> list[Windowed[str, Sums]]:
    """Windows over items."""
    found = list[Windowed[str, Sums]]()
    timed = Stream.read(rows).event_time(lambda order: order.at, out_of_order="2s").key_by(lambda order: order.user)
    sums = agg.combine(Sums, orders=agg.count(), amount=agg.total(lambda order: order.amount))
    timed.window(Tumbling("10s")).aggregate(sums).write(found).run(QUIET)
    return found


def of_columns(given: Sequence[Columns[Order]]) -> list[Columns[Total]]:
    """Windows over batches."""
    found = list[Columns[Total]]()
    timed = ORDERS.stream(Stream.read(given)).event_time("at", out_of_order="2s").key_by("user")
    sums = timed.window(Tumbling("10s")).aggregate(
        TOTALS, end=col.window_end(), orders=col.count(), amount=col.total("amount")
    )
    sums.write(found).run(QUIET)
    return found


# ------------------------------------------------------------------------------------------------------- measuring


def in_common(found: Any) -> Totals:
    """Results of any of them, in one form."""
    if found and isinstance(found[0], pl.DataFrame | Columns):
        frames = [each.frame.with_columns(pl.col("end").to_physical()) for each in found if isinstance(each, Columns)]
        whole = pl.concat(frames or found)
        return sorted(whole.select("user", "end", "orders", "amount").iter_rows())
    rows = [(w.key, moment(w.window.end), *w.value) if isinstance(w, Windowed) else w for w in found]
    return sorted(rows)


def timed(runs: dict[str, Callable[[], Any]], rounds: int) -> tuple[dict[str, list[float]], dict[str, Totals]]:
    """Seconds of each, by turns, and what they gave."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    results = dict[str, Totals]()
    for _ in range(rounds):
        for name, run in runs.items():
            began = perf_counter()
            found = run()
            seconds[name].append(perf_counter() - began)
            results[name] = in_common(found)
    return seconds, results


def measured(rounds: int, rows: int, copies: int, sizes: Sequence[int], most: int = BATCHES) -> dict[str, Any]:
    """Medians in nanoseconds a row, and the spread of the ratio, round by round.

    Raises:
        SystemExit: somebody's results are not those of the loop.
    """
    items = orders(rows)
    seconds, results = timed({"loop": lambda: loop(items), "rows": lambda: of_rows(items)}, rounds)
    expected = results["loop"]
    _same(results["rows"], expected, "windows over rows")
    _same(in_common(of_columns(batches(rows, 1, sizes[0], rows))), expected, "windows over columns")
    found: dict[str, Any] = {
        "rounds": rounds,
        "rows": {name: _nanos(each, rows) for name, each in seconds.items()},
        "sizes": {size: _of_size(size, batches(rows, copies, size, most), rounds) for size in sizes},
        "transfer": {kind.__name__: _transfer(columns(kind), kind, items, rounds) for kind in (Order, Model)},
    }
    faster = [size for size in sizes if found["sizes"][size]["rivusio"] < found["rows"]["rows"]]
    found["crossover"] = min(faster, default=None)
    return found


def _of_size(size: int, given: list[Columns[Order]], rounds: int) -> dict[str, Any]:
    count = sum(map(len, given))
    runs: dict[str, Callable[[], Any]] = {
        "eager": partial(polars, eager, given),
        "lazy": partial(polars, lazy, given),
        "rivusio": partial(of_columns, given),
    }
    seconds, results = timed(runs, rounds)
    for name in ("lazy", "rivusio"):
        _same(results[name], results["eager"], f"{name}, {size} rows a batch")
    best = min("eager", "lazy", key=lambda name: statistics.median(seconds[name]))
    ratios = [mine / theirs for mine, theirs in zip(seconds["rivusio"], seconds[best], strict=True)]
    return {
        "rows": count,
        "polars": _nanos(seconds[best], count),
        "by": best,
        "rivusio": _nanos(seconds["rivusio"], count),
        "ratio": statistics.median(ratios),
        "spread": [min(ratios), max(ratios)],
    }


def _transfer(layout: Layout[Any], kind: Callable[..., Any], items: Sequence[Order], rounds: int) -> dict[str, float]:
    rows = [kind(**each._asdict()) for each in items[:16_384]]
    batch = layout.of(rows)
    seconds, _ = timed({"pack": lambda: [layout.of(rows)][:0], "unpack": lambda: layout.rows(batch)[:0]}, rounds)
    return {name: _nanos(each, len(rows)) for name, each in seconds.items()}


def _nanos(seconds: Sequence[float], count: int) -> float:
    return statistics.median(seconds) / count * 1e9


def _same(found: Totals, expected: Totals, who: str) -> None:
    if found != expected:
        raise SystemExit(f"{who}: the results differ")


def main() -> None:
    """Measure, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--most", type=int, default=SIZES[-1], help="rows of the largest batch")
    given = parser.parse_args()
    found = measured(given.rounds, ROWS, COPIES, [size for size in SIZES if size <= given.most])
    RESULTS.write_text(json.dumps(found, indent=2) + "\n")
    print(RESULTS.read_text())


if __name__ == "__main__":
    main()
