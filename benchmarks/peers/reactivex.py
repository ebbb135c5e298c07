"""ReactiveX: observables that push."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import functions as f
import reactivex
from contestant import Arrived, Run, numbers
from data import lines, orders, sent
from nexmark import functions as nf
from nexmark.accumulators import TopTen
from nexmark.chains import DAYS, WINDOWS, WINNING, Step, chained
from nexmark.meetings import MEETINGS, Met
from nexmark.timed import events
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


def chain(items: list[Any], steps: Sequence[Step]) -> list[Any]:
    return _list(reactivex.from_iterable(items), *(getattr(ops, kind)(function) for kind, function in steps))


def meet(name: str) -> Run:
    meeting = MEETINGS[name]

    def scanned(group: Any) -> Any:
        states = ops.scan(lambda last, event: meeting.step(last[0], event), (Met[Any, Any](), list[Any]()))
        return group.pipe(states, ops.flat_map(lambda state: reactivex.from_iterable(state[1])))

    def run(count: int) -> list[Any]:
        source = reactivex.from_iterable(events(count))
        return _list(source, ops.filter(meeting.takes), ops.group_by(meeting.key), ops.flat_map(scanned))

    return Run(run)


def last_bids(count: int) -> list[Any]:
    def later(one: Any, other: Any) -> Any:
        return other if nf.at(other) > nf.at(one) else one

    groups = (ops.filter(nf.is_bid), ops.group_by(nf.bidder_and_auction))
    last = ops.flat_map(lambda group: group.pipe(ops.reduce(later)))
    return _list(reactivex.from_iterable(events(count)), *groups, last, ops.map(nf.bid_row))


def top_ten(count: int) -> list[Any]:
    groups = (ops.filter(nf.is_bid), ops.group_by(nf.auction_of))
    best = ops.flat_map(lambda group: group.pipe(ops.reduce(TopTen.add, TopTen())))
    rows = ops.flat_map(lambda ten: reactivex.from_iterable(ten.rows()))
    return _list(reactivex.from_iterable(events(count)), *groups, best, rows)


RUNS = {
    "W1": Run(maps),
    "W2": Run(rewrite),
    "W4": Run(awaits),
    "W6": Run(running),
    "W7": Run(latency, numbers),
    "q18": Run(last_bids),
    "q19": Run(top_ten),
} | chained(chain)
RUNS |= {name: meet(name) for name in MEETINGS}
CANNOT = (
    dict.fromkeys(("W3", "W8", *WINDOWS, *DAYS), "its windows are of clock time")
    | dict.fromkeys(WINNING, "its timers are of clock time, and an auction closes in event time")
    | dict.fromkeys(("J1", "J2", "J3"), "its joins are of clock time")
    | {"W5": "no await without a task an item; that is W4"}
)
REMARKS = {"W4": "in the order in which waits end"}
