"""aiostream: operators over async iterators."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import functions as f
from aiostream import pipe, stream
from contestant import Arrived, Run, numbers
from data import asent, lines
from nexmark.chains import DAYS, ENDS, JOINS, WINDOWS, WINNING, Step, chained

DISTRIBUTION = "aiostream"


def _list(chain: Any) -> list[Any]:
    async def run() -> list[Any]:
        return await stream.list(chain)

    return asyncio.run(run())


def maps(count: int) -> list[int]:
    mapped = stream.iterate(range(count)) | pipe.map(f.add) | pipe.map(f.double) | pipe.map(f.minus)
    return _list(mapped | pipe.map(f.add) | pipe.map(f.double) | pipe.filter(f.third))


def rewrite(count: int) -> list[str]:
    parsed = stream.iterate(lines(count)) | pipe.map(f.Order.model_validate_json)
    return _list(parsed | pipe.map(f.plus_tax) | pipe.map(f.to_json))


def awaits(count: int) -> list[int]:
    return _list(stream.iterate(range(count)) | pipe.map(f.wait, ordered=True, task_limit=100))


def sync_async_sync(count: int) -> list[int]:
    return _list(stream.iterate(range(count)) | pipe.map(f.add) | pipe.map(f.tell, task_limit=1) | pipe.map(f.double))


def latency(count: int) -> list[Arrived]:
    async def run() -> list[Arrived]:
        clock, given = time.perf_counter_ns, list[Arrived]()
        chain = stream.iterate(asent(count)) | pipe.map(f.pass_on) | pipe.map(f.pass_on) | pipe.map(f.pass_on)
        async with chain.stream() as items:
            async for number, made in items:
                given.append(Arrived(number, clock() - made))
        return given

    return asyncio.run(run())


def chain(items: list[Any], steps: Sequence[Step]) -> list[Any]:
    piped: Any = stream.iterate(items)
    for kind, function in steps:
        piped = piped | getattr(pipe, kind)(function)
    return _list(piped)


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
