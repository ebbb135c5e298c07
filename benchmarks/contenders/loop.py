"""Loops as one would write them by hand, as tight as they get; without errors, limits, counts or recovery."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from functions import Order, add, at, double, minus, plus_tax, spent, tell, third, to_json, user, wait
from inputs import BOUND, HOP, SIZE, lines, orders

__all__ = ["RUNS"]


def maps(count: int) -> list[int]:
    """One comprehension."""
    return [value for number in range(count) if third(value := double(add(minus(double(add(number))))))]


def parse(count: int) -> list[str]:
    """As it is mostly written: JSON first, then the model."""
    validate, loads = Order.model_validate, json.loads
    return [to_json(plus_tax(validate(loads(line)))) for line in lines(count)]


def tumbling(count: int) -> list[tuple[str, int, int]]:
    """A dict for each window; windows are given as soon as the watermark has passed."""
    windows: dict[int, dict[str, int]] = {}
    given: list[tuple[str, int, int]] = []
    mark, closing = 0, 1 << 62
    for order in orders(count):
        time = at(order)
        if mark >= closing:
            for start in sorted(start for start in windows if start + SIZE <= mark):
                given += [(key, start, total) for key, total in windows.pop(start).items()]
            closing = min(windows, default=(1 << 62)) + SIZE
        start = time // SIZE * SIZE
        if start + SIZE > mark:
            counts = windows.get(start)
            if counts is None:
                counts = windows[start] = {}
                closing = min(closing, start + SIZE)
            key = user(order)
            counts[key] = counts.get(key, 0) + 1
        if time - BOUND > mark:
            mark = time - BOUND
    for start in sorted(windows):
        given += [(key, start, total) for key, total in windows[start].items()]
    return given


def hopping(count: int) -> list[tuple[str, int, int]]:
    """A dict for each hop, put together when a window closes: what windows share is counted once."""
    hops: dict[int, dict[str, int]] = {}
    given: list[tuple[str, int, int]] = []
    mark, closing = 0, 1 << 62

    def close(end: int) -> None:
        totals: dict[str, int] = {}
        get = totals.get
        for start in range(end - SIZE, end, HOP):
            for key, total in hops.get(start, {}).items():
                totals[key] = get(key, 0) + total
        given.extend([(key, end - SIZE, total) for key, total in totals.items()])
        hops.pop(end - SIZE, None)

    for order in orders(count):
        time = at(order)
        while mark >= closing:
            close(closing)
            closing = closing + HOP if hops else 1 << 62
        start = time // HOP * HOP
        if start + SIZE > mark:
            counts = hops.get(start)
            if counts is None:
                counts = hops[start] = {}
                end = start + HOP
                closing = min(closing, end if end > mark else end + (mark - end) // HOP * HOP + HOP)
            key = user(order)
            counts[key] = counts.get(key, 0) + 1
        if time - BOUND > mark:
            mark = time - BOUND
    while hops:
        close(closing)
        closing += HOP
    return given


def running(count: int) -> list[tuple[str, float]]:
    """A dict of totals."""
    totals: dict[str, float] = {}
    given: list[tuple[str, float]] = []
    get, give = totals.get, given.append
    for order in orders(count):
        key = user(order)
        totals[key] = total = spent(get(key, 0.0), order)
        give((key, total))
    return given


async def _waits(count: int) -> list[int]:
    limit = asyncio.Semaphore(100)

    async def one(number: int) -> int:
        async with limit:
            return await wait(number)

    return await asyncio.gather(*(one(number) for number in range(count)))


async def _told(count: int) -> list[int]:
    return [double(await tell(add(number))) for number in range(count)]


RUNS: dict[str, Any] = {
    "W1": maps,
    "W2": parse,
    "W3": tumbling,
    "W4": lambda count: asyncio.run(_waits(count)),
    "W5": lambda count: asyncio.run(_told(count)),
    "W6": running,
    "W8": hopping,
}
