"""The workloads with Rivusio, as its documentation says to write them: errors are attributed, items counted."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

import functions as f
import join_flows
from contestant import Arrived, Run, numbers
from data import asent, lines, orders, sent
from loops import Count
from nexmark.ours import answer
from nexmark.queries import QUERIES
from nexmark.timed import BOUND, events

from rivusio_core import Listener, keep, pipe
from rivusio_monitoring import MonitoringListener
from rivusio_streams import Hopping, RunConfig, Stream, Tumbling, Windowed, agg
from rivusio_streams.windows import Windows

__all__ = ["RUNS", "runs"]

add, double, minus, pass_on = pipe(f.add), pipe(f.double), pipe(f.minus), pipe(f.pass_on)
parse, plus_tax, to_json = pipe(f.Order.model_validate_json), pipe(f.plus_tax), pipe(f.to_json)
tell, wait = pipe(f.tell), pipe(concurrency=100)(f.wait)
five_maps = add >> double >> minus >> add >> double >> keep(f.third)
rewrite = parse >> plus_tax >> to_json
told = add >> tell >> double
three = pass_on >> pass_on >> pass_on

Counted = list[Windowed[str, int]]


def runs(*listeners: Listener) -> dict[str, Run]:
    """Every workload, listened to or not."""
    config = RunConfig(listeners=listeners)

    def counted(
        count: int, windows: Windows, config: RunConfig = config, *, bound: str = "2s", late: str = "0s"
    ) -> Counted:
        results = Counted()
        stream = Stream.read(orders(count)).event_time(f.at, out_of_order=bound).key_by(f.user)
        stream.window(windows, allowed_lateness=late).aggregate(agg.count()).write(results).run(config)
        return results

    def checkpointed(count: int) -> Counted:
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / "checkpoints.db"
            return counted(count, Tumbling("10s"), RunConfig(listeners=listeners, checkpoint=place, every="1s"))

    def running(count: int) -> list[tuple[str, float]]:
        results = list[tuple[str, float]]()
        Stream.read(orders(count)).key_by(f.user).scan(0.0, f.spent).write(results).run(config)
        return results

    def told_of_stream(count: int) -> list[int]:
        results = list[int]()
        Stream.read(range(count)).through(told).write(results).run(config)
        return results

    async def latency(count: int) -> list[Arrived]:
        clock, given = time.perf_counter_ns, list[Arrived]()
        async for number, made in three.amap(asent(count), listeners=listeners):
            given.append(Arrived(number, clock() - made))
        return given

    def latency_of_stream(count: int) -> list[Arrived]:
        given, clock = list[Arrived](), time.perf_counter_ns
        stream = Stream.read(asent(count)).through(three).map(lambda sent: Arrived(sent[0], clock() - sent[1]))
        stream.write(given).run(config)
        return given

    def latency_with_everything(count: int) -> list[Arrived]:
        given, clock = list[Arrived](), time.perf_counter_ns
        passed = Stream.read(asent(count)).through(three).key_by(lambda sent: sent[0] % 1_000)
        with tempfile.TemporaryDirectory() as folder:
            place, watching = Path(folder) / "checkpoints.db", (MonitoringListener(), *listeners)
            config = RunConfig(listeners=watching, checkpoint=place, every="1s")
            arrived = passed.scan((0, 0, 0), f.followed).map(lambda each: Arrived(each[1][1], clock() - each[1][2]))
            arrived.write(given).run(config)
        return given

    def latency_blocking(count: int) -> list[Arrived]:
        clock, given = time.perf_counter_ns, list[Arrived]()
        for number, made in three.map(sent(count), listeners=listeners):
            given.append(Arrived(number, clock() - made))
        return given

    return {
        "W1": Run(lambda count: list(five_maps.map(range(count), listeners=listeners))),
        "W2": Run(lambda count: list(rewrite.map(lines(count), listeners=listeners))),
        "W3": Run(lambda count: counted(count, Tumbling("10s")), plain),
        "W3 checkpointed": Run(checkpointed, plain),
        "W3 late": Run(lambda count: counted(count, Tumbling("10s"), bound="1s", late="1s"), plain),
        "W4": Run(lambda count: list(wait.map(range(count), listeners=listeners))),
        "W5": Run(lambda count: list(told.map(range(count), listeners=listeners))),
        "W5 stream": Run(told_of_stream),
        "W6": Run(running),
        "W7": Run(lambda count: asyncio.run(latency(count)), numbers),
        "W7 blocking": Run(latency_blocking, numbers),
        "W7 stream": Run(latency_of_stream, numbers),
        "W7 everything": Run(latency_with_everything, numbers),
        "W8": Run(lambda count: counted(count, Hopping("10s", every="2s")), plain),
        **join_flows.runs(config),
    } | {name: _of_events(name, *listeners) for name in QUERIES}


def plain(counted: list[Any]) -> list[Count]:
    """The start in microseconds."""
    return [(each.key, round(each.window.start.timestamp()) * 1_000_000, each.value) for each in counted]


def _of_events(name: str, *listeners: Listener) -> Run:
    return Run(lambda count: answer(name, events(count), BOUND, *listeners))


RUNS = runs()
