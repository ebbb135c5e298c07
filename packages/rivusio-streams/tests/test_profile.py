"""Where the time of a flow goes: who waits for whom, on a clock that jumps."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from doubles import Partitions, Recorder
from hypothesis import given, settings
from hypothesis import strategies as st

from rivusio_core import Clock, Profile, StepProfile, pipe
from rivusio_core.cli.main import main
from rivusio_core.testing import VirtualClock
from rivusio_streams import AsyncPartition, Position, RunConfig, Stream, Tumbling, agg
from rivusio_streams.report import Report

SECOND = 1_000_000


class Slow(Recorder):
    """A sink of which every write takes so many seconds."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        super().__init__()
        self.clock, self.seconds = clock, seconds

    async def write(self, batch: Sequence[object]) -> None:
        await self.clock.sleep(self.seconds)
        await super().write(batch)


def profile_of(report: Report) -> Profile:
    assert report.profile is not None
    return report.profile


def steps_of(profile: Profile) -> dict[str, StepProfile]:
    return {step.step: step for step in profile.steps}


def test_a_slow_sink_holds_everything_up() -> None:
    clock = VirtualClock()

    async def go() -> Report:
        flow = Stream.read(range(100)).map(str).write(Slow(clock, 2))
        return await flow.arun(RunConfig(clock=clock, profile=True))

    report = clock.run(go)
    profile = profile_of(report)
    steps = steps_of(profile)
    assert profile.bottleneck is not None
    assert profile.bottleneck.role == "sink"
    sink = steps[profile.bottleneck.step]
    assert sink.waiting == 2 * sink.chunks == profile.seconds
    assert steps["str"].waiting == 0
    assert steps["str"].blocked > 0
    assert "larger batches, or a faster place to write to" in profile.advice
    assert profile.advice in str(report)
    assert report.to_json()["profile"] == profile.to_json()


def test_a_source_that_gives_little_is_no_fault_of_the_steps() -> None:
    clock = VirtualClock()

    async def ticks() -> AsyncIterator[int]:
        for number in range(10):
            await clock.sleep(1)
            yield number

    async def go() -> Report:
        return await Stream.read(ticks()).map(str).write([]).arun(RunConfig(clock=clock, profile=True))

    profile = profile_of(clock.run(go))
    assert profile.bottleneck is not None
    assert (profile.bottleneck.role, profile.bottleneck.waiting, profile.seconds) == ("source", 10, 10)
    assert (profile.bottleneck.items, profile.bottleneck.chunks, profile.bottleneck.chunk) == (10, 10, 1)
    assert "for something to read: what comes behind it is fast enough" in profile.advice


class Late(Partitions[int]):
    """Every batch takes a second, in each partition for itself."""

    def __init__(self, clock: Clock, lists: Sequence[Sequence[int]]) -> None:
        super().__init__(lists, lot=1)
        self.clock = clock

    async def open_partition(self, partition: str, position: Position | None) -> AsyncPartition[int]:
        opened = await super().open_partition(partition, position)
        read = opened.next_batch

        async def next_batch(maximum: int) -> Sequence[int]:
            await self.clock.sleep(1)
            return await read(maximum)

        opened.next_batch = next_batch  # type: ignore[method-assign]
        return opened


def test_partitions_wait_at_the_same_time() -> None:
    clock = VirtualClock()

    async def go() -> Report:
        return await Stream.read(Late(clock, [[1] * 9, [2] * 9])).write([]).arun(RunConfig(clock=clock, profile=True))

    profile = profile_of(clock.run(go))
    assert (profile.seconds, profile.steps[0].waiting) == (10, 10)


def test_steps_of_all_kinds_have_a_row() -> None:
    source, other, left, right = Partitions([[1, 2], [3]]), Partitions([[4]]), list[Any](), list[Any]()
    merged = Stream.merge(Stream.read(source, name="a"), Stream.read(other, name="b"), name="both")
    counts = merged.event_time(lambda n: n * SECOND).key_by(lambda n: n % 2).window(Tumbling("2s"))
    flow = counts.aggregate(agg.count(), name="count").tee(left).write(right)
    report = flow.run(RunConfig(profile=True))
    profile = profile_of(report)
    assert [step.step for step in profile.steps] == [*report.steps]
    assert steps_of(profile)["count"].items == 4
    assert steps_of(profile)["a"].chunks == 3
    assert all(step.running > 0 for step in profile.steps)
    assert sum(step.running for step in profile.steps) <= profile.seconds


@given(st.lists(st.integers(0, 40), max_size=30))
@settings(max_examples=60, deadline=None)
def test_measuring_changes_nothing(numbers: list[int]) -> None:
    def results(profile: bool) -> tuple[list[Any], list[Any], object]:
        totals, late = list[Any](), list[Any]()

        @pipe(on_error="skip")
        def check(number: int) -> int:
            if number % 7 == 6:
                raise ValueError
            return number

        timed = Stream.read(Partitions([numbers], lot=3)).through(check).event_time(lambda n: n * SECOND)
        windows = timed.key_by(lambda n: n % 3).window(Tumbling("5s"), late_to=late)
        report = windows.aggregate(agg.total(lambda n: n)).write(totals).run(RunConfig(profile=profile))
        return totals, late, report.to_json()["steps"]

    assert results(True) == results(False)


def test_the_command_has_it_in_its_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("job.py").write_text(
        "from rivusio_streams import Stream\nflow = Stream.read([1, 2, 3]).map(str, name='text').write([])\n"
    )
    assert main(["run", "job.py:flow", "--profile", "--json"]) == 0
    profile = json.loads(capsys.readouterr().out)["profile"]
    assert [step["step"] for step in profile["steps"]][1] == "text"
    assert main(["run", "job.py:flow", "--json"]) == 0
    assert "profile" not in json.loads(capsys.readouterr().out)
