"""The workloads: each a hand-written loop and the same with Rivusio, both giving the same list."""

from __future__ import annotations

import asyncio
import json
import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import functions as f

from rivusio_core import keep, pipe
from rivusio_streams import Stream, Tumbling, agg

__all__ = ["WORKLOADS", "Workload"]

add, double, minus = pipe(f.add), pipe(f.double), pipe(f.minus)
parse = pipe(f.Order.model_validate_json)
plus_tax, to_json = pipe(f.plus_tax), pipe(f.to_json)
tell, wait = pipe(f.tell), pipe(concurrency=100)(f.wait)
five_maps = add >> double >> minus >> add >> double >> keep(f.third)


@dataclass(frozen=True)
class Workload:
    """What is measured.

    Attributes:
        title: for tables.
        items: how many items a full run has; a smoke run has a hundredth.
        loop: the hand-written loop; takes the number of items.
        rivusio: the same with Rivusio.
    """

    title: str
    items: int
    loop: Callable[[int], list[Any]]
    rivusio: Callable[[int], list[Any]]


@cache
def lines(count: int) -> list[str]:
    """Orders as JSON lines: 1,000 users, one order in a hundred out of order."""
    chance = random.Random(7)
    given = list[str]()
    for index in range(count):
        late = chance.randrange(2_000_000) if chance.random() < 0.01 else 0
        at = index * 10_000 - late
        given.append(json.dumps({"user": f"u{chance.randrange(1_000)}", "amount": chance.randrange(100), "at": at}))
    return given


@cache
def orders(count: int) -> list[f.Order]:
    """The same, parsed."""
    return [f.Order.model_validate_json(line) for line in lines(count)]


def maps_loop(count: int) -> list[int]:
    """Five maps and a filter."""
    given = list[int]()
    for number in range(count):
        value = f.double(f.add(f.minus(f.double(f.add(number)))))
        if f.third(value):
            given.append(value)
    return given


def json_loop(count: int) -> list[str]:
    """Parse and validate, change, write."""
    return [f.to_json(f.plus_tax(f.Order.model_validate_json(line))) for line in lines(count)]


def window_loop(count: int) -> list[tuple[str, int, int]]:
    """Orders per user and ten seconds of event time, given as soon as the watermark has passed."""
    size, bound = 10_000_000, 2_000_000
    counts: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    given, latest, closing = list[tuple[str, int, int]](), -(2**63), 2**63
    for order in orders(count):
        if latest - bound >= closing:
            for start in sorted(start for start in counts if start + size <= latest - bound):
                given += [(user, start, total) for user, total in counts.pop(start).items()]
            closing = min(counts, default=2**63 - size) + size
        start = order.at // size * size
        if start + size > latest - bound:
            counts[start][order.user] += 1
            closing = min(closing, start + size)
        latest = max(latest, order.at)
    for start in sorted(counts):
        given += [(user, start, total) for user, total in counts[start].items()]
    return given


def window_rivusio(count: int) -> list[tuple[str, int, int]]:
    """The same as a stream."""
    results = list[Any]()
    stream = Stream.read(orders(count)).event_time(lambda order: order.at, out_of_order="2s")
    stream.key_by(lambda order: order.user).window(Tumbling("10s")).aggregate(agg.count()).write(results).run()
    return [(each.key, int(each.window.start.timestamp()) * 1_000_000, each.value) for each in results]


def running_loop(count: int) -> list[tuple[str, float]]:
    """What each user has spent so far, after each order."""
    totals, given = dict[str, float](), list[tuple[str, float]]()
    get, give = totals.get, given.append
    for order in orders(count):
        user = f.user(order)
        totals[user] = total = f.spent(get(user, 0.0), order)
        give((user, total))
    return given


def running_rivusio(count: int) -> list[tuple[str, float]]:
    """The same as a stream."""
    results = list[tuple[str, float]]()
    Stream.read(orders(count)).key_by(f.user).scan(0.0, f.spent).write(results).run()
    return results


async def _gathered(count: int) -> list[int]:
    limit = asyncio.Semaphore(100)

    async def one(number: int) -> int:
        async with limit:
            return await f.wait(number)

    return await asyncio.gather(*(one(number) for number in range(count)))


async def _told(count: int) -> list[int]:
    return [f.double(await f.tell(f.add(number))) for number in range(count)]


WORKLOADS = {
    "W1": Workload("five maps and a filter", 1_000_000, maps_loop, lambda n: list(five_maps.map(range(n)))),
    "W2": Workload(
        "JSON to pydantic to JSON", 100_000, json_loop, lambda n: list((parse >> plus_tax >> to_json).map(lines(n)))
    ),
    "W3": Workload("keyed tumbling windows", 200_000, window_loop, window_rivusio),
    "W4": Workload(
        "20 k waits, 100 at a time", 20_000, lambda n: asyncio.run(_gathered(n)), lambda n: list(wait.map(range(n)))
    ),
    "W5": Workload(
        "sync, async, sync",
        200_000,
        lambda n: asyncio.run(_told(n)),
        lambda n: list((add >> tell >> double).map(range(n))),
    ),
    "W6": Workload("running value per key", 200_000, running_loop, running_rivusio),
}
