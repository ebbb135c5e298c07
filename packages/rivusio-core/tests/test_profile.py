"""Where the time of a run goes: sums that add up, on a clock that jumps."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rivusio_command import Command

from rivusio_core import Clock, Profile, Profiler, Retry, StepProfile, Use, batch, flat_pipe, pipe, run_clock, state
from rivusio_core.engine.timeline import Part, Timeline
from rivusio_core.testing import VirtualClock

RunClock: TypeAlias = Annotated[Clock, Use(run_clock)]


@pipe
async def wait(seconds: int, *, clock: RunClock = state()) -> int:
    await clock.sleep(seconds)
    return seconds


@pipe
async def aone(number: int, *, clock: RunClock = state()) -> int:
    await clock.sleep(1)
    return number


@pipe
async def wait_as_well(seconds: int, *, clock: RunClock = state()) -> int:
    await clock.sleep(3 * seconds)
    return seconds


@pipe
def same(number: int) -> int:
    return number


@flat_pipe
async def pieces(seconds: int, *, clock: RunClock = state()) -> AsyncIterator[int]:
    for _ in range(seconds):
        await clock.sleep(1)
        yield 0


def profiled(pipeline: Any, items: list[int]) -> Profile:
    profiler, clock = Profiler(), VirtualClock()

    async def main() -> None:
        async for _ in pipeline.amap(items, listeners=[profiler], clock=clock):
            pass

    clock.run(main)
    return profiler.profile()


def waiting(profile: Profile) -> dict[str, float]:
    return {step.step: step.waiting for step in profile.steps if step.waiting}


# ---------------------------------------------------------------------------------------------------- the timeline


class Hands:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at = 0

    def now(self) -> float:
        return float(self.at)


Act = Any
acts = st.recursive(
    st.tuples(st.sampled_from(["work", "wait"]), st.integers(0, 5)),
    lambda inner: st.tuples(st.sampled_from(["call", "await"]), st.integers(0, 2), st.lists(inner, max_size=4)),
    max_leaves=20,
)


@given(st.lists(acts, max_size=6))
def test_every_moment_of_one_task_belongs_to_one_part(script: list[Act]) -> None:
    hands, clock = Hands(), VirtualClock()
    timeline = Timeline(lambda: hands.now() + clock.monotonic())
    parts = [Part() for _ in range(3)]
    running, held = [0] * 3, [0] * 3

    def work(own: int, act: Act) -> None:
        if act[0] == "work":
            running[own] += act[1]
            hands.at += act[1]
        elif act[0] == "call":
            timeline.call(parts[act[1]], lambda within: [work(act[1], each) for each in within], act[2])

    async def run(own: int, script: list[Act], within: frozenset[int]) -> None:
        for act in script:
            if act[0] == "wait":
                for index in within:
                    held[index] += act[1]
                await clock.sleep(act[1])
            elif act[0] == "await" and act[1] not in within:
                await timeline.watch(parts[act[1]], run(act[1], act[2], within | {act[1]}))
            else:
                work(own, act)

    async def main() -> None:
        await timeline.watch(parts[0], run(0, script, frozenset({0})))

    clock.run(main)
    assert [part.running for part in parts] == running
    assert [part.waiting + part.blocked for part in parts] == held
    assert sum(part.waiting for part in parts) == clock.monotonic()


@pytest.mark.parametrize("inner_first", [True, False])
def test_tasks_that_wait_at_once_do_not_take_each_others_time(inner_first: bool) -> None:
    clock = VirtualClock()
    timeline = Timeline(clock.monotonic)
    outer, inner, other = Part(), Part(), Part()

    async def single() -> None:
        await timeline.watch(other, clock.sleep(7))

    async def waits() -> None:
        await timeline.watch(inner, clock.sleep(5))

    async def nested() -> None:
        await timeline.watch(outer, waits())

    async def main() -> None:
        async with anyio.create_task_group() as group:
            if inner_first:
                group.start_soon(nested)
            group.start_soon(single)
            if not inner_first:
                group.start_soon(nested)

    clock.run(main)
    found = [(part.waiting, part.blocked) for part in (outer, inner, other)]
    assert found == [(0, 5), (5, 0), (7, 0)]


def test_an_error_and_a_cancellation_close_what_is_open() -> None:
    clock = VirtualClock()
    timeline = Timeline(clock.monotonic)
    part, after = Part(), Part()

    async def fail() -> None:
        await clock.sleep(1)
        raise KeyError

    async def main() -> None:
        with pytest.raises(KeyError):
            await timeline.watch(part, fail())
        with anyio.move_on_after(0):
            await timeline.watch(part, anyio.sleep_forever())
        assert timeline.call(after, lambda _: timeline.open_parts, None) == 1

    clock.run(main)
    assert timeline.open_parts == 0


# ------------------------------------------------------------------------------------------------------- pipelines


def test_each_step_of_a_fused_chain_gets_its_own_time() -> None:
    profile = profiled(same >> wait >> wait_as_well >> pieces, [1] * 100)
    assert profile.seconds == 500
    assert [step.step for step in profile.steps][:4] == ["same", "wait", "wait_as_well", "pieces"]
    assert waiting(profile) == pytest.approx({"wait": 100, "wait_as_well": 300, "pieces": 100})
    assert [step.blocked for step in profile.steps] == [0] * 5
    assert profile.bottleneck is not None
    assert profile.bottleneck.step == "wait_as_well"
    assert profile.advice.startswith("'wait_as_well' waits for 60 % of the time, one item at a time: with concurrency")


def test_waiting_before_an_item_is_tried_again_is_its_steps() -> None:
    tries = list[int]()

    @pipe(retry=Retry(attempts=2, backoff="4s"), on_error="skip")
    async def fails(number: int, *, clock: RunClock = state()) -> int:
        tries.append(number)
        await clock.sleep(1)
        if len(tries) > 50 and tries[-2] != number:
            raise OSError
        return number

    profile = profiled(aone >> fails, list(range(200)))
    assert len(tries) == 200 + 150
    assert profile.seconds == 200 + 200 + 150 * (4 + 1)
    assert waiting(profile) == pytest.approx({"aone": 200, "fails": 200 + 150 * 5})


def test_places_that_are_taken() -> None:
    profile = profiled(same >> wait.with_options(concurrency=4), [2] * 60)
    step = next(each for each in profile.steps if each.step == "wait")
    assert profile.seconds == 30
    assert (step.waiting, step.concurrency, step.in_work, step.items) == (120, 4, 4.0, 60)
    assert step.busy == 30
    assert 20 < step.full <= 30
    before = next(each for each in profile.steps if each.step == "same")
    assert before.waiting == 0
    assert (
        profile.advice
        == "'wait' waits with 4.0 of 4 items in work: raise its concurrency, or what it calls is at its limit"
    )


def test_who_is_held_up_by_what_comes_behind() -> None:
    profile = profiled(same >> batch(5) >> pipe(first) >> wait, [1] * 20)
    steps = {step.step: step for step in profile.steps}
    assert (steps["same"].waiting, steps["same"].blocked) == (0, 4)
    assert steps["wait"].waiting + steps["first"].waiting == 4
    assert steps["wait"].waiting == 4
    assert [steps[name].chunks > 0 for name in ("same", "first", "wait")] == [True] * 3


def first(numbers: list[int]) -> int:
    return numbers[0]


def test_chunks_are_counted() -> None:
    step = profiled(same >> wait, [0] * 100).steps[0]
    assert step.items == 100
    assert 1 <= step.chunk <= step.largest <= 100
    assert step.chunks >= 100 / step.largest


def test_computing_is_told_from_waiting() -> None:
    @pipe
    def crunch(number: int) -> int:
        return sum(range(20_000)) + number

    profiler = Profiler()
    list((same >> crunch >> same).map(range(300), listeners=[profiler]))
    profile = profiler.profile()
    assert profile.bottleneck is not None
    assert profile.bottleneck.step == "crunch"
    assert "of the time on one core: make it cheaper, or give it process=True and concurrency" in profile.advice
    assert sum(step.running for step in profile.steps) <= profile.seconds


def test_nothing_stands_out_where_nothing_does() -> None:
    assert Profile(0.0, ()).bottleneck is None
    assert Profile(0.0, ()).lines() == []
    idle = Profile(10.0, (StepProfile("a", "pipe", running=1.0),))
    assert (idle.bottleneck, idle.advice) == (None, "no step stands out: for most of the time there was nothing to do")
    spread = Profile(10.0, tuple(StepProfile(name, "pipe", running=2.5) for name in "abcd"))
    assert (spread.bottleneck, spread.advice) == (None, "no step stands out: the time is spread over several steps")


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (StepProfile("s", "source", waiting=9), "'s' waits for 90 % of the time for something to read: what comes"),
        (StepProfile("s", "sink", waiting=9), "'s' waits for 90 % of the time for what it calls: larger batches"),
        (StepProfile("s", "stage", running=9), "'s' computes for 90 % of the time on one core: give it less to do"),
    ],
)
def test_advice_is_for_the_kind_of_step(step: StepProfile, told: str) -> None:
    assert Profile(10.0, (step,)).advice.startswith(told)


def test_machines_can_read_it() -> None:
    found = json.loads(json.dumps(profiled(same >> wait, [1, 1]).to_json()))
    assert found["seconds"] == 2
    assert found["bottleneck"] == "wait"
    assert [step["step"] for step in found["steps"]][:2] == ["same", "wait"]
    assert found["steps"][1]["waiting"] == 2


# ----------------------------------------------------------------------------------------------------- the command

JOB = """
from rivusio_core import pipe

@pipe
def parse(line: str) -> int:
    return int(line)

@pipe
async def double(number: int) -> int:
    return 2 * number

job = parse >> double
"""


@pytest.fixture
def rivusio(tmp_path: Path) -> Command:
    command = Command(tmp_path)
    command.write("job.py", JOB)
    return command


def test_the_command_shows_it_beside_the_results(rivusio: Command) -> None:
    done = rivusio("run", "job.py:job", "--profile", stdin="1\n2\n")
    assert (done.code, done.out) == (0, "2\n4\n")
    assert "step     items" in done.err
    assert [line.split()[:2] for line in done.err.splitlines() if line.startswith(("parse", "double"))][-2:] == [
        ["parse", "2"],
        ["double", "2"],
    ]
    assert "profile" not in rivusio("run", "job.py:job", stdin="1\n2\n").err
