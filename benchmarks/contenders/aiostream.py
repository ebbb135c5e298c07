"""aiostream."""

from __future__ import annotations

import asyncio
from typing import Any

import functions as f
from aiostream import pipe, stream
from inputs import lines

__all__ = ["CANNOT", "RUNS", "SHARE"]


def maps(count: int) -> list[int]:
    mapped = stream.iterate(range(count)) | pipe.map(f.add) | pipe.map(f.double) | pipe.map(f.minus) | pipe.map(f.add)
    return _run(mapped | pipe.map(f.double) | pipe.filter(f.third))


def parse(count: int) -> list[str]:
    mapped = stream.iterate(lines(count)) | pipe.map(f.Order.model_validate_json)
    return _run(mapped | pipe.map(f.plus_tax) | pipe.map(f.to_json))


def waits(count: int) -> list[int]:
    return _run(stream.iterate(range(count)) | pipe.map(f.wait, ordered=True, task_limit=100))


def told(count: int) -> list[int]:
    return _run(stream.iterate(range(count)) | pipe.map(f.add) | pipe.map(f.tell, task_limit=1) | pipe.map(f.double))


def _run(made: Any) -> list[Any]:
    async def run() -> list[Any]:
        return await (made | pipe.list())

    return asyncio.run(run())


RUNS: dict[str, Any] = {"W1": maps, "W2": parse, "W4": waits, "W5": told}
SHARE = {"W1": 0.05, "W2": 0.3, "W5": 0.1}
CANNOT = dict.fromkeys(["W3", "W6", "W8"], "no keys, state or event time")
