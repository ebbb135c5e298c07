"""Quix Streams: needs a Kafka broker, so only the functions that it makes of a dataframe's steps are driven here."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import functions as f
from contestant import Arrived, Run, numbers
from data import lines, sent
from nexmark.chains import STATEFUL, Step, chained
from quixstreams.core.stream import Stream

DISTRIBUTION = "quixstreams"


def _push(stream: Any, items: Any, take: Any) -> None:
    (execute,) = stream.compose(sink=lambda value, key, timestamp, headers: take(value)).values()
    for item in items:
        execute(item, None, 0, None)


def _list(items: Any, *functions: Any, keep: Any = None) -> list[Any]:
    given, stream = list[Any](), Stream()
    for function in functions:
        stream = stream.add_apply(function)
    _push(stream if keep is None else stream.add_filter(keep), items, given.append)
    return given


def maps(count: int) -> list[int]:
    return _list(range(count), f.add, f.double, f.minus, f.add, f.double, keep=f.third)


def rewrite(count: int) -> list[str]:
    return _list(lines(count), f.Order.model_validate_json, f.plus_tax, f.to_json)


def latency(count: int) -> list[Arrived]:
    clock, given, stream = time.perf_counter_ns, list[Arrived](), Stream()
    for _ in range(3):
        stream = stream.add_apply(f.pass_on)
    _push(stream, sent(count), lambda item: given.append(Arrived(item[0], clock() - item[1])))
    return given


def chain(items: list[Any], steps: Sequence[Step]) -> list[Any]:
    given, stream = list[Any](), Stream()
    for kind, function in steps:
        stream = stream.add_filter(function) if kind == "filter" else stream.add_apply(function)
    _push(stream, items, given.append)
    return given


RUNS = {"W1": Run(maps), "W2": Run(rewrite), "W7": Run(latency, numbers)} | chained(chain)
CANNOT = dict.fromkeys(
    ("W3", "W6", "W8", "J1", "J2", "J3", *STATEFUL),
    "its state belongs to partitions of a Kafka topic, and there is no broker",
) | (dict.fromkeys(("W4", "W5"), "its steps take no async functions"))
NOTE = "Without Kafka: only the composed functions are called, with no consumer, producer, (de)serializer or commit."
