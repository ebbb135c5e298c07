"""ReactiveX: observables that push."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import functions as f
import reactivex
from contestant import Arrived, Run, numbers
from data import lines, orders, sent
from reactivex import operators as ops
from reactivex.scheduler.eventloop import AsyncIOScheduler

DISTRIBUTION = "reactivex"


def _list(source: Any, *operators: Any) -> list[Any]:
    given = list[Any]()
    source.pipe(*operators).subscribe(on_next=given.append, on_error=_fail)
    return given


def _fail(error: Exception) -> None:
    raise error


def maps(count: int) -> list[int]:
    five = (ops.map(each) for each in (f.add, f.double, f.minus, f.add, f.double))
    return _list(reactivex.from_iterable(range(count)), *five, ops.filter(f.third))


def rewrite(count: int) -> list[str]:
    three = (ops.map(each) for each in (f.Order.model_validate_json, f.plus_tax, f.to_json))
    return _list(reactivex.from_iterable(lines(count)), *three)


def running(count: int) -> list[tuple[str, float]]:
    def spent(group: Any) -> Any:
        return group.pipe(ops.scan(f.spent, 0.0), ops.map(lambda total: (group.key, total)))

    return _list(reactivex.from_iterable(orders(count)), ops.group_by(f.user), ops.flat_map(spent))


def awaits(count: int) -> list[int]:
    async def run() -> list[int]:
        loop = asyncio.get_running_loop()
        given, done = list[int](), loop.create_future()
        source = reactivex.from_iterable(range(count), scheduler=AsyncIOScheduler(loop))
        one = ops.map(lambda n: reactivex.defer(lambda _: reactivex.from_future(loop.create_task(f.wait(n)))))
        source.pipe(one, ops.merge(max_concurrent=100)).subscribe(
            on_next=given.append, on_error=done.set_exception, on_completed=lambda: done.set_result(None)
        )
        await done
        return given

    return asyncio.run(run())


def latency(count: int) -> list[Arrived]:
    clock, given = time.perf_counter_ns, list[Arrived]()
    three = (ops.map(f.pass_on) for _ in range(3))
    reactivex.from_iterable(sent(count)).pipe(*three).subscribe(
        on_next=lambda item: given.append(Arrived(item[0], clock() - item[1])), on_error=_fail
    )
    return given


RUNS = {
    "W1": Run(maps),
    "W2": Run(rewrite),
    "W4": Run(awaits),
    "W6": Run(running),
    "W7": Run(latency, numbers),
}
CANNOT = dict.fromkeys(("W3", "W8"), "its windows are of clock time") | {
    **dict.fromkeys(("J1", "J2", "J3"), "its joins are of clock time"),
    "W5": "no await without a task an item; that is W4",
}
NOTE = "W4 in the order in which waits end."
