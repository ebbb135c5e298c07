"""What an item costs as keys, open windows and items grow, and what a key and a window hold of memory.

    python benchmarks/scaling.py                # every point in a process of its own; writes results/scaling.json
    python benchmarks/scaling.py --most 100000  # no more keys and items than that

Making the items is not counted: the same items are read by a bare loop before, and its time is taken off.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from rivusio_streams import Stream, Tumbling, agg

__all__ = ["POINTS", "main", "measure"]

RESULTS = Path(__file__).parent / "results" / "scaling.json"
SECOND = 1_000_000

Item: TypeAlias = tuple[int, int]
"""A key, and microseconds."""


def spread(count: int, keys: int, windows: int = 1) -> Iterator[Item]:
    """Each key in each of so many windows of a second, over and over, as long as there are items."""
    for number in range(count):
        yield number % keys, number // keys % windows * SECOND


def counted(items: Iterator[Item], windows: int = 1) -> int:
    """Counts per key and window, all of them open until the end."""
    given = list[Any]()
    timed = Stream.read(items).event_time(lambda item: item[1], out_of_order=f"{windows + 1}s")
    results = timed.key_by(lambda item: item[0]).window(Tumbling("1s")).aggregate(agg.count())
    results.filter(lambda each: each.value < 0).write(given).run()
    return len(given)


def scanned(items: Iterator[Item]) -> int:
    """A running count for each key."""
    given = list[Any]()
    running = Stream.read(items).key_by(lambda item: item[0]).scan(0, lambda total, _: total + 1)
    running.filter(lambda each: each[1] < 0).write(given).run()
    return len(given)


def mapped(items: Iterator[Item]) -> int:
    """A function and a filter."""
    given = list[Any]()
    Stream.read(items).map(lambda item: item[0] + 1).filter(lambda key: key < 0).write(given).run()
    return len(given)


KEYS, WINDOWS, ITEMS = (
    (1_000, 10_000, 100_000, 1_000_000),
    (1, 10, 100, 1_000),
    (10_000, 100_000, 1_000_000, 10_000_000),
)
TIMES = 200_000
"""Items of a point that has no number of its own; more where there are more keys."""

POINTS: dict[str, tuple[Sequence[int], Callable[[int], tuple[int, Iterator[Item]]], Callable[[int], Any]]] = {
    "keys, counted": (KEYS, lambda n: (max(n, TIMES), spread(max(n, TIMES), n)), lambda _: counted),
    "keys, scanned": (KEYS, lambda n: (max(n, TIMES), spread(max(n, TIMES), n)), lambda _: scanned),
    "open windows a key": (WINDOWS, lambda n: (TIMES, spread(TIMES, 100, n)), lambda n: partial(counted, windows=n)),
    "items": (ITEMS, lambda n: (n, spread(n, 1_000)), lambda _: mapped),
}
"""The sizes, the items of a size and how many, and what is done with them."""

HELD = {"keys, counted": 1, "keys, scanned": 1, "open windows a key": 100}
"""What is held is so many times the size: each of a hundred keys has its windows. Where only items grow, nothing is."""


VISIBLE = 8 << 20
"""Bytes by which memory must have grown to be told from what was there before."""


def measure(what: str, size: int) -> dict[str, float]:
    """One point, in this process."""
    _, made, work = POINTS[what]
    work(size)(spread(1_000, 10))  # imports and compiles
    began = time.perf_counter()
    for _ in made(size)[1]:
        pass
    making = time.perf_counter() - began
    count, items = made(size)
    before, began = _peak(), time.perf_counter()
    work(size)(items)
    seconds = time.perf_counter() - began - making
    found = {"size": size, "items": count, "ns_per_item": round(seconds / count * 1e9, 1)}
    grown = _peak() - before
    found["peak_bytes"] = grown
    if what in HELD and grown > VISIBLE:
        found["bytes_each"] = round(grown / (size * HELD[what]), 1)
    return found


def _peak() -> int:
    """The most memory that this process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1_024)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=10_000_000, help="the largest size")
    parser.add_argument("--point", nargs=2, metavar=("WHAT", "SIZE"), help="only this, in this process, as JSON")
    options = parser.parse_args(arguments)
    if options.point is not None:
        print(json.dumps(measure(options.point[0], int(options.point[1]))))
        return
    found = dict[str, list[dict[str, float]]]()
    for what, (sizes, _, _) in POINTS.items():
        for size in sizes:
            if size > options.most:
                continue
            command = [sys.executable, __file__, "--point", what, str(size)]
            point = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
            found.setdefault(what, []).append(point)
            each = f"{point['bytes_each']:>12,.0f} bytes each" if "bytes_each" in point else ""
            print(f"{what:20}{size:>12,}{point['ns_per_item']:>10,.0f} ns an item{each}", flush=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
