"""Traps of errors, retries and dead letters that other engines fell into, by their public issues: each is a test.

Each attempt and each side of a branch get an item of their own: see test_pristine.py of core.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Literal

import anyio
import pytest
from doubles import Fed, Log, Partitions, Recorder
from hypothesis import given
from hypothesis import strategies as st

from rivusio_core import Retry, pipe
from rivusio_core.errors import BadRecord, DeadLetterError, PipeError, RetriesExhausted, SinkError, Transient
from rivusio_core.testing import VirtualClock
from rivusio_streams import AsyncSink, Envelope, Flow, JsonLines, MemoryStore, Restart, RunConfig, Stream

pytestmark = pytest.mark.anyio
Item = tuple[str, int]
"""Key and number."""
TRY_AGAIN = Retry(attempts=5, backoff="1s..10s")


# ------------------------------------------------------------------------------------------------------------- retries


@pytest.mark.parametrize("concurrency", [1, 3, 16])
async def test_retry_reorders_one_key(concurrency: int) -> None:
    """redpanda-data/connect#1641: an item that is tried again is overtaken by later items of its key."""
    tries, out = Counter[Item](), list[Item]()

    async def send(item: Item) -> Item:
        tries[item] += 1
        if tries[item] <= item[1] % 4:
            raise Transient("busy")
        return item

    items = [(key, number) for number in range(20) for key in "ab"]
    flow = Stream.read(items).map(send, retry=TRY_AGAIN, concurrency=concurrency).write(out)
    report = await flow.arun(RunConfig(clock=VirtualClock()))
    assert out == items
    assert report.steps["send"].retries == 2 * 5 * (1 + 2 + 3)


async def test_mutated_copy_is_retried() -> None:
    """Benthos, changelog: the second attempt gets what the first one left of the item."""
    out, letters = list[str](), list[Envelope]()

    def take(words: list[str]) -> str:
        word = words.pop(0)
        if len(words) > 1:
            raise OSError("later")
        return word

    stream = Stream.read([["a", "b"], ["c", "d", "e"]])
    flow = stream.map(take, retry=Retry(attempts=3, backoff=0), on_error="dead_letter").write(out)
    await flow.arun(RunConfig(dead_letters=letters))
    assert out == ["a"]
    assert [(each.value, each.attempts) for each in letters] == [(["c", "d", "e"], 3)]


@pytest.mark.parametrize("took", [1.9, 2.0, 2.1])
@pytest.mark.parametrize("concurrency", [1, 8])
async def test_timeout_racing_retry(took: float, concurrency: int) -> None:
    """FLINK-40456: a result that comes at the moment of its timeout is lost, or given by the next attempt once more."""
    clock, out, letters = VirtualClock(), list[int](), list[Envelope]()

    @pipe(timeout="2s", retry=Retry(attempts=3, backoff=0), on_error="dead_letter", concurrency=concurrency)
    async def ask(number: int) -> int:
        await clock.sleep(took if number % 3 else 0.5)
        return number

    report = await Stream.read(range(30)).through(ask).write(out).arun(RunConfig(clock=clock, dead_letters=letters))
    lost = [each.value for each in letters]
    assert sorted([*out, *lost], key=str) == sorted(range(30), key=str)
    assert out == sorted(out)
    assert report.ledger.unaccounted == 0
    if took != 2.0:  # who wins at the very moment is open
        assert len(lost) == (0 if took < 2 else 20)


async def test_nack_hot_loop_without_delay() -> None:
    """ag2ai/faststream#1721: an item that fails is given again at once, for ever, and keeps the processor busy."""
    clock, times = VirtualClock(), list[float]()

    async def refuse(number: int) -> int:
        times.append(clock.monotonic())
        raise Transient("busy")

    flow = Stream.read([1]).map(refuse, retry=Retry(attempts=4, backoff="10s")).write([])
    with pytest.raises(RetriesExhausted):
        await flow.arun(RunConfig(clock=clock))
    assert [later - earlier for earlier, later in pairwise(times)] == [10, 10, 10]


