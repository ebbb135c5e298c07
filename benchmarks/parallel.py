"""One process against two: pipes and keyed steps that compute, and what sending an item costs.

python benchmarks/parallel.py [--rounds 3] [--json]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from rivusio_core import pipe
from rivusio_streams import RunConfig, Stream, Tumbling, agg

SECOND = 1_000_000


@dataclass(frozen=True)
class Order:
    """An item of the usual size."""

    number: int
    customer: str
    amount: float


def hashed(number: int) -> int:
    """Takes some fifteen microseconds."""
    found = b"%d" % number
    for _ in range(50):
        found = hashlib.sha256(found).digest()
    return found[0]


@pipe
def work(number: int) -> int:
    """The same as a pipe."""
    return hashed(number)


@pipe
def same(item: object) -> object:
    """Computes nothing: what remains is the transfer."""
    return item


def when(number: int) -> int:
    """A hundred items a second."""
    return number * SECOND // 100


def key(number: int) -> int:
    """A hundred keys."""
    return number % 100


def pipes(processes: int, items: int) -> Any:
    """A pipe that computes."""
    step = work.with_options(process=True, concurrency=processes) if processes > 1 else work
    return list(step.map(range(items)))


def windows(processes: int, items: int) -> Any:
    """Totals by window and key of something that is computed."""
    found = list[Any]()
    timed = Stream.read(range(items)).event_time(when, out_of_order="1s").key_by(key)
    totals = timed.window(Tumbling("10s")).aggregate(agg.total(hashed))
    totals.write(found).run(RunConfig(parallelism=processes, progress=False))
    return sorted((each.window.start, each.key, each.value) for each in found)


def sent(values: Iterable[object]) -> float:
    """Seconds that it takes to send so many items to a process and back, startup left out."""
    values = list(values)
    moving = same.with_options(process=True)
    few, many = values[: len(values) // 10], values
    times = list[float]()
    for lot in (few, many):
        began = perf_counter()
        assert len(list(moving.map(lot))) == len(lot)
        times.append(perf_counter() - began)
    return max(times[1] - times[0], 0.0) / (len(many) - len(few))


KINDS: dict[str, Callable[[int], object]] = {
    "a number": lambda n: n,
    "a text of 20 letters": lambda n: f"{n:020}",
    "a dataclass of three": lambda n: Order(n, f"customer-{n % 1000}", n / 7),
    "10 kB of bytes": lambda n: bytes(10_000),
}


def measured(rounds: int, items: int) -> dict[str, Any]:
    """Medians, and the spread."""
    found: dict[str, Any] = {"items": items, "rounds": rounds, "speed-up": {}, "transfer": {}}
    for run in (pipes, windows):
        times: dict[int, list[float]] = {1: [], 2: []}
        results = dict[int, Any]()
        for _ in range(rounds):
            for processes in (1, 2):
                began = perf_counter()
                results[processes] = run(processes, items)
                times[processes].append(perf_counter() - began)
        if results[1] != results[2]:
            raise SystemExit(f"{run.__name__}: the results differ")
        one, two = (statistics.median(times[each]) for each in (1, 2))
        ratios = [a / b for a, b in zip(times[1], times[2], strict=True)]
        found["speed-up"][run.__name__] = {
            "microseconds": [one / items * 1e6, two / items * 1e6],
            "times": statistics.median(ratios),
            "spread": [min(ratios), max(ratios)],
        }
    for name, make in KINDS.items():
        count = items if "kB" not in name else items // 20
        costs = [sent(map(make, range(count))) * 1e6 for _ in range(rounds)]
        found["transfer"][name] = {"microseconds": statistics.median(costs), "spread": [min(costs), max(costs)]}
    return found


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--items", type=int, default=400_000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = measured(given.rounds, given.items)
    if given.json:
        json.dump(found, sys.stdout, indent=2)
        print()
        return
    for name, own in found["speed-up"].items():
        one, two = own["microseconds"]
        low, high = own["spread"]
        faster = f"{own['times']:.2f} ({low:.2f}..{high:.2f}) times as fast"
        print(f"| {name} | {one:.1f} us an item | {two:.1f} us | {faster} |")
    for name, own in found["transfer"].items():
        low, high = own["spread"]
        print(f"| {name}, there and back | | {own['microseconds']:.2f} us ({low:.2f}..{high:.2f}) | |")


if __name__ == "__main__":
    main()
