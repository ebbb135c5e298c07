"""Faust: needs a Kafka broker, so agents are driven by `test_context`, which puts items into a queue in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

import faust
import functions as f
from contestant import Run
from data import lines
from nexmark.chains import STATEFUL, Step, chained

DISTRIBUTION = "faust-streaming"


def _list(items: Iterable[Any], step: Any) -> list[Any]:
    """Everything that the agent made of the items."""

    async def run() -> list[Any]:
        app, given = faust.App("bench", store="memory://"), list[Any]()

        async def work(stream: Any) -> AsyncIterator[Any]:
            async for item in stream:
                await step(item, given)
                yield None

        agent = app.agent(app.channel())(work)
        async with agent.test_context() as tested:
            for item in items:
                await tested.put(item)
        return given

    return asyncio.run(run())


async def _five(number: int, given: list[int]) -> None:
    if f.third(value := f.double(f.add(f.minus(f.double(f.add(number)))))):
        given.append(value)


async def _rewrite(line: bytes, given: list[str]) -> None:
    given.append(f.to_json(f.plus_tax(f.Order.model_validate_json(line))))


async def _told(number: int, given: list[int]) -> None:
    given.append(f.double(await f.tell(f.add(number))))


def chain(items: list[Any], steps: Sequence[Step]) -> list[Any]:
    async def one(item: Any, given: list[Any]) -> None:
        for kind, function in steps:
            if kind == "map":
                item = function(item)
            elif not function(item):
                return
        given.append(item)

    return _list(items, one)


RUNS = {
    "W1": Run(lambda count: _list(range(count), _five)),
    "W2": Run(lambda count: _list(lines(count), _rewrite)),
    "W5": Run(lambda count: _list(range(count), _told)),
} | chained(chain)
CANNOT = dict.fromkeys(
    ("W3", "W6", "W8", "J1", "J2", "J3", *STATEFUL),
    "its tables belong to partitions of a Kafka topic, and there is no broker",
) | {
    "W4": "a concurrent agent does not keep the order",
    "W7": "without a broker `put` waits until the item has been worked on",
}
NOTE = "Without Kafka: an agent in `test_context`, fed by hand. An agent is one async function, so all steps are in it."
