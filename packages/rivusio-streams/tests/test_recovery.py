"""Going on from checkpoints: after a stop, an end, a damaged one, a changed flow; and refusing to, with reasons."""

from __future__ import annotations

import itertools
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from doubles import Fed
from file_limit import file_limit

from rivusio_core import pipe
from rivusio_core.errors import (
    CheckpointCorrupt,
    CheckpointMismatch,
    CheckpointWriteError,
    GuaranteeError,
    StateError,
)
from rivusio_core.testing import VirtualClock
from rivusio_streams import Hopping, JsonLines, RunConfig, Stream, Tumbling, agg
from rivusio_streams.checkpoint import FolderStore, MemoryStore
from rivusio_streams.checkpoint.history import History
from rivusio_streams.flow import Flow
from rivusio_streams.sink import Sink
from rivusio_streams.source import AsyncPartition, AsyncSource, Position
from rivusio_streams.testing import crash_check
from rivusio_streams.windows import Windows

SECOND = 1_000_000
pytestmark = pytest.mark.anyio


def put(path: Path, numbers: Sequence[int]) -> None:
    with path.open("a") as file:
        file.writelines(f"{number}\n" for number in numbers)


def counts(place: Path, windows: Windows | None = None) -> Flow:
    return (
        Stream.read(JsonLines(place / "in.jsonl", int))
        .event_time(lambda n: n * SECOND)
        .window(windows or Tumbling("10s"))
        .aggregate(agg.count())
        .map(lambda each: [round(each.window.start.timestamp()), each.value])
        .write(JsonLines(place / "out.jsonl"))
        .named("counts")
    )


def found(place: Path) -> list[Any]:
    return [json.loads(line) for line in (place / "out.jsonl").read_text().splitlines()]


async def test_a_stop_keeps_windows_for_the_next_run() -> None:
    """The items of a window that was open when the run was stopped are counted in the next one."""
    clock, store, out = VirtualClock(), MemoryStore(), list[Any]()
    first, second = Fed[int](), Fed[int]()

    def flow(source: Fed[int]) -> Flow:
        timed = Stream.read(source).event_time(lambda n: n * SECOND)
        return timed.window(Tumbling("10s")).collect().map(lambda each: each.value).write(out)

    config = RunConfig(checkpoint=store, clock=clock, every="1s")
    stop = anyio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: flow(first).arun(config, stop=stop))
        await first.send.send([1, 2])
        await clock.sleep(0.5)
        await first.send.send([3])
        await clock.sleep(0.1)
        stop.set()
    assert out == []
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: flow(second).arun(config))
        await second.send.send([4, 11])
        second.send.close()
    assert out == [[1, 2, 3, 4], [11]]


async def test_what_is_added_to_a_file_after_its_end_is_read_by_the_next_run(tmp_path: Path) -> None:
    config = RunConfig(checkpoint=tmp_path / "state.db")
    put(tmp_path / "in.jsonl", [1, 2, 11])
    await counts(tmp_path).arun(config)
    assert found(tmp_path) == [[0, 2], [10, 1]]
    await counts(tmp_path).arun(config)
    assert found(tmp_path) == [[0, 2], [10, 1]]  # nothing is new
    put(tmp_path / "in.jsonl", [12, 25])
    await counts(tmp_path).arun(config)
    assert found(tmp_path) == [[0, 2], [10, 1], [10, 1], [20, 1]]


async def test_without_checkpoints_each_run_begins_anew(tmp_path: Path) -> None:
    put(tmp_path / "in.jsonl", [1])
    for _ in range(2):
        await counts(tmp_path).arun()
        assert found(tmp_path) == [[0, 1]]


