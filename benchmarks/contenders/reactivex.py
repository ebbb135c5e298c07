"""reactivex (RxPY)."""

from __future__ import annotations

import asyncio
from typing import Any

import functions as f
import reactivex
from inputs import lines, orders
from reactivex import operators as ops
from reactivex.scheduler.eventloop import AsyncIOScheduler

__all__ = ["CANNOT", "RUNS", "SHARE"]


def maps(count: int) -> list[int]:
    steps = [
        ops.map(f.add),
        ops.map(f.double),
        ops.map(f.minus),
        ops.map(f.add),
        ops.map(f.double),
        ops.filter(f.third),
    ]
    return _collected(reactivex.from_iterable(range(count)).pipe(*steps))


def parse(count: int) -> list[str]:
    steps = [ops.map(f.Order.model_validate_json), ops.map(f.plus_tax), ops.map(f.to_json)]
    return _collected(reactivex.from_iterable(lines(count)).pipe(*steps))


def running(count: int) -> list[tuple[str, float]]:
    def totals(group: Any) -> Any:
        return group.pipe(ops.scan(f.spent, 0.0), ops.map(lambda total: (group.key, total)))

    return _collected(reactivex.from_iterable(orders(count)).pipe(ops.group_by(f.user), ops.flat_map(totals)))


def waits(count: int) -> list[int]:
    async def run() -> list[int]:
        loop = asyncio.get_running_loop()
        given: list[int] = []
        done = loop.create_future()

        def waited(number: int) -> Any:
            return reactivex.defer(lambda _: reactivex.from_future(loop.create_task(f.wait(number))))

        merged = reactivex.from_iterable(range(count)).pipe(ops.map(waited), ops.merge(max_concurrent=100))
        merged.subscribe(
            given.append, done.set_exception, lambda: done.set_result(None), scheduler=AsyncIOScheduler(loop)
        )
        await done
        return given

    return asyncio.run(run())


def _collected(observable: Any) -> list[Any]:
    given: list[Any] = []
    failed: list[Exception] = []
    observable.subscribe(given.append, failed.append)
    if failed:
        raise failed[0]
    return given


RUNS: dict[str, Any] = {"W1": maps, "W2": parse, "W4": waits, "W6": running}
SHARE = {"W1": 0.3, "W6": 0.2}
CANNOT = {"W3": "no event time", "W8": "no event time", "W5": "a future for each item, as in W4"}
