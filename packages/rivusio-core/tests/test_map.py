"""`map` and `amap`: order, laziness, bounded memory, both directions between sync and async."""

from __future__ import annotations

import gc
import itertools
import tracemalloc
from collections.abc import AsyncIterator, Iterable, Iterator

import anyio
import pytest
from sample_pipes import aadd, add, atwice, parse, twice

from rivusio_core import (
    ConfigError,
    Listener,
    Parallel,
    RunInfo,
    Tally,
    batch,
    branch,
    keep,
    not_none,
    pipe,
    route,
    unbatch,
)


def even(number: int) -> bool:
    return number % 2 == 0


async def aeven(number: int) -> bool:
    return number % 2 == 0


@pipe
def total(numbers: list[int]) -> int:
    return sum(numbers)


@pipe
def only_even(number: int) -> int | None:
    return number if number % 2 == 0 else None


PIPELINES = {
    "sync": (parse >> add(amount=5), [6, 7, 8, 9]),
    "async": (parse >> aadd(amount=5), [6, 7, 8, 9]),
    "sync after async": (parse >> aadd >> add, [3, 4, 5, 6]),
    "flat": (parse >> twice, [1, 1, 2, 2, 3, 3, 4, 4]),
    "async flat": (parse >> atwice >> add, [2, 2, 3, 3, 4, 4, 5, 5]),
    "nested flat": (parse >> twice >> atwice, [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4]),
    "keep": (parse >> keep(even), [2, 4]),
    "async keep": (parse >> keep(aeven) >> add, [3, 5]),
    "not none": (parse >> only_even >> not_none() >> add, [3, 5]),
    "batch": (parse >> batch(3), [[1, 2, 3], [4]]),
    "batch in the middle": (parse >> batch(3) >> total >> aadd, [7, 5]),
    "unbatch": (parse >> batch(2) >> unbatch() >> add, [2, 3, 4, 5]),
    "branch": (parse & (parse >> add), [(1, 2), (2, 3), (3, 4), (4, 5)]),
    "async branch": (branch(parse >> aadd, parse, parse >> aadd), [(2, 1, 2), (3, 2, 3), (4, 3, 4), (5, 4, 5)]),
    "route": (parse >> route((even, add(amount=10)), otherwise=aadd), [2, 12, 4, 14]),
    "sync route": (parse >> route((even, add(amount=10)), otherwise=add), [2, 12, 4, 14]),
    "concurrent": (parse >> aadd.with_options(concurrency=3) >> add, [3, 4, 5, 6]),
    "threads": (parse >> add.with_options(thread=True, concurrency=2), [2, 3, 4, 5]),
}


@pytest.mark.parametrize("name", PIPELINES)
def test_map_gives_the_results_in_order(name: str) -> None:
    pipeline, expected = PIPELINES[name]
    assert list(pipeline.map(["1", "2", "3", "4"])) == expected
    assert list(pipeline.map(iter(["1", "2", "3", "4"]))) == expected


@pytest.mark.anyio
@pytest.mark.parametrize("name", PIPELINES)
async def test_amap_gives_the_same(name: str) -> None:
    pipeline, expected = PIPELINES[name]

    async def lines() -> AsyncIterator[str]:
        for line in ["1", "2", "3", "4"]:
            await anyio.lowlevel.checkpoint()
            yield line

    assert [out async for out in pipeline.amap(["1", "2", "3", "4"])] == expected
    assert [out async for out in pipeline.amap(lines())] == expected


WAITING = {
    "async",
    "sync after async",
    "async flat",
    "nested flat",
    "async keep",
    "async branch",
    "route",
    "concurrent",
    "threads",
}


@pytest.mark.parametrize("name", [name for name in PIPELINES if "batch" not in name])
def test_parallel_gives_the_same(name: str) -> None:
    pipeline, expected = PIPELINES[name]
    lines = ["1", "2", "3", "4"]
    assert list(pipeline.map(lines, parallel=Parallel(kind="async", workers=3))) == expected
    threads = Parallel(kind="thread", workers=3)
    if name in WAITING:
        with pytest.raises(ConfigError, match="'async'"):
            list(pipeline.map(lines, parallel=threads))
    else:
        assert list(pipeline.map(lines, parallel=threads)) == expected


def test_parallel_refuses_batches() -> None:
    with pytest.raises(ConfigError, match="batch"):
        list((parse >> batch(2)).map(["1"], parallel=Parallel(kind="async", workers=2)))


def test_empty_input_gives_nothing() -> None:
    assert list((parse >> aadd >> batch(2)).map([])) == []
    assert list((parse >> twice >> batch(2)).map([])) == []


