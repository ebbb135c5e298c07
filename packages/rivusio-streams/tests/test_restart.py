"""Beginning again by itself: which failures, how often, after which waits, and that nothing is lost or doubled."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest

from rivusio_core.errors import (
    BadRecord,
    ConfigError,
    Fatal,
    PipeError,
    SinkError,
    SourceError,
    Transient,
)
from rivusio_core.run_record import read_record
from rivusio_core.testing import VirtualClock
from rivusio_streams import (
    AsyncPartition,
    AsyncSink,
    AsyncSource,
    EndOfPartition,
    JsonLines,
    Position,
    RunConfig,
    Stream,
    Tumbling,
    agg,
)
from rivusio_streams.checkpoint import MemoryStore
from rivusio_streams.restart import Restart
from rivusio_streams.testing import crash_check

DAY = 86_400.0


@dataclass(eq=False)
class Service(AsyncSource[int]):
    """Numbers of a service that is down at times: from one moment to another, by the clock of the run."""

    replay = "seekable"
    clock: VirtualClock
    numbers: Sequence[int]
    down: Sequence[tuple[float, float]] = ()
    every: float = 1.0
    opened: list[float] = field(default_factory=list[float])
    error: Callable[[], Exception] = ConnectionError

    def see(self) -> None:
        now = self.clock.monotonic()
        if any(start <= now < end for start, end in self.down):
            raise self.error()

    async def open_partition(self, partition: str, position: Position | None) -> AsyncPartition[int]:
        self.opened.append(self.clock.monotonic())
        self.see()
        return _Connection(self, position)


class _Connection(AsyncPartition[int]):
    def __init__(self, service: Service, position: Any) -> None:
        self.service, self.next = service, position or 0

    async def next_batch(self, maximum: int) -> list[int]:
        await self.service.clock.sleep(self.service.every)
        self.service.see()
        if self.next == len(self.service.numbers):
            raise EndOfPartition
        self.next += 1
        return [self.service.numbers[self.next - 1]]

    def position(self) -> Position:
        return self.next


def windows(service: Service, out: Path) -> Any:
    timed = Stream.read(service).event_time(lambda n: n * 1_000_000)
    counted = timed.window(Tumbling("10s")).aggregate(agg.collect())
    return counted.map(lambda each: each.value).write(JsonLines(out)).named("numbers")


@pytest.mark.anyio
async def test_a_source_that_is_down_for_three_days(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It resumes by itself, as if nothing had been: exactly once, windows that were open included."""
    clock = VirtualClock()
    began = clock.monotonic()
    service = Service(clock, range(40), down=[(began + 15.5, began + 15.5 + 3 * DAY)])
    config = RunConfig(
        checkpoint=tmp_path / "state.db",
        delivery="exactly_once",
        clock=clock,
        restart=Restart("1s..10m"),
        record=tmp_path / "run.json",
    )
    with caplog.at_level(logging.WARNING):
        report = await windows(service, tmp_path / "out.jsonl").arun(config)
    assert (tmp_path / "out.jsonl").read_text().splitlines() == [
        f"[{','.join(map(str, range(start, start + 10)))}]" for start in range(0, 40, 10)
    ]
    assert clock.monotonic() - began > 3 * DAY
    waits = [later - earlier for earlier, later in zip(service.opened, service.opened[1:], strict=False)]
    assert report.restarts == len(service.opened) - 1
    assert max(waits[1:]) <= 600.0  # none is longer than it says; the first holds the time it ran
    assert 3 * DAY / 600 < len(waits) < 3 * DAY / 100  # half of 10 minutes in the middle
    assert "ConnectionError" in caplog.text
    assert "begins again in" in caplog.text
    assert f"it began again {report.restarts} times" in report.summary()
    assert read_record(tmp_path / "run.json").state == "finished"


@pytest.mark.anyio
async def test_without_a_restart_the_failure_ends_the_run() -> None:
    clock = VirtualClock()
    service = Service(clock, range(5), down=[(clock.monotonic() + 2.5, 1e9)])
    with pytest.raises(SourceError, match="ConnectionError"):
        await Stream.read(service).write([]).arun(RunConfig(clock=clock))
    assert len(service.opened) == 1


@pytest.mark.anyio
async def test_failures_in_a_row_are_counted_and_progress_begins_anew() -> None:
    """Two attempts each time are enough for ever, where something is done between the failures."""
    clock = VirtualClock()
    began = clock.monotonic()
    down = [(began + at + 0.5, began + at + 2.4) for at in range(5, 100, 10)]
    service = Service(clock, range(60), down=down)
    out = list[int]()
    config = RunConfig(clock=clock, checkpoint=MemoryStore(), every="1s", restart=Restart("1s", attempts=2))
    report = await Stream.read(service).write(out).arun(config)
    assert report.restarts > 6
    assert sorted({*out}) == [*range(60)]

    service = Service(clock, range(60), down=[(clock.monotonic() + 5.5, 1e12)])
    with pytest.raises(SourceError):
        await Stream.read(service).write([]).arun(config.model_copy(update={"checkpoint": MemoryStore()}))
    assert len(service.opened) == 3


@pytest.mark.anyio
@pytest.mark.parametrize(("error", "again"), [(ConnectionError, True), (TimeoutError, True), (Transient, True)])
async def test_what_is_not_up_yet_is_waited_for(error: Callable[[], Exception], again: bool) -> None:
    clock = VirtualClock()
    service = Service(clock, range(3), down=[(0.0, clock.monotonic() + 100)], error=error)
    report = await Stream.read(service).write(out := list[int]()).arun(RunConfig(clock=clock, restart=Restart("5s")))
    assert out == [0, 1, 2]
    assert report.restarts == 20


