"""Streamz: nodes that push."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import functions as f
from contestant import Arrived, Run, numbers
from data import lines, orders, sent
from nexmark.chains import DAYS, ENDS, WINDOWS, WINNING, Step, chained
from nexmark.meetings import MEETINGS, Met
from nexmark.timed import events
from streamz import Stream

DISTRIBUTION = "streamz"


def _emit(source: Any, items: Any, given: list[Any]) -> list[Any]:
    for item in items:
        source.emit(item)
    return given


def maps(count: int) -> list[int]:
    source = Stream()
    last = source.map(f.add).map(f.double).map(f.minus).map(f.add).map(f.double).filter(f.third)
    return _emit(source, range(count), last.sink_to_list())


def rewrite(count: int) -> list[str]:
    source = Stream()
    last = source.map(f.Order.model_validate_json).map(f.plus_tax).map(f.to_json)
    return _emit(source, lines(count), last.sink_to_list())


def running(count: int) -> list[tuple[str, float]]:
    def spent(totals: dict[str, float], order: f.Order) -> tuple[dict[str, float], tuple[str, float]]:
        key = f.user(order)
        totals[key] = total = f.spent(totals.get(key, 0.0), order)
        return totals, (key, total)

    source = Stream()
    totals: dict[str, float] = {}
    return _emit(source, orders(count), source.accumulate(spent, returns_state=True, start=totals).sink_to_list())


def awaits(count: int) -> list[int]:
    async def run() -> list[int]:
        source = Stream(asynchronous=True)
        given, done = list[int](), asyncio.Event()

        def take(number: int) -> None:
            given.append(number)
            if len(given) == count:
                done.set()

        source.map_async(f.wait, parallelism=100).sink(take)
        for number in range(count):
            await source.emit(number)
        await done.wait()
        return given

    return asyncio.run(run())


def latency(count: int) -> list[Arrived]:
    clock, given, source = time.perf_counter_ns, list[Arrived](), Stream()
    last = source.map(f.pass_on).map(f.pass_on).map(f.pass_on)
    last.sink(lambda item: given.append(Arrived(item[0], clock() - item[1])))
    return _emit(source, sent(count), given)


def chain(items: list[Any], steps: Sequence[Step]) -> list[Any]:
    source = Stream()
    last: Any = source
    for kind, function in steps:
        last = getattr(last, kind)(function)
    return _emit(source, items, last.sink_to_list())


def meet(name: str) -> Run:
    meeting = MEETINGS[name]

    def step(states: dict[int, Met[Any, Any]], event: Any) -> tuple[dict[int, Met], list[Any]]:
        key = meeting.key(event)
        states[key], rows = meeting.step(states.get(key), event)
        return states, rows

    def run(count: int) -> list[Any]:
        source, states = Stream(), dict[int, Met[Any, Any]]()
        last = source.filter(meeting.takes).accumulate(step, returns_state=True, start=states).flatten()
        return _emit(source, events(count), last.sink_to_list())

    return Run(run)


RUNS = {
    "W1": Run(maps),
    "W2": Run(rewrite),
    "W4": Run(awaits),
    "W6": Run(running),
    "W7": Run(latency, numbers),
} | chained(chain)
RUNS |= {name: meet(name) for name in MEETINGS}
CANNOT = (
    dict.fromkeys(("W3", "W8", *WINDOWS, *DAYS), "its windows are of clock time")
    | dict.fromkeys(WINNING, "its timers are of clock time, and an auction closes in event time")
    | dict.fromkeys(ENDS, "nothing tells its nodes that the input has ended")
    | dict.fromkeys(("J1", "J2", "J3"), "joins by the order of arrival, not by key and time")
    | {"W5": "an async map is a queue and a task; that is W4"}
)
REMARKS = dict.fromkeys(
    ("W6", *MEETINGS), "one accumulate over a dict of all states: it has no keys of its own that keep state"
)