def test_sync_map_takes_no_item_before_its_result_is_asked_for() -> None:
    taken: list[int] = []

    def numbers() -> Iterator[int]:
        for number in itertools.count():
            taken.append(number)
            yield number

    results = (add >> keep(even) >> twice).map(numbers())
    assert taken == []
    assert [next(results), next(results)] == [2, 2]
    assert taken == [0, 1]


def test_an_endless_flat_step_is_read_lazily() -> None:
    from rivusio_core import flat_pipe

    @flat_pipe
    def forever(number: int) -> Iterator[int]:
        yield from itertools.count(number)

    assert list(itertools.islice((forever >> add).map([10]), 3)) == [11, 12, 13]
    assert list(itertools.islice((forever >> aadd).map([10]), 3)) == [11, 12, 13]


def _peak(results: Iterable[object], warm: int, count: int) -> tuple[int, int]:
    """Memory after `warm` results, and the highest of the following, in bytes."""
    iterator = iter(results)
    for _ in itertools.islice(iterator, warm):
        pass
    gc.collect()
    tracemalloc.start()
    base = tracemalloc.get_traced_memory()[0]
    seen = sum(1 for _ in itertools.islice(iterator, count))
    peak = tracemalloc.get_traced_memory()[1] - base
    tracemalloc.stop()
    assert seen == count
    return base, peak


@pytest.mark.parametrize("name", ["sync", "flat", "async", "batch", "concurrent"])
def test_memory_stays_flat_over_an_endless_input(name: str) -> None:
    """The pipeline of rivusio 0.2 kept every output for ever."""
    pipelines = {
        "sync": add >> add >> keep(even),
        "flat": add >> twice,
        "async": add >> aadd,
        "batch": add >> batch(10),
        "concurrent": add >> aadd.with_options(concurrency=4),
    }
    results = pipelines[name].map(itertools.count())
    _, peak = _peak(results, 2_000, 20_000 if name != "concurrent" else 5_000)
    assert peak < 1_500_000


def test_the_whole_million_holds_still() -> None:
    _, peak = _peak((add >> add).map(range(1_001_000)), 1_000, 1_000_000)
    assert peak < 100_000


def test_listeners_hear_counts_that_balance() -> None:
    class Ears(Listener):
        def __init__(self) -> None:
            self.tallies: dict[str, Tally] = {}
            self.events: list[str] = []

        def run_started(self, run: RunInfo) -> None:
            self.events.append(f"start {run.name}")

        def step_ran(self, run: RunInfo, step: str, tally: Tally, seconds: float) -> None:
            self.tallies.setdefault(step, Tally()).add(tally)

        def run_ended(self, run: RunInfo, error: BaseException | None) -> None:
            self.events.append(f"end {error}")

    for last in (add, aadd):
        ears = Ears()
        pipeline = parse.with_options(on_error="skip") >> twice >> keep(even) >> last
        assert list(pipeline.map(["1", "x", "2"] * 2000, listeners=[ears])) == [3, 3] * 2000
        assert ears.events == [f"start {pipeline.step_name}", "end None"]
        assert all(tally.unaccounted == 0 for tally in ears.tallies.values())
        assert (ears.tallies["parse"].taken, ears.tallies["parse"].skipped) == (6000, 2000)
        assert (ears.tallies["twice"].taken, ears.tallies["twice"].given) == (4000, 8000)
        assert (ears.tallies["keep(even)"].filtered, ears.tallies[last.step_name].given) == (4000, 4000)


def test_unknown_settings_are_refused_before_anything_runs() -> None:
    with pytest.raises(ConfigError, match="paralel"):
        add.map([1], paralel=3)  # type: ignore[call-arg]  # the mistake under test  # pyright: ignore[reportCallIssue]
    with pytest.raises(ConfigError) as caught:
        Parallel(kind="proces", workers=0)  # type: ignore[arg-type]  # the mistake under test  # pyright: ignore[reportArgumentType]
    assert [fault.path for fault in caught.value.faults] == ["kind", "workers"]
    with pytest.raises(ConfigError, match="parallel: must be Parallel"):
        add.map([1], parallel=4)  # type: ignore[arg-type]  # the mistake under test  # pyright: ignore[reportArgumentType]
    with pytest.raises(ConfigError, match=r"concurrency.*whole number"):
        add.with_options(concurrency="2")  # type: ignore[arg-type]  # the mistake under test  # pyright: ignore[reportArgumentType]


def test_an_async_input_is_refused_by_map() -> None:
    async def numbers() -> AsyncIterator[int]:
        yield 1

    with pytest.raises(TypeError, match="use amap"):
        add.map(numbers())  # type: ignore[arg-type]  # the mistake under test  # pyright: ignore[reportArgumentType]
