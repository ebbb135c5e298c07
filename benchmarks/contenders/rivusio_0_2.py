"""rivusio 0.2.0, the release before this one was begun anew."""

from __future__ import annotations

import asyncio
from typing import Any

import functions as f
from inputs import lines
from rivusio import AsyncBasePipe, SyncBasePipe

__all__ = ["CANNOT", "RUNS", "SHARE"]


def sync_pipe(function: Any) -> Any:
    class Step(SyncBasePipe):
        def process(self, data: Any) -> Any:
            return function(data)

    return Step()


def async_pipe(function: Any) -> Any:
    class Step(AsyncBasePipe):
        async def process(self, data: Any) -> Any:
            made = function(data)
            return await made if asyncio.iscoroutine(made) else made

    return Step()


def joined(steps: list[Any]) -> Any:
    pipeline = steps[0]
    for step in steps[1:]:
        pipeline = pipeline >> step
    return pipeline


def maps(count: int) -> list[int]:
    process = joined([sync_pipe(each) for each in (f.add, f.double, f.minus, f.add, f.double)]).process
    return [value for number in range(count) if f.third(value := process(number))]


def parse(count: int) -> list[str]:
    process = joined([sync_pipe(each) for each in (f.Order.model_validate_json, f.plus_tax, f.to_json)]).process
    return [process(line) for line in lines(count)]


def waits(count: int) -> list[int]:
    async def run() -> list[int]:
        pipe, limit = async_pipe(f.wait), asyncio.Semaphore(100)

        async def one(number: int) -> int:
            async with limit:
                return await pipe.process(number)

        return await asyncio.gather(*(one(number) for number in range(count)))

    return asyncio.run(run())


def told(count: int) -> list[int]:
    async def run() -> list[int]:
        process = joined([async_pipe(each) for each in (f.add, f.tell, f.double)]).process
        return [await process(number) for number in range(count)]

    return asyncio.run(run())


RUNS: dict[str, Any] = {"W1": maps, "W2": parse, "W4": waits, "W5": told}
SHARE = {"W1": 0.2, "W5": 0.2}
CANNOT = dict.fromkeys(["W3", "W6", "W8"], "no keys, state or event time")
