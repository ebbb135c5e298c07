"""The workloads written by hand: the tightest loops that call the same functions.

Names are local, lists are comprehensions where that is fastest, dictionaries are looked up once. What a second loop of
a workload does otherwise stands in its docstring. None of them says which item failed, counts anything, or can stop.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

import functions as f
import join_loops
from contestant import Arrived, Run, numbers
from data import BOUND, HOP, SECOND, SIZE, asent, lines, orders, sent
from nexmark.loops import LOOPS
from nexmark.model import Event, Row
from nexmark.timed import events

__all__ = ["RUNS", "Count"]

Count = tuple[str, int, int]
"""A user, the start of a window in microseconds, and how many orders."""

NEVER = 2**63


def maps(count: int) -> list[int]:
    """Five maps and a filter."""
    add, double, minus, third = f.add, f.double, f.minus, f.third
    return [value for number in range(count) if third(value := double(add(minus(double(add(number))))))]


def lines_by_json(count: int) -> list[str]:
    """Parse with `json`, validate with pydantic: what people write."""
    loads, validate, plus_tax, to_json = json.loads, f.Order.model_validate, f.plus_tax, f.to_json
    return [to_json(plus_tax(validate(loads(line)))) for line in lines(count)]


def lines_by_pydantic(count: int) -> list[str]:
    """Parse and validate in one call of pydantic: for those who know."""
    validate, plus_tax, to_json = f.Order.model_validate_json, f.plus_tax, f.to_json
    return [to_json(plus_tax(validate(line))) for line in lines(count)]


def tumbling(count: int) -> list[Count]:
    """Orders per user and window, given as soon as the watermark has passed the end."""
    at, user = f.at, f.user
    windows = dict[int, defaultdict[str, int]]()
    given, latest, closing = list[Count](), -NEVER, NEVER
    for order in orders(count):
        time = at(order)
        start = time - time % SIZE
        counts = windows.get(start)
        if counts is None:
            if start + SIZE <= latest - BOUND:
                continue  # late
            counts = windows[start] = defaultdict(int)
            closing = min(closing, start + SIZE + BOUND)
        counts[user(order)] += 1
        if time > latest:
            latest = time
            if latest >= closing:
                for start in sorted(start for start in windows if start + SIZE + BOUND <= latest):
                    given += [(key, start, total) for key, total in windows.pop(start).items()]
                closing = min(windows, default=NEVER - SIZE - BOUND) + SIZE + BOUND
    for start in sorted(windows):
        given += [(key, start, total) for key, total in windows[start].items()]
    return given


def tumbling_late(count: int) -> list[Count]:
    """The same where the watermark is a second behind: windows stay a second more, and late orders correct them."""
    at, user, bound = f.at, f.user, BOUND - SECOND
    windows = dict[int, defaultdict[str, int]]()
    given, latest, closing, dropping = list[Count](), -NEVER, NEVER, NEVER
    for order in orders(count):
        time = at(order)
        start = time - time % SIZE
        counts = windows.get(start)
        if counts is None:
            if start + SIZE + BOUND <= latest:
                continue  # too late
            counts = windows[start] = defaultdict(int)
            closing, dropping = min(closing, start + SIZE + bound), min(dropping, start + SIZE + BOUND)
        key = user(order)
        counts[key] += 1
        if time > latest:
            before, latest = latest, time
            if latest >= closing:
                for start in sorted(s for s in windows if before < s + SIZE + bound <= latest):
                    given += [(key, start, total) for key, total in windows[start].items()]
                closing = min((s for s in windows if s + SIZE + bound > latest), default=NEVER - SIZE) + SIZE + bound
            if latest >= dropping:
                for start in [start for start in windows if start + SIZE + BOUND <= latest]:
                    del windows[start]
                dropping = min(windows, default=NEVER - SIZE - BOUND) + SIZE + BOUND
        elif start + SIZE + bound <= latest:
            given.append((key, start, counts[key]))
    for start in sorted(start for start in windows if start + SIZE + bound > latest):
        given += [(key, start, total) for key, total in windows[start].items()]
    return given


def hopping(count: int) -> list[Count]:
    """Orders per user and overlapping window: counted once a hop, and added up when a window ends."""
    at, user = f.at, f.user
    panes = dict[int, defaultdict[str, int]]()
    given, latest, closing, first = list[Count](), -NEVER, NEVER, NEVER
    for order in orders(count):
        time = at(order)
        pane = time - time % HOP
        counts = panes.get(pane)
        if counts is None:
            if pane + SIZE <= latest - BOUND:
                continue  # late for every window
            counts = panes[pane] = defaultdict(int)
            first = min(first, pane)
            closing = min(closing, pane + HOP + BOUND)
        counts[user(order)] += 1
        if time > latest:
            latest = time
            while latest >= closing:  # the window that ends there
                given += _window(panes, closing - BOUND - SIZE)
                panes.pop(closing - BOUND - SIZE, None)
                closing += HOP
    end = closing - BOUND
    while panes and end - SIZE <= max(panes):
        given += _window(panes, end - SIZE)
        end += HOP
    return given


def _window(panes: dict[int, defaultdict[str, int]], start: int) -> list[Count]:
    totals = dict[str, int]()
    get = totals.get
    for pane in range(start, start + SIZE, HOP):
        counts = panes.get(pane)
        if counts is None:
            continue
        if not totals:
            totals.update(counts)
            continue
        for key, number in counts.items():
            totals[key] = get(key, 0) + number
    return [(key, start, total) for key, total in totals.items()]


def running(count: int) -> list[tuple[str, float]]:
    """What each user has spent so far, after each order."""
    user, spent = f.user, f.spent
    totals, given = dict[str, float](), list[tuple[str, float]]()
    get, give = totals.get, given.append
    for order in orders(count):
        key = user(order)
        totals[key] = total = spent(get(key, 0.0), order)
        give((key, total))
    return given


def awaits_by_task(count: int) -> list[int]:
    """A task an item, a hundred at a time: what people write."""

    async def run() -> list[int]:
        limit, wait = asyncio.Semaphore(100), f.wait

        async def one(number: int) -> int:
            async with limit:
                return await wait(number)

        return await asyncio.gather(*(one(number) for number in range(count)))

    return asyncio.run(run())


def awaits_by_worker(count: int) -> list[int]:
    """A hundred tasks that take items by turns: nothing is held back where results are put into their places."""

    async def run() -> list[int]:
        wait, numbers, given = f.wait, iter(range(count)), [0] * count

        async def work(numbers: Iterator[int]) -> None:
            for number in numbers:
                given[number] = await wait(number)

        await asyncio.gather(*(work(numbers) for _ in range(100)))
        return given

    return asyncio.run(run())


def sync_async_sync(count: int) -> list[int]:
    """A function, an async one that does not wait, a function."""

    async def run(add: Callable[[int], int], double: Callable[[int], int]) -> list[int]:
        tell = f.tell
        return [double(await tell(add(number))) for number in range(count)]

    return asyncio.run(run(f.add, f.double))


def latency(count: int) -> list[Arrived]:
    """Three calls between making and leaving."""
    clock, pass_on, given = time.perf_counter_ns, f.pass_on, list[Arrived]()
    for item in sent(count):
        number, made = pass_on(pass_on(pass_on(item)))
        given.append(Arrived(number, clock() - made))
    return given


def latency_async(count: int) -> list[Arrived]:
    """The same in an event loop."""

    async def run() -> list[Arrived]:
        clock, pass_on, given = time.perf_counter_ns, f.pass_on, list[Arrived]()
        async for item in asent(count):
            number, made = pass_on(pass_on(pass_on(item)))
            given.append(Arrived(number, clock() - made))
        return given

    return asyncio.run(run())


def _of_events(loop: Callable[[Sequence[Event]], Sequence[Row]]) -> Run:
    return Run(lambda count: loop(events(count)))


RUNS = {
    "W1": Run(maps),
    "W2": Run(lines_by_json),
    "W2 one call": Run(lines_by_pydantic),
    "W3": Run(tumbling),
    "W3 late": Run(tumbling_late),
    "W4": Run(awaits_by_task),
    "W4 workers": Run(awaits_by_worker),
    "W5": Run(sync_async_sync),
    "W6": Run(running),
    "W7": Run(latency_async, numbers),
    "W7 blocking": Run(latency, numbers),
    "W8": Run(hopping),
    **join_loops.RUNS,
} | {name: _of_events(loop) for name, loop in LOOPS.items()}
