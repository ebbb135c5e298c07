"""Describing and running flows."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator

import anyio
import pytest
from doubles import Blocking, BlockingRecorder, Partitions, Recorder

from rivusio_core import AsyncBasePipe, SyncBasePipe, batch, flat_pipe, keep, pipe, state
from rivusio_core.errors import CompositionError, ConfigError, DefinitionError
from rivusio_core.runnable import Launch, Runnable
from rivusio_streams import Flow, JsonLines, RunConfig, StdIn, Stream, Tumbling, agg
from rivusio_streams.config import RunSettings


@pipe
def double(number: int) -> int:
    return 2 * number


@pipe
async def negate(number: int) -> int:
    await anyio.lowlevel.checkpoint()
    return -number


@flat_pipe
def twice(number: int) -> Iterator[int]:
    yield number
    yield number


def is_even(number: int) -> bool:
    return number % 2 == 0


def test_from_a_list_to_a_list() -> None:
    out: list[int] = []
    report = Stream.read([1, 2, 3]).write(out).run()
    assert out == [1, 2, 3]
    assert report.steps["items"].given == report.steps["list"].taken == 3


def test_map_filter_flat_map() -> None:
    out: list[str] = []
    flow = Stream.read(range(6)).filter(is_even).flat_map(lambda n: [n] * n).map(str).map(str.upper).write(out)
    report = flow.run()
    assert out == ["2", "2", "4", "4", "4", "4"]
    assert report.steps["is_even"].filtered == 3
    assert (report.steps["flat_map"].passed, report.steps["flat_map"].given) == (3, 6)
    assert list(report.steps) == ["items", "is_even", "flat_map", "str", "upper", "list"]


async def _spell(number: int | str) -> AsyncIterator[str]:
    for digit in str(number):
        await anyio.lowlevel.checkpoint()
        yield digit


@pytest.mark.anyio
async def test_async_functions_and_pipes() -> None:
    async def add_one(number: int) -> int:
        await anyio.lowlevel.checkpoint()
        return number + 1

    async def is_large(number: int) -> bool:
        return number > 20

    out: list[str] = []
    stream = Stream.read([19, 20, 21]).map(add_one, concurrency=4).filter(is_large).flat_map(_spell)
    await stream.write(out).arun()
    assert out == ["2", "1", "2", "2"]


@pytest.mark.anyio
async def test_through_a_pipeline_with_everything() -> None:
    out: list[list[int]] = []
    pipeline = double >> keep(lambda n: n > 2) >> negate.with_options(concurrency=3) >> twice >> batch(3)
    report = await Stream.read([1, 2, 3]).through(pipeline).write(out).arun()
    assert out == [[-4, -4, -6], [-6]]
    assert report.steps["double"].taken == 3
    assert report.steps["batch"].given == 2


def test_pipes_with_a_life_are_set_up_and_torn_down_for_each_run() -> None:
    log: list[str] = []

    class Living(SyncBasePipe[int, int]):
        offset: int = 1
        seen: list[int] = state()

        def setup(self) -> None:
            self.seen = []
            log.append("up")

        def process(self, item: int) -> int:
            self.seen.append(item)
            return item + self.offset

        def teardown(self) -> None:
            log.append(f"down {self.seen}")

    out: list[int] = []
    flow = Stream.read([1, 2]).through(Living(offset=5)).write(out)
    flow.run()
    flow.run()
    assert out == [6, 7, 6, 7]
    assert log == ["up", "down [1, 2]"] * 2


def test_batches_and_the_last_one() -> None:
    out: list[list[int]] = []
    Stream.read(range(5)).batch(2).write(out).run()
    assert out == [[0, 1], [2, 3], [4]]


def test_an_empty_source_ends() -> None:
    out: list[int] = []
    windowed: list[object] = []
    empty = Stream.read(list[int]())
    late = empty.event_time(lambda n: n).window(Tumbling("1s")).aggregate(agg.count())
    Flow.of(empty.batch(2).merge(Stream.read(list[list[int]]())).flat_map(iter).write(out), late.write(windowed)).run()
    assert (out, windowed) == ([], [])


def test_a_source_without_partitions_ends() -> None:
    out: list[int] = []
    Stream.read(Partitions[int]([])).write(out).run()
    assert out == []


def test_merge_keeps_the_order_of_each_stream() -> None:
    out: list[int] = []
    stream = Stream.read(range(100)).merge(Stream.read(range(1000, 1100)), Stream.read(range(2000, 2100)))
    report = stream.write(out).run(RunConfig(chunk=7))
    assert len(out) == 300
    for low in (0, 1000, 2000):
        assert [n for n in out if low <= n < low + 1000] == list(range(low, low + 100))
    assert report.steps["merge"].taken == 300


def test_split_goes_two_ways() -> None:
    even: list[int] = []
    odd: list[int] = []
    yes, no = Stream.read(range(5)).split(is_even)
    Flow.of(yes.write(even), no.map(lambda n: -n).write(odd)).run()
    assert (even, odd) == ([0, 2, 4], [-1, -3])


def test_a_side_of_a_split_that_nobody_takes_is_filtered() -> None:
    odd: list[int] = []
    _, no = Stream.read(range(5)).split(is_even)
    report = no.write(odd).run()
    assert odd == [1, 3]
    assert (report.steps["split"].filtered, report.steps["split"].passed) == (3, 2)


def test_tee_writes_and_goes_on() -> None:
    raw: list[int] = []
    out: list[int] = []
    Stream.read([1, 2]).tee(raw).map(lambda n: n * 10).write(out).run()
    assert (raw, out) == ([1, 2], [10, 20])


def test_a_stream_used_twice_is_computed_once() -> None:
    calls: list[int] = []

    def note(number: int) -> int:
        calls.append(number)
        return number

    shared = Stream.read([1, 2, 3]).map(note)
    a: list[int] = []
    b: list[int] = []
    report = Flow.of(shared.map(lambda n: n + 1).write(a), shared.filter(is_even).write(b)).run()
    assert (calls, a, b) == ([1, 2, 3], [2, 3, 4], [2])
    assert list(report.steps) == ["items", "note", "map", "list", "is_even", "list-2"]


def test_a_stream_merged_with_a_part_of_itself() -> None:
    out: list[int] = []
    stream = Stream.read([1, 2, 3])
    stream.merge(stream.filter(is_even)).write(out).run(RunConfig(chunk=1))
    assert sorted(out) == [1, 2, 2, 3]


@pytest.mark.anyio
async def test_one_flow_runs_twice_at_once() -> None:
    class Slow(AsyncBasePipe[int, int]):
        total: int = state()

        async def setup(self) -> None:
            self.total = 0

        async def process(self, item: int) -> int:
            await anyio.lowlevel.checkpoint()
            self.total += item
            return self.total

    recorder = Recorder()
    flow = Stream.read([1, 2, 3]).through(Slow()).write(recorder)
    async with anyio.create_task_group() as group:
        group.start_soon(flow.arun)
        group.start_soon(flow.arun)
    assert sorted(recorder.items) == [1, 1, 3, 3, 6, 6]


@pytest.mark.anyio
async def test_blocking_sources_and_sinks_are_called_in_order() -> None:
    source, sink = Blocking(range(10)), BlockingRecorder()
    await Stream.read(source).write(sink).arun()
    assert sink.items == list(range(10))
    assert sink.log == ["open", "flush", "close"]
    assert source.log == ["acknowledged 10", "closed"]


def test_flows_and_streams_are_values() -> None:
    def build() -> Flow:
        stream = Stream.read(JsonLines("a.jsonl", int)).through(double).filter(is_even).key_by(is_even)
        return stream.window(Tumbling("1m")).aggregate(agg.count()).write(JsonLines("b.jsonl"))

    assert build() == build()
    assert hash(build()) == hash(build())
    assert build() != Stream.read(JsonLines("a.jsonl", int)).write(JsonLines("b.jsonl"))
    assert repr(build()) == "Flow('flow', a.jsonl -> double -> is_even -> key_by -> aggregate -> b.jsonl)"


def test_a_long_flow() -> None:
    stream = Stream.read([0])
    for _ in range(1500):
        stream = stream.map(lambda n: n + 1)
    out: list[int] = []
    flow = stream.write(out)
    assert flow == flow.named("flow")
    assert len(flow.nodes()) == 1502
    assert "map-1500" in flow.graph()


def test_a_flow_is_runnable_by_the_command() -> None:
    flow = Stream.read([1]).write([]).named("mine")
    assert isinstance(flow, Runnable)
    assert flow.name == "mine"
    assert flow.run_settings() is RunSettings


@pytest.mark.anyio
async def test_launch_takes_settings_by_name() -> None:
    out: list[int] = []
    report = await Stream.read([1]).write(out).launch(Launch(settings={"name": "orders", "chunk": 3}))
    assert (report.name, out) == ("orders", [1])
    assert "orders finished" in report.summary()


def test_run_inside_a_loop_says_what_to_do() -> None:
    async def inside() -> None:
        Stream.read([1]).write([]).run()

    for backend in ("asyncio", "trio"):
        with pytest.raises(RuntimeError, match=r"await flow\.arun"):
            anyio.run(inside, backend=backend)


def test_the_graph_can_be_drawn() -> None:
    shared = Stream.read(JsonLines("a.jsonl", int), name="numbers")
    yes, no = shared.event_time(lambda n: n, out_of_order="5s").split(is_even)
    late = JsonLines("late.jsonl")
    counted = yes.key_by(is_even).window(Tumbling("1m"), allowed_lateness="1s", late_to=late).aggregate(agg.count())
    flow = Flow.of(counted.write(JsonLines("out.jsonl")), no.tee(JsonLines("odd.jsonl")).write([]))
    text = flow.graph()
    assert "numbers (source)" in text
    assert "aggregate (state, Tumbling('1m'), allowed lateness 1s)" in text
    assert "flowchart" in flow.graph("mermaid")
    assert flow.graph("svg").startswith("<svg")
    edges = {(each["start"], each["end"], each["label"]) for each in json.loads(flow.graph("json"))["edges"]}
    assert ("split", "key_by", "yes") in edges
    assert ("aggregate", "late.jsonl", "late") in edges
    assert ("split", "odd.jsonl", "no") in edges


def test_the_report_is_a_table_and_json() -> None:
    report = Stream.read(range(1500)).filter(is_even).write([]).run(RunConfig(name="numbers"))
    lines = str(report).splitlines()
    assert lines[0].startswith("numbers finished after")
    assert lines[1].split() == ["step", "taken", "given", "filtered"]
    assert lines[3].split() == ["is_even", "1,500", "750", "750"]
    found = json.loads(json.dumps(report.to_json()))
    assert found["steps"]["is_even"]["filtered"] == 750
    assert found["unaccounted"] == 0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda s: s.map(3), "takes a function of one item, not int"),
        (lambda s: s.map(double), r"put a pipe in with \.through"),
        (lambda s: s.map(_spell), "is a generator; use flat_map"),
        (lambda s: s.flat_map(negate.function), "is a coroutine function"),
        (lambda s: s.through(len), "is no pipe"),
        (lambda s: s.write(3), "int is no sink"),
        (lambda s: s.tee("x"), "str is no sink"),
        (lambda s: s.map(str, concurency=2), "did you mean 'concurrency'"),
        (lambda s: Stream.read("orders.jsonl"), r"JsonLines\(path, Model\)"),
        (lambda s: Stream.read(3), "neither a source nor an iterable"),
        (lambda s: Flow.of(), "at least one flow"),
    ],
)
def test_mistakes_are_found_when_written(wrong: object, message: str) -> None:
    with pytest.raises((DefinitionError, ConfigError), match=message):
        wrong(Stream.read([1]))  # type: ignore[operator]


def _words(line: str) -> Iterator[str]:
    yield from line.split()


async def _size(line: str) -> int:
    return len(line)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Stream.read(JsonLines("a", str)).through(double), "a gives str"),
        (lambda: Stream.read(StdIn()).through(double), "stdin gives str"),
        (lambda: Stream.read([1]).through(double).through(twice).map(_size), "twice gives int"),
        (lambda: Stream.read(["a"]).flat_map(_words).through(double), "flat_map|_words gives str"),
        (lambda: Stream.read(["a"]).flat_map(_spell).filter(is_even), "_spell gives str"),
        (lambda: Stream.read(["a"]).map(_size).tee([]).event_time(int).flat_map(_words), "gives int"),
        (lambda: Stream.read([1]).through(double).batch(2).through(double), "gives list"),
    ],
)
def test_streams_check_types_at_run_time_too(wrong: Callable[[], object], message: str) -> None:
    with pytest.raises(CompositionError, match=message.replace("gives", ".*")):
        wrong()


def test_what_is_not_known_is_accepted() -> None:
    Stream.read([1]).map(lambda n: str(n)).through(double)
    Stream.read([1]).through(double).map(str).map(len).filter(is_even).batch(2).map(sum).through(double)
    Stream.read(JsonLines("a", bool)).through(double).filter(is_even).through(negate)
