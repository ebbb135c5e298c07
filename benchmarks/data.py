"""What the workloads read: made up from a seed, once for each number of items, and never while a clock runs."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Iterator
from functools import cache

from functions import Order, Sent
from nexmark.timed import events

__all__ = ["BOUND", "HOP", "SECOND", "SIZE", "asent", "lines", "orders", "prepare", "sent"]

SECOND = 1_000_000
"""Times are microseconds."""

SIZE, HOP, BOUND = 10 * SECOND, 2 * SECOND, 2 * SECOND
"""Of the windows: how long, how often, and how much out of order an order may come."""


@cache
def lines(count: int) -> list[bytes]:
    """Orders as JSON lines, 5,000 a second: 1,000 users, so some ten orders a user and hop; one in a hundred out of
    order.
    """
    chance = random.Random(7)
    given = list[bytes]()
    for index in range(count):
        behind = chance.randrange(BOUND) if chance.random() < 0.01 else 0
        at = index * 200 - behind
        order = {"user": f"u{chance.randrange(1_000)}", "amount": chance.randrange(100), "at": at}
        given.append(json.dumps(order).encode())
    return given


@cache
def orders(count: int) -> list[Order]:
    """The same, parsed."""
    return [Order.model_validate_json(line) for line in lines(count)]


def prepare(workload: str, items: int) -> None:
    """Make what the workload reads, before a clock runs."""
    if workload[:2] in {"W2", "W3", "W6", "W8"}:
        lines(items)
        orders(items)
    elif workload[0] == "q":
        events(items)
    elif workload[:1] == "J":
        from sales import payments  # which is made of what is here

        payments(items // 2)


PACE = 200_000
"""Nanoseconds from one item of W7 to the next: 5,000 a second."""


def sent(count: int) -> Iterator[Sent]:
    """Numbers, each made when its time has come: the reader is kept waiting in a loop, since a sleep is too coarse."""
    clock = time.perf_counter_ns
    due = clock()
    for number in range(count):
        due += PACE
        while (now := clock()) < due:
            pass
        yield number, now


async def asent(count: int) -> AsyncIterator[Sent]:
    """The same for an event loop, which goes on meanwhile."""
    clock, others = time.perf_counter_ns, asyncio.sleep
    due = clock()
    for number in range(count):
        due += PACE
        while (now := clock()) < due:
            await others(0)
        yield number, now
