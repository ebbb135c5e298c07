"""Rivusio: with errors told by step and item, policies, counts, event time, back-pressure and cancellation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import functions as f
from inputs import lines, orders

from rivusio_core import keep, pipe
from rivusio_streams import Hopping, Stream, Tumbling, Windowed, agg

__all__ = ["RUNS"]

add, double, minus = pipe(f.add), pipe(f.double), pipe(f.minus)
parse = pipe(f.Order.model_validate_json)
plus_tax, to_json = pipe(f.plus_tax), pipe(f.to_json)
tell, wait = pipe(f.tell), pipe(concurrency=100)(f.wait)
five_maps = add >> double >> minus >> add >> double >> keep(f.third)
through_json = parse >> plus_tax >> to_json


def windows(kind: Tumbling | Hopping) -> Callable[[int], list[Windowed[str, int]]]:
    def run(count: int) -> list[Windowed[str, int]]:
        results = list[Windowed[str, int]]()
        keyed = Stream.read(orders(count)).event_time(f.at, out_of_order="2s").key_by(f.user)
        keyed.window(kind).aggregate(agg.count()).write(results).run()
        return results

    return run


def running(count: int) -> list[tuple[str, float]]:
    results = list[tuple[str, float]]()
    Stream.read(orders(count)).key_by(f.user).scan(0.0, f.spent).write(results).run()
    return results


def told(count: int) -> list[int]:
    results = list[int]()
    Stream.read(range(count)).through(add >> tell >> double).write(results).run()
    return results


def plain(result: Any) -> Any:
    """A result as the other contenders give it."""
    if not isinstance(result, Windowed):
        return result
    return result.key, round(result.window.start.timestamp()) * 1_000_000, result.value


RUNS: dict[str, Any] = {
    "W1": lambda count: list(five_maps.map(range(count))),
    "W2": lambda count: list(through_json.map(lines(count))),
    "W3": windows(Tumbling("10s")),
    "W4": lambda count: list(wait.map(range(count))),
    "W5": told,
    "W6": running,
    "W8": windows(Hopping("10s", "2s")),
}