@pytest.mark.anyio
async def test_a_wrong_setting_is_told_at_once(tmp_path: Path) -> None:
    """A file that is not there at the first start is most often a mistake."""
    flow = Stream.read(JsonLines(tmp_path / "orders.jsonl", int)).write([])
    with pytest.raises(SourceError, match=r"orders\.jsonl"):
        await flow.arun(RunConfig(restart=Restart("1s"), clock=VirtualClock()))


@pytest.mark.anyio
@pytest.mark.parametrize("error", [Fatal("no further item"), BadRecord("never")])
async def test_what_can_never_succeed_is_not_tried_again(error: Exception) -> None:
    class Refusing(AsyncSink[int]):
        calls = 0

        async def write(self, batch: Sequence[int]) -> None:
            Refusing.calls += 1
            raise error

    with pytest.raises((SinkError, PipeError)):
        await Stream.read([1]).write(Refusing()).arun(RunConfig(restart=Restart("1s"), clock=VirtualClock()))
    assert Refusing.calls == 1


@pytest.mark.anyio
async def test_a_pipe_that_fails_ends_the_run_unless_it_is_named() -> None:
    clock, calls, out = VirtualClock(), list[int](), list[int]()

    def fails_twice(n: int) -> int:
        calls.append(n)
        if len(calls) < 3:
            raise OSError("busy")
        return n

    flow = Stream.read([7]).map(fails_twice).write(out)
    with pytest.raises(PipeError):
        await flow.arun(RunConfig(clock=clock, restart=Restart("1s")))
    assert (await flow.arun(RunConfig(clock=clock, restart=Restart("1s", on=PipeError)))).restarts == 1
    assert out == [7]


@pytest.mark.parametrize("pairs", [0, 23])
def test_begun_again_at_every_operation(pairs: int, caplog: pytest.LogCaptureFixture) -> None:
    """Promise: outcome unknown: what was done, and nobody heard of it, is not done twice.

    Whatever fails once, source, sink or store: the results are those of a run in which nothing fails.
    """
    caplog.set_level(logging.CRITICAL, "rivusio")
    most = 8 if pairs else 24

    def flow(place: Path) -> Any:
        (place / "in.jsonl").write_text("".join(f"{n}\n" for n in range(most)))
        timed = Stream.read(JsonLines(place / "in.jsonl", int)).event_time(lambda n: n * 1_000_000)
        counted = timed.window(Tumbling("5s")).aggregate(agg.collect())
        return counted.map(lambda each: each.value).write(JsonLines(place / "out.jsonl")).named("numbers")

    def read(place: Path) -> list[str]:
        return (place / "out.jsonl").read_text().splitlines()

    report = crash_check(flow, read, restarting=True, pairs=pairs)
    assert report.operations > most
    assert report.crashes >= report.operations
    assert (report.lost, report.duplicated) == (0, 0)


@pytest.mark.anyio
async def test_a_stop_while_it_waits_ends_it_with_the_failure(tmp_path: Path) -> None:
    clock = VirtualClock()
    service = Service(clock, range(9), down=[(clock.monotonic() + 2.5, 1e12)])
    config = RunConfig(clock=clock, restart=Restart("1h"), record=tmp_path / "run.json")
    run = Stream.read(service).write([]).named("waiting").prepare(config)

    async def stop() -> None:
        await clock.sleep(60)
        record = run.status()
        assert (record.state, record.name) == ("waiting", "waiting")
        assert "it begins again from its last checkpoint, 1h after it failed" in str(record)
        assert read_record(tmp_path / "run.json").state == "waiting"
        run.stop()

    async with anyio.create_task_group() as group:
        group.start_soon(stop)
        with pytest.raises(SourceError):
            await run.arun()
    assert len(service.opened) == 1


@pytest.mark.anyio
async def test_cancelling_while_it_waits() -> None:
    clock = VirtualClock()
    service = Service(clock, range(9), down=[(clock.monotonic() + 2.5, 1e12)])
    with clock.deadline(100) as scope:
        await Stream.read(service).write([]).arun(RunConfig(clock=clock, restart=Restart("1h")))
    assert scope.cancelled_caught


# --------------------------------------------------------------------------------------------------- the policy


def test_waits() -> None:
    error = SourceError("gone")
    assert [Restart("5s").wait(error, failures) for failures in (1, 2, 9)] == [5.0, 5.0, 5.0]
    for failures in range(1, 80):
        assert 0 <= Restart("1s..1m").wait(error, failures) <= min(60.0, 2.0 ** (failures - 1))
    asked = SourceError("busy")
    asked.__cause__ = Transient("busy", retry_after=90)
    assert Restart("1s..1m").wait(asked, 1) == 90


def test_settings() -> None:
    assert RunConfig(restart="2s..5m").restart == Restart("2s..5m")
    assert RunConfig(restart=7).restart == Restart(7)
    with pytest.raises(ConfigError, match=r"restart: .*must go from a shorter to a longer time"):
        RunConfig(restart="5m..2s")
    with pytest.raises(ConfigError, match="must be a Restart, or the waits"):
        RunConfig(restart=True)
    with pytest.raises(ConfigError, match=r"Restart[\s\S]*attempts: must be 1 or more"):
        Restart(attempts=0)