async def test_a_sink_that_stays_down_is_not_asked_in_a_hot_loop() -> None:
    clock, times = VirtualClock(), list[float]()

    class Down(AsyncSink[int]):
        async def write(self, batch: Sequence[int]) -> None:
            times.append(clock.monotonic())
            raise ConnectionError

    flow = Stream.read([1]).write(Down())
    with pytest.raises(SinkError):
        await flow.arun(RunConfig(clock=clock, restart=Restart("10s", attempts=3)))
    assert [later - earlier for earlier, later in pairwise(times)] == [10, 10, 10]


# --------------------------------------------------------------------------------------------------------------- sinks


@dataclass(eq=False)
class Flaky(AsyncSink[int]):
    """Fails in one call, as if its target was away for a moment."""

    where: Literal["write", "flush"]
    items: Log[int] = field(default_factory=lambda: Log[int]())
    failures: int = 1
    calls: Counter[str] = field(default_factory=Counter[str])
    waiting: list[int] = field(default_factory=list[int])

    async def open(self) -> None:
        self.waiting = []  # as of a sink that gathers: what was not flushed is gone

    async def write(self, batch: Sequence[int]) -> None:
        self.fail("write")
        self.waiting.extend(batch)

    async def flush(self) -> None:
        self.fail("flush")
        self.items.extend(self.waiting)
        self.waiting = []

    def fail(self, where: str) -> None:
        self.calls[where] += 1  # of all copies
        if where == self.where and self.calls[where] <= self.failures:
            raise ConnectionError


@pytest.mark.parametrize("failing", ["write", "flush"])
async def test_fan_out_retries_the_sink_that_succeeded(tmp_path: Path, failing: Literal["write", "flush"]) -> None:
    """redpanda-data/connect#4387: because one of several sinks failed, all of them are written again."""
    path, flaky = tmp_path / "out.jsonl", Flaky(failing, failures=2)
    stream = Stream.read(range(50)).tee(JsonLines[int](path))
    settings = RunConfig(checkpoint=MemoryStore(), restart=Restart("0s", attempts=9))
    report = await stream.write(flaky).arun(settings)
    assert report.restarts > 0
    assert [json.loads(line) for line in path.read_text().splitlines()] == list(range(50))
    assert set(flaky.items) == set(range(50))


async def test_an_item_that_one_sink_refuses_is_written_to_the_others_once() -> None:
    class Picky(Recorder):
        divisible = True

        async def write(self, batch: Sequence[object]) -> None:
            if 3 in batch:
                raise ValueError
            await super().write(batch)

    picky, other, last = Picky(), list[int](), list[int]()
    flow = Stream.read(range(9)).tee(other).tee(picky, on_error="skip").write(last)
    report = await flow.arun()
    assert (other, picky.items, last) == ([*range(9)], [0, 1, 2, 4, 5, 6, 7, 8], [*range(9)])
    assert report.ledger.unaccounted == 0


async def test_sink_flush_failure_drops_the_batch() -> None:
    """quix-streams, BatchingSink: the batch that could not be flushed is forgotten, and the next one is committed."""
    clock, source, sink = VirtualClock(), Fed[int](), Flaky("flush", failures=1_000)
    flow = Stream.read(source).write(sink)
    await fails(flow, RunConfig(clock=clock, every="1s"), source, clock, SinkError)
    assert (sink.items, source.acknowledged) == ([], [])

    numbers, again = Partitions([range(40)]), Flaky("flush", failures=2)
    report = await Stream.read(numbers).write(again).arun(RunConfig(restart=Restart("0s")))
    assert again.items == [*range(40)]
    assert report.restarts == 2
    assert numbers.acknowledged == {"0": 40}


async def fails(flow: Flow, config: RunConfig, source: Fed[int], clock: VirtualClock, error: type[Exception]) -> None:
    """A run to which an item comes every 10 s fails so."""

    async def feed() -> None:
        for number in range(9):
            await source.send.send([number])
            await clock.sleep(10)

    async with anyio.create_task_group() as group:
        group.start_soon(feed)
        with pytest.raises(error):
            await flow.arun(config)
        group.cancel_scope.cancel()


