"""faust-streaming, its stream over an async iterable: no broker is there, so no tables and windows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import faust
import functions as f
from inputs import lines

__all__ = ["CANNOT", "RUNS", "SHARE"]


async def _given(items: Iterable[Any]) -> AsyncIterator[Any]:
    for item in items:
        yield item


def _run(items: Iterable[Any], steps: list[Any], keep: Any = None) -> list[Any]:
    async def run() -> list[Any]:
        app = faust.App("bench", store="memory://")
        stream = app.stream(_given(items))
        for step in steps:
            stream.add_processor(step)
        return [value async for value in stream if keep is None or keep(value)]

    return asyncio.run(run())


RUNS: dict[str, Any] = {
    "W1": lambda count: _run(range(count), [f.add, f.double, f.minus, f.add, f.double], f.third),
    "W2": lambda count: _run(lines(count), [f.Order.model_validate_json, f.plus_tax, f.to_json]),
    "W5": lambda count: _run(range(count), [f.add, f.tell, f.double]),
}
SHARE = {"W1": 0.02, "W2": 0.1, "W5": 0.05}
CANNOT = {
    "W3": "tables need Kafka",
    "W4": "one item after the other in a stream",
    "W6": "tables need Kafka",
    "W8": "tables need Kafka",
}
