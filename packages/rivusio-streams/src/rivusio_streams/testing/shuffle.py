"""The same events in another order, in other chunks, through concurrent steps: the same results."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from rivusio_core.pipe import AsyncBasePipe
from rivusio_core.pipeline import Pipeline, steps_of
from rivusio_streams.config import RunConfig
from rivusio_streams.flow import Flow
from rivusio_streams.graph import EventTimeNode, Node, PipeNode, rewired
from rivusio_streams.moment import moment
from rivusio_streams.stream import Stream
from rivusio_streams.testing.harness import Harness
from rivusio_streams.testing.input import Input

__all__ = ["Sent", "difference", "shuffle_check"]

T = TypeVar("T")


@dataclass(frozen=True)
class Sent(Generic[T]):
    """An event of a test.

    Attributes:
        input: where it comes in.
        item: what.
        at: when it happened.
    """

    input: Input[T]
    item: T
    at: datetime | int


def shuffle_check(stream: Stream[Any], events: Sequence[Sent[Any]], *, rounds: int = 20, seed: int = 0) -> list[Any]:
    """Check that what comes out does not depend on how things arrive.

    Events arrive in another order each round, but none later than the `out_of_order` of the stream allows (events of
    the same time keep their order); they are read in chunks of several sizes; async steps take several at once.

    Args:
        stream: reads the inputs of the events.
        events: in any order.
        rounds: how often to try.
        seed: of the random choices.

    Returns:
        The results, in the order of the first round, in which events come in the order of their times.

    Raises:
        AssertionError: a round gave something else; it says which.
    """
    chance, ordered = random.Random(seed), sorted(events, key=lambda event: moment(event.at))
    bound = min((node.spec.out_of_order for node in _nodes(stream) if isinstance(node, EventTimeNode)), default=0)
    expected = _results(stream, ordered, chunk=1024, concurrency=1)
    for number in range(rounds):
        delays = {event_time: chance.randint(0, bound) for event_time in {moment(each.at) for each in ordered}}
        arriving = sorted(ordered, key=lambda each: moment(each.at) + delays[moment(each.at)])
        chunk, concurrency = chance.choice([1, 2, 7, 1024]), chance.choice([1, 3])
        found = _results(stream, arriving, chunk=chunk, concurrency=concurrency)
        missing, extra = difference(expected, found)
        if missing or extra:
            raise AssertionError(
                f"round {number} (chunks of {chunk}, concurrency {concurrency}) gave something else: "
                f"missing {missing[:3]!r}{' and more' if len(missing) > 3 else ''}, "
                f"not expected {extra[:3]!r}{' and more' if len(extra) > 3 else ''}"
            )
    return expected


def _nodes(stream: Stream[Any]) -> Sequence[Node]:
    return stream.write([]).nodes()


def _results(stream: Stream[Any], events: Sequence[Sent[Any]], *, chunk: int, concurrency: int) -> list[Any]:
    def changed(node: Node) -> Node:
        return _concurrent(node, concurrency) if isinstance(node, PipeNode) else node

    flow = stream.write([])
    with Harness(Flow(tuple(rewired(flow.ends, changed))), config=RunConfig(chunk=chunk)) as harness:  # type: ignore[arg-type]  # they are still what they were
        start = 0
        while start < len(events):
            stop = start + 1
            while stop < len(events) and events[stop].input is events[start].input and stop - start < chunk:
                stop += 1
            run = events[start:stop]
            harness.send_many(run[0].input, [each.item for each in run], at=[each.at for each in run])
            start = stop
        harness.end()
        return harness.output


def _concurrent(node: PipeNode, concurrency: int) -> PipeNode:
    steps = tuple(
        step.with_options(concurrency=concurrency) if isinstance(step, AsyncBasePipe) and concurrency > 1 else step
        for step in steps_of(node.pipe)
    )
    return PipeNode(node.name, node.inputs, steps[0] if len(steps) == 1 else Pipeline(steps))


def difference(expected: list[Any], found: list[Any]) -> tuple[list[Any], list[Any]]:
    """What of one list is not in the other, either way; items need not be hashable."""
    missing, extra = list(expected), list[Any]()
    for each in found:
        if each in missing:
            missing.remove(each)
        else:
            extra.append(each)
    return missing, extra