# ------------------------------------------------------------------------------------------------- items of one batch


@given(
    bad=st.dictionaries(st.integers(0, 59), st.sampled_from(["skip", "letter", "later"]), max_size=20),
    chunk=st.sampled_from([1, 7, 64]),
    concurrency=st.sampled_from([1, 4]),
)
def test_bad_item_in_a_batch(bad: dict[int, str], chunk: int, concurrency: int) -> None:
    """Only that item is treated; its neighbours go on, in order."""
    tries, out, letters = Counter[int](), list[int](), list[Envelope]()

    async def check(item: int) -> int:
        tries[item] += 1
        if bad.get(item) == "letter":
            raise BadRecord("no")
        if bad.get(item) == "later" and tries[item] < 3:
            raise Transient("busy")
        return item

    def second(item: int) -> int:
        if bad.get(item) == "skip":
            raise ValueError("no")
        return item

    stream = Stream.read(range(60)).map(check, retry=TRY_AGAIN, concurrency=concurrency).map(second, on_error="skip")
    report = stream.write(out).run(RunConfig(dead_letters=letters, chunk=chunk, clock=VirtualClock()))
    assert out == [item for item in range(60) if bad.get(item, "later") == "later"]
    assert [each.value for each in letters] == sorted(item for item, how in bad.items() if how == "letter")
    assert tries == {item: 3 if bad.get(item) == "later" else 1 for item in range(60)}
    assert report.steps["second"].skipped == sum(how == "skip" for how in bad.values())
    assert report.ledger.unaccounted == 0


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("concurrency", [1, 8])
async def test_item_n_plus_1_commits_past_failed_n(ordered: bool, concurrency: int) -> None:
    """ag2ai/faststream#1980: while item n is tried again, or when it fails, item n + 1 acknowledges both."""
    clock, source, out = VirtualClock(), Fed[int](), list[int]()

    async def send(number: int) -> int:
        if number == 3:
            await clock.sleep(60)
            raise PipeError("no")
        return number

    flow = Stream.read(source).map(send, concurrency=concurrency, ordered=ordered).write(out)
    await fails(flow, RunConfig(clock=clock, every="1s"), source, clock, PipeError)
    assert max(int(str(each)) for each in source.acknowledged) == 3  # items 0 to 2
    assert 3 not in out


# -------------------------------------------------------------------------------------------------------- dead letters


@pytest.mark.parametrize("failing", ["open", "write", "flush"])
async def test_dead_letter_sink_fails(failing: str) -> None:
    """The run stops; the item is not acknowledged."""

    def refuse(number: int) -> int:
        if number == 2:
            raise BadRecord("no")
        return number

    source, dead = Partitions([[1, 2, 3]]), Recorder(fails=failing)
    with pytest.raises((DeadLetterError, SinkError), match=f"could not be stored|dead letters.*{failing}"):
        await Stream.read(source).map(refuse).write([]).arun(RunConfig(dead_letters=dead))
    assert source.acknowledged == {}
    assert dead.log[-1] == "close"


async def test_an_item_is_acknowledged_only_once_its_letter_is_safe() -> None:
    clock, source = VirtualClock(), Fed[int]()

    class Slow(AsyncSink[Envelope]):
        async def write(self, batch: Sequence[Envelope]) -> None:
            pass

        async def flush(self) -> None:
            told.append(f"flushing with {source.acknowledged}")
            await clock.sleep(100)
            told.append("flushed")

    def refuse(number: int) -> int:
        raise BadRecord("no")

    told = list[str]()
    async with anyio.create_task_group() as group:
        flow = Stream.read(source).map(refuse).write([])
        group.start_soon(flow.arun, RunConfig(clock=clock, every="1s", dead_letters=Slow()))
        await source.send.send([1])
        await source.acknowledged.until(1)
        assert told[:2] == ["flushing with []", "flushed"]
        source.send.close()
