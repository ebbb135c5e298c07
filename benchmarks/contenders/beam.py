"""Apache Beam, on its local runner in one process."""

from __future__ import annotations

from typing import Any

import apache_beam as beam
import functions as f
from apache_beam.transforms.window import FixedWindows, SlidingWindows, TimestampedValue
from inputs import HOP, SIZE, lines, orders

__all__ = ["CANNOT", "RUNS", "SHARE"]

GIVEN: list[Any] = []


def keep(item: Any) -> None:
    """Of this module, so that it is found again by name in the worker thread."""
    from contenders import beam as here

    here.GIVEN.append(item)


def _run(build: Any) -> list[Any]:
    GIVEN.clear()
    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        build(pipeline) | "keep" >> beam.Map(keep)
    return list(GIVEN)


def maps(count: int) -> list[int]:
    def build(pipeline: Any) -> Any:
        up = pipeline | beam.Create(range(count), reshuffle=False)
        for index, step in enumerate([f.add, f.double, f.minus, f.add, f.double]):
            up = up | f"map{index}" >> beam.Map(step)
        return up | beam.Filter(f.third)

    return _run(build)


def parse(count: int) -> list[str]:
    def build(pipeline: Any) -> Any:
        up = pipeline | beam.Create(lines(count), reshuffle=False)
        for index, step in enumerate([f.Order.model_validate_json, f.plus_tax, f.to_json]):
            up = up | f"map{index}" >> beam.Map(step)
        return up

    return _run(build)


class _Shown(beam.DoFn):
    def process(self, element: Any, window: Any = beam.DoFn.WindowParam) -> Any:
        key, number = element
        yield key, window.start.micros, number


def windows(window: Any) -> Any:
    def run(count: int) -> list[tuple[str, int, int]]:
        def build(pipeline: Any) -> Any:
            up = pipeline | beam.Create(orders(count), reshuffle=False)
            timed = up | beam.Map(lambda order: TimestampedValue((order.user, 1), order.at / 1_000_000))
            return timed | beam.WindowInto(window) | beam.combiners.Count.PerKey() | beam.ParDo(_Shown())

        return _run(build)

    return run


RUNS: dict[str, Any] = {
    "W1": maps,
    "W2": parse,
    "W3": windows(FixedWindows(SIZE / 1_000_000)),
    "W8": windows(SlidingWindows(SIZE / 1_000_000, HOP / 1_000_000)),
}
SHARE = {"W1": 0.03, "W2": 0.1, "W3": 0.04, "W8": 0.02}
CANNOT = {"W4": "no async functions", "W5": "no async functions", "W6": "its state needs a runner with order"}