async def test_a_damaged_checkpoint_gives_way_and_both_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Promise: kill -9, power loss: of a damaged checkpoint the one before is used."""
    config = RunConfig(checkpoint=f"{tmp_path}/kept/")
    put(tmp_path / "in.jsonl", [1, 2])
    await counts(tmp_path).arun(config)
    put(tmp_path / "in.jsonl", [25])
    await counts(tmp_path).arun(config)
    newest = max((tmp_path / "kept").rglob("*.checkpoint"))
    newest.write_bytes(newest.read_bytes()[:-1])
    with caplog.at_level(logging.ERROR):
        await counts(tmp_path).arun(config)
    assert "000000000002" in caplog.text
    assert "going on from checkpoint 1" in caplog.text
    assert found(tmp_path) == [[0, 2], [20, 1]]


async def test_never_silently_from_the_beginning(tmp_path: Path) -> None:
    """Promise: kill -9, power loss: where no checkpoint is good, the start is refused."""
    config = RunConfig(checkpoint=f"{tmp_path}/kept/")
    put(tmp_path / "in.jsonl", [1, 2])
    await counts(tmp_path).arun(config)
    for each in (tmp_path / "kept").rglob("*.checkpoint"):
        each.write_bytes(b"RIVUSIO\x01" + bytes(50))
    with pytest.raises(CheckpointCorrupt, match=r"no checkpoint can be used.*reset"):
        await counts(tmp_path).arun(config)
    assert found(tmp_path) == [[0, 2]]


async def stopped(place: Path, store: MemoryStore, flow: Flow) -> None:
    """Run and stop right away, so that a checkpoint with state is there."""
    stop = anyio.Event()
    stop.set()
    put(place / "in.jsonl", [1])
    await flow.arun(RunConfig(checkpoint=store), stop=stop)


async def test_a_changed_flow_is_refused_by_name(tmp_path: Path) -> None:
    """Promise: changed topology: refused by name."""
    store = MemoryStore()
    await stopped(tmp_path, store, counts(tmp_path))
    with pytest.raises(CheckpointMismatch, match=r"step 'aggregate' has changed from .*Tumbling.* to .*Hopping"):
        await counts(tmp_path, Hopping("10s", "5s")).arun(RunConfig(checkpoint=store))
    keyed = Stream.read(JsonLines(tmp_path / "in.jsonl", int)).key_by(lambda n: n % 2)
    other = keyed.scan(0, lambda a, b: a + b).write([]).named("counts")
    with pytest.raises(CheckpointMismatch, match="'aggregate' kept something and is not there any more") as raised:
        await other.arun(RunConfig(checkpoint=store))
    assert "'scan' is new" in str(raised.value)


async def test_a_step_without_state_may_change(tmp_path: Path) -> None:
    store = MemoryStore()
    await stopped(tmp_path, store, counts(tmp_path))
    put(tmp_path / "in.jsonl", [2])
    flow = (
        Stream.read(JsonLines(tmp_path / "in.jsonl", int))
        .filter(lambda n: n < 100)
        .event_time(lambda n: n * SECOND, out_of_order="1s")
        .window(Tumbling("10s"))
        .aggregate(agg.count())
        .map(lambda each: each.value)
        .write(JsonLines(tmp_path / "out.jsonl"))
        .named("counts")
    )
    await flow.arun(RunConfig(checkpoint=store))
    assert found(tmp_path) == [2]


def test_each_run_may_work_on_another_number_of_items_at_once() -> None:
    """Change of parallelism: what was on its way, and all state, is in checkpoints, whatever worked on it."""
    at_once = itertools.cycle([1, 4, 2, 7])

    async def doubled(number: int) -> int:
        await anyio.lowlevel.checkpoint()
        return number * 2

    def flow(place: Path) -> Flow:
        many = next(at_once)
        through = pipe(doubled, concurrency=many, ordered=True) if many > 1 else pipe(doubled)
        keyed = Stream.read([3, 1, 4, 1, 5, 9, 2, 6, 5]).through(through).key_by(lambda n: n % 4)
        return keyed.scan(0, lambda total, n: total + n).write(JsonLines(place / "out.jsonl"))

    report = crash_check(flow, lambda place: (place / "out.jsonl").read_text().split())
    assert (report.lost, report.duplicated) == (0, 0)


async def test_two_runs_of_one_flow_do_not_share_checkpoints(tmp_path: Path) -> None:
    source = Fed[int]()
    config = RunConfig(checkpoint=f"{tmp_path}/kept/", name="same")
    async with anyio.create_task_group() as group:
        group.start_soon(Stream.read(source).write([]).arun, config)
        await source.send.send([1])
        while source.receive.statistics().current_buffer_used:  # until the first has opened its store and reads
            await anyio.lowlevel.checkpoint()
        with pytest.raises(CheckpointWriteError, match="another run of 'same'"):
            await Stream.read([1]).write([]).arun(config)
        source.send.close()


class Failing(MemoryStore):
    """Cannot write as long as it is told so."""

    full = True

    def put(self, name: str, data: bytes) -> None:
        if self.full:
            raise CheckpointWriteError("memory: No space left on device")
        super().put(name, data)


async def test_a_failed_checkpoint_acknowledges_nothing_and_the_next_one_has_it_all() -> None:
    """Promise: full disk: nothing is acknowledged."""
    source, clock, store = Fed[int](), VirtualClock(), Failing()
    out = list[Any]()
    flow = Stream.read(source).key_by(lambda n: n % 2).scan(0, lambda total, n: total + n).write(out)
    async with anyio.create_task_group() as group:
        group.start_soon(flow.arun, RunConfig(checkpoint=store, clock=clock, every="1s"))
        await source.send.send([1, 2])
        await clock.sleep(2.5)
        assert list(source.acknowledged) == []
        store.full = False
        await clock.sleep(1)
        assert list(source.acknowledged) == [2]
        source.send.close()
    store.open("flow")
    record = History(store).at(1) if 1 in History(store).numbers() else None
    assert record is None  # its number is used up
    store.close()


async def test_the_third_failure_in_a_row_ends_the_run() -> None:
    """Promise: full disk: after three failures of the checkpoint the run ends."""
    source, clock = Fed[int](), VirtualClock()
    await source.send.send([1, 2])
    with pytest.raises(CheckpointWriteError, match="No space left"):
        await Stream.read(source).write([]).arun(RunConfig(checkpoint=Failing(), clock=clock, every="1s"))
    assert clock.monotonic() == 3
    assert list(source.acknowledged) == []


async def test_a_full_disk_leaves_the_old_checkpoint_and_the_old_results(tmp_path: Path) -> None:
    config = RunConfig(checkpoint=f"{tmp_path}/kept/")
    put(tmp_path / "in.jsonl", [1])
    await counts(tmp_path).arun(config)
    put(tmp_path / "in.jsonl", range(20, 4_000))
    big = (
        Stream.read(JsonLines(tmp_path / "in.jsonl", int))
        .event_time(lambda n: n * SECOND)
        .window(Tumbling("10s"))
        .aggregate(agg.count())
        .map(lambda each: [round(each.window.start.timestamp()), each.value])
        .write(JsonLines(tmp_path / "out.jsonl"))
        .named("counts")
    )
    with file_limit(1_000), pytest.raises(Exception, match=r"File too large|cannot be written"):
        await big.arun(config)
    assert found(tmp_path) == [[0, 1]]
    await big.arun(config)
    assert found(tmp_path)[0] == [0, 1]
    assert sum(count for _, count in found(tmp_path)) == 1 + len(range(20, 4_000))


async def test_what_cannot_be_kept_names_the_step_and_the_type() -> None:
    class Odd:
        pass

    source, clock = Fed[int](), VirtualClock()
    flow = Stream.read(source).key_by(lambda n: n).scan(None, lambda state, n: Odd()).write([])
    await source.send.send([1])
    with pytest.raises(StateError, match=r"step 'scan'.*Odd cannot be kept"):
        await flow.arun(RunConfig(checkpoint=MemoryStore(), clock=clock))


async def test_a_savepoint_is_a_place_to_begin(tmp_path: Path) -> None:
    place = f"{tmp_path}/kept/"
    put(tmp_path / "in.jsonl", [1, 2])
    await counts(tmp_path).arun(RunConfig(checkpoint=place))
    store = FolderStore(place)
    store.open("counts")
    history = History(store)
    latest = history.latest()
    assert latest is not None
    history.save("v1", latest.record)
    put(tmp_path / "in.jsonl", [31])
    history.reset()
    store.close()
    await counts(tmp_path).arun(RunConfig(checkpoint=place, savepoint="v1"))
    assert found(tmp_path) == [[0, 2], [30, 1]]
    with pytest.raises(CheckpointCorrupt, match="there is no savepoint 'v2'"):
        await counts(tmp_path).arun(RunConfig(checkpoint=f"{tmp_path}/new/", savepoint="v2"))


# ------------------------------------------------------------------------------------------------- guarantees


class Queue(AsyncSource[int]):
    """A queue, only to be asked about."""

    replay = "redelivered"

    async def open_partition(self, partition: str, position: Position | None) -> AsyncPartition[int]:
        raise NotImplementedError


class Append(Sink[Any]):
    def write(self, batch: Sequence[Any]) -> None: ...


class Keyed(Append):
    commit = "keyed"


@pytest.mark.parametrize(
    ("source", "sink", "kept", "promised", "told"),
    [
        ([1], JsonLines("out.jsonl"), True, "exactly_once", "with the checkpoint"),
        ([1], JsonLines("out.jsonl"), False, "at_least_once", "with checkpoints it is exactly once"),
        ([1], Append(), True, "at_least_once", "Append appends"),
        ([1], Keyed(), True, "exactly_once", "by its key"),
        (iter([1]), JsonLines("out.jsonl"), True, "at_most_once", "cannot read again"),
        (Queue(), JsonLines("out.jsonl"), True, "at_least_once", "delivers again"),
        (Queue(), Keyed(), False, "exactly_once", "by its key"),
    ],
)
def test_what_can_be_promised(source: Any, sink: Any, kept: bool, promised: str, told: str) -> None:
    flow = Stream.read(source).write(sink)
    report = flow.check(RunConfig(checkpoint=MemoryStore() if kept else None))
    assert report.guarantee.delivery == promised
    assert told in str(report)
    assert report.to_json()["guarantee"]


def test_a_flow_is_as_good_as_its_weakest_sink() -> None:
    numbers = Stream.read([1])
    flow = Flow.of(numbers.write(Keyed()), numbers.map(str).write(Append()))
    report = flow.check(RunConfig(checkpoint=MemoryStore()))
    assert report.guarantee.delivery == "at_least_once"
    assert [each.delivery for each in report.guarantee.promises] == ["exactly_once", "at_least_once"]


def test_state_behind_a_queue_needs_checkpoints() -> None:
    flow = Stream.read(Queue()).key_by(lambda n: n).scan(0, lambda a, b: a + b).write(Keyed())
    assert flow.check().guarantee.delivery == "at_most_once"
    assert flow.check().could_be.delivery == "at_least_once"


async def test_what_cannot_be_promised_does_not_run(tmp_path: Path) -> None:
    flow = Stream.read([1]).write(JsonLines(tmp_path / "out.jsonl"))
    with pytest.raises(GuaranteeError, match=r"out.jsonl: at least once: without checkpoints"):
        await flow.arun(RunConfig(delivery="exactly_once"))
    assert not (tmp_path / "out.jsonl").exists()
    report = await flow.arun(RunConfig(delivery="exactly_once", checkpoint=tmp_path / "state.db"))
    assert report.guarantee is not None
    assert report.guarantee.delivery == "exactly_once"
    with pytest.raises(GuaranteeError, match="cannot read again"):
        await Stream.read(iter([1])).write([]).arun(RunConfig(delivery="at_least_once"))
    with pytest.raises(GuaranteeError, match="at_most_once"):
        await Stream.read([1]).write(Append()).arun(RunConfig(delivery="at_most_once", checkpoint=MemoryStore()))


def test_settings_of_checkpoints_may_stand_in_a_table() -> None:
    config = RunConfig.model_validate({"checkpoint": {"place": "state.db", "every": "5s"}})
    assert (config.checkpoint, config.every) == ("state.db", "5s")


async def test_what_has_ended_early_stays_in_every_later_checkpoint(tmp_path: Path) -> None:
    """One file is at its end in the first checkpoint; the next ones have nothing new of it, and must not forget it."""
    clock, store = VirtualClock(), MemoryStore()
    put(tmp_path / "in.jsonl", [1, 2, 3])

    def flow(source: Fed[int]) -> Flow:
        short = Stream.read(JsonLines(tmp_path / "in.jsonl", int)).write(JsonLines(tmp_path / "short.jsonl"))
        return Flow.of(short, Stream.read(source).write(JsonLines(tmp_path / "out.jsonl"))).named("both")

    config = RunConfig(checkpoint=store, clock=clock, every="1s")
    first, second = Fed[int](), Fed[int]()
    stop = anyio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: flow(first).arun(config, stop=stop))
        for n in range(3):
            await first.send.send([n])
            await clock.sleep(2)
        stop.set()
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: flow(second).arun(config))
        await second.send.send([3])
        await clock.sleep(2)
        second.send.close()
    assert (tmp_path / "short.jsonl").read_text().split() == ["1", "2", "3"]
    assert found(tmp_path) == [0, 1, 2, 3]
