"""Processors against a simulation that looks at everything after every step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rivusio_core.errors import BadRecord
from rivusio_streams import Context, Processor, RunConfig, Stream, Timer
from rivusio_streams.testing import Harness, Input

NEVER, FOREVER = -(2**63), 2**63 - 1
NAMES = ["once", "again", "at once", "chain"]


@dataclass(frozen=True)
class Step:
    """An item: what its processor is to do."""

    time: int
    key: str
    commands: tuple[tuple[Any, ...], ...]


class Scripted(Processor[str, Step, int, tuple[Any, ...]]):
    """Does what items say. Timer `again` sets itself again, `at once` sets another in the past, `chain` one for later.

    The state counts calls. Results come as a list, or from a generator, which fails late where an item is to fail.
    """

    def create(self) -> int:
        return 0

    def on_item(self, item: Step, context: Context[str, int]) -> Iterable[tuple[Any, ...]] | None:
        given = self.done(item, context)
        return given if context.key == "a" else list(given) or None

    def done(self, item: Step, context: Context[str, int]) -> Iterator[tuple[Any, ...]]:
        for name, *rest in item.commands:
            if name == "set":
                context.set_timer(item.time + rest[1], rest[0])
            elif name == "cancel":
                context.cancel_timer(rest[0])
            elif name == "clear":
                context.clear()
            elif name == "fail":
                yield ("never given",)
                raise BadRecord("as it was told")
            else:
                context.state += 1
        if not item.commands or item.commands[-1][0] != "clear":
            yield "item", context.key, context.time, context.watermark, context.state

    def on_timer(self, timer: Timer, context: Context[str, int]) -> list[tuple[Any, ...]]:
        assert timer.by == "event_time"
        if timer.name == "again":
            context.set_timer(timer.at + 3, timer.name)
        elif timer.name == "at once":
            context.set_timer(timer.at - 2, "once")
        elif timer.name == "chain":
            context.set_timer(timer.at + 4, "at once")
            context.state += 1
        return [("timer", context.key, timer.name, timer.at, context.time, context.watermark, context.state)]


class Simulation:
    """The plainest program that does the same: lists, and everything looked at after every step."""

    def __init__(self, ttl: int | None) -> None:
        self.ttl = ttl
        self.states: dict[str, tuple[int, int]] = {}
        self.timers: list[tuple[int, int, str, str]] = []
        self.fired: set[tuple[str, str]] | None = None
        self.count = 0
        self.results: list[tuple[Any, ...]] = []

    def state(self, key: str, seen: int) -> int:
        value, touched = self.states.get(key, (0, NEVER))
        return 0 if self.ttl is not None and touched + self.ttl <= seen else value

    def touch(self, key: str, value: int, time: int) -> None:
        self.states[key] = (value, max(time, self.states.get(key, (0, NEVER))[1]))

    def set(self, at: int, key: str, name: str) -> None:
        self.timers = [each for each in self.timers if each[2:] != (key, name)]
        self.count += 1
        self.timers.append((at, self.count, key, name))

    def item(self, step: Step, watermark: int) -> None:
        if ("fail",) in step.commands:
            return
        key, value = step.key, self.state(step.key, watermark)
        used = False
        for name, *rest in step.commands:
            if name == "set":
                self.set(step.time + rest[1], key, rest[0])
            elif name == "cancel":
                self.timers = [each for each in self.timers if each[2:] != (key, rest[0])]
            elif name == "clear":
                self.timers = [each for each in self.timers if each[2] != key]
                self.states.pop(key, None)
                value, used = 0, False
            else:
                value, used = value + 1, True
        if not step.commands or step.commands[-1][0] != "clear":
            used = True
            self.results.append(("item", key, step.time, watermark, value))
        if used:
            self.touch(key, value, step.time)
        self.pass_time(watermark, watermark)

    def pass_time(self, watermark: int, seen: int) -> None:
        while due := [each for each in self.timers if each[0] <= watermark]:
            timer = min(due)
            self.timers.remove(timer)
            at, _, key, name = timer
            if self.fired is not None:
                if (key, name) in self.fired:
                    continue
                self.fired.add((key, name))
            seen = max(seen, at)
            if name == "again":
                self.set(at + 3, key, name)
            elif name == "at once":
                self.set(at - 2, key, "once")
            elif name == "chain":
                self.set(at + 4, key, "at once")
            value = self.state(key, seen) + (name == "chain")
            self.touch(key, value, at)
            self.results.append(("timer", key, name, at, at, seen, value))


def simulated(steps: list[Step], bound: int, ttl: int | None, *, refuse: bool = False) -> list[tuple[Any, ...]]:
    world, watermark = Simulation(ttl), NEVER
    for step in steps:
        if not refuse or step.time >= watermark:
            world.item(step, watermark)
        if step.time - bound > watermark:
            world.pass_time(step.time - bound, watermark)
            watermark = step.time - bound
    world.fired = set()
    world.pass_time(FOREVER, watermark)
    return world.results


commands = st.one_of(
    st.tuples(st.just("set"), st.sampled_from(NAMES), st.integers(-6, 20)),
    st.tuples(st.just("cancel"), st.sampled_from(NAMES)),
    st.just(("clear",)),
    st.just(("count",)),
    st.just(("fail",)),
)
steps = st.builds(Step, st.integers(0, 60), st.sampled_from("ab"), st.lists(commands, max_size=4).map(tuple))


close_by = st.tuples(st.just("set"), st.sampled_from(NAMES), st.integers(0, 4))
at_most_one = st.lists(close_by | st.just(("fail",)), max_size=1).map(tuple)
dense = st.builds(Step, st.integers(0, 8), st.sampled_from("ab"), at_most_one)
in_order = st.lists(dense, max_size=25).map(lambda items: sorted(items, key=lambda step: step.time))


def stream(
    source: Input[Step], bound: int, ttl: int | None, late: Literal["process", "refuse"] = "process"
) -> Stream[tuple[Any, ...]]:
    kept = None if ttl is None else ttl / 1_000_000
    timed = Stream.read(source).event_time(lambda step: step.time, out_of_order=bound / 1_000_000)
    return timed.key_by(lambda step: step.key).process(Scripted(), ttl=kept, late=late)


@settings(max_examples=250, deadline=None)
@given(
    items=st.lists(steps, max_size=25),
    bound=st.integers(0, 10),
    ttl=st.none() | st.integers(1, 30),
    chunk=st.sampled_from([1, 2, 5, 1024]),
    late=st.sampled_from(["process", "refuse"]),
)
def test_in_any_chunks(
    items: list[Step], bound: int, ttl: int | None, chunk: int, late: Literal["process", "refuse"]
) -> None:
    source = Input[Step]()
    with Harness(stream(source, bound, ttl, late), config=RunConfig(chunk=chunk)) as h:
        h.send_many(source, items)
        h.end()
        assert h.output == simulated(items, bound, ttl, refuse=late == "refuse")
        assert {each.value for each in h.dead_letters} <= {each for each in items if ("fail",) in each.commands}


@settings(max_examples=150, deadline=None)
@given(items=in_order, bound=st.integers(0, 2), chunk=st.sampled_from([1, 3, 1024]))
def test_timers_fire_between_the_items_of_a_chunk(items: list[Step], bound: int, chunk: int) -> None:
    """Many at the very time that the watermark comes to."""
    source = Input[Step]()
    with Harness(stream(source, bound, None), config=RunConfig(chunk=chunk)) as h:
        h.send_many(source, items)
        h.end()
        assert h.output == simulated(items, bound, None)


@settings(max_examples=60, deadline=None)
@given(items=st.lists(steps, max_size=12), bound=st.integers(0, 10), ttl=st.none() | st.integers(1, 30))
@pytest.mark.parametrize("every", [1, 3])
def test_with_snapshots_after_every_step(every: int, items: list[Step], bound: int, ttl: int | None) -> None:
    """And with a restart after every one, or every third."""
    source = Input[Step]()
    with Harness(stream(source, bound, ttl), interleave_restarts=every) as h:
        for item in items:
            h.send(source, item)
        h.end()
        assert h.output == simulated(items, bound, ttl)


@settings(max_examples=100, deadline=None)
@given(items=st.lists(steps, max_size=20), bound=st.integers(0, 10), kept=st.sampled_from("ab"))
def test_items_filtered_out_before_let_time_pass_alike(items: list[Step], bound: int, kept: str) -> None:
    """What user code sees does not depend on where the watermark jumped from: only on what came to it."""
    found = []
    for chunk in (1, 3, 1024):
        source = Input[Step]()
        timed = Stream.read(source).event_time(lambda step: step.time, out_of_order=bound / 1_000_000)
        mine = timed.filter(lambda step: step.key == kept).key_by(lambda step: step.key).process(Scripted())
        with Harness(mine, config=RunConfig(chunk=chunk)) as h:
            h.send_many(source, items)
            h.end()
            found.append(h.output)
    assert found[0] == found[1] == found[2]
