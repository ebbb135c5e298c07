"""Rivusio 0.2.0, an older release of ours with an API of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from itertools import dropwhile, takewhile
from typing import Any

import functions as f
from contestant import Arrived, Run, numbers
from data import lines, sent
from nexmark.chains import DAYS, ENDS, JOINS, WINDOWS, WINNING, Step, chained
from rivusio import AsyncBasePipe, AsyncPipeline, SyncBasePipe, SyncPipeline

DISTRIBUTION = "rivusio"


def _pipe(function: Any) -> Any:
    class Pipe(SyncBasePipe[Any, Any]):
        def process(self, data: Any) -> Any:
            return function(data)

    return Pipe()


def _apipe(function: Any, *, awaited: bool) -> Any:
    class Pipe(AsyncBasePipe[Any, Any]):
        async def process(self, data: Any) -> Any:
            return await function(data) if awaited else function(data)

    return Pipe()


def maps(count: int) -> list[int]:
    pipeline = SyncPipeline([_pipe(each) for each in (f.add, f.double, f.minus, f.add, f.double)])
    return [value for value in map(pipeline, range(count)) if f.third(value)]


def rewrite(count: int) -> list[str]:
    pipeline = SyncPipeline([_pipe(each) for each in (f.Order.model_validate_json, f.plus_tax, f.to_json)])
    return [pipeline(line) for line in lines(count)]


def awaits(count: int) -> list[int]:
    async def run() -> list[int]:
        pipeline = AsyncPipeline([_apipe(f.wait, awaited=True)])
        given = list[int]()
        for start in range(0, count, 100):
            given += await asyncio.gather(*(pipeline(number) for number in range(start, min(start + 100, count))))
        return given

    return asyncio.run(run())


def sync_async_sync(count: int) -> list[int]:
    async def run() -> list[int]:
        steps = ((f.add, False), (f.tell, True), (f.double, False))
        pipeline = AsyncPipeline([_apipe(function, awaited=awaited) for function, awaited in steps])
        return [await pipeline(number) for number in range(count)]

    return asyncio.run(run())


def latency(count: int) -> list[Arrived]:
    clock, given = time.perf_counter_ns, list[Arrived]()
    pipeline = SyncPipeline([_pipe(f.pass_on) for _ in range(3)])
    for item in sent(count):
        number, made = pipeline(item)
        given.append(Arrived(number, clock() - made))
    return given


def chain(items: list[Any], steps: Sequence[Step]) -> list[Any]:
    before = [step.function for step in takewhile(lambda step: step.kind == "filter", steps)]
    behind = [step.function for step in dropwhile(lambda step: step.kind == "map", steps[len(before) :])]
    pipeline = SyncPipeline([_pipe(step.function) for step in steps if step.kind == "map"])
    given = map(pipeline, (item for item in items if all(keep(item) for keep in before)))
    return [item for item in given if all(keep(item) for keep in behind)]


RUNS = {
    "W1": Run(maps),
    "W2": Run(rewrite),
    "W4": Run(awaits),
    "W5": Run(sync_async_sync),
    "W7": Run(latency, numbers),
} | {name: run for name, run in chained(chain).items() if name != "q14"}
CANNOT = (
    dict.fromkeys(("W3", "W8", *WINDOWS, *DAYS), "its windows are of clock time")
    | dict.fromkeys(("W6", *JOINS, *WINNING, *ENDS), "has no state for each key")
    | dict.fromkeys(("J1", "J2", "J3"), "has no joins")
    | {"q14": "it has no filter, and here one stands between two steps"}
)
REMARKS = {"W4": "gathers a hundred at a time"}
NOTE = "It has no filter: filters are by hand, before and behind the pipeline."
