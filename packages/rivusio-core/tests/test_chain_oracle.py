"""The compiled chain against a plain reading of what a pipeline means, over random pipelines with failures."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from rivusio_core import (
    AsyncBasePipe,
    AsyncFlatPipe,
    BasePipe,
    DeadLetter,
    FlatPipe,
    PipeError,
    Profiler,
    SyncBasePipe,
    keep,
    pipe,
)
from rivusio_core.pipeline import Pipeline
from rivusio_core.policy.options import OnError

Kind = Literal["add", "aadd", "flat", "aflat", "keep", "akeep"]


@dataclass(frozen=True)
class Spec:
    """A step: adds, repeats (0 to 2 times) or filters; fails on values divisible by `bad`."""

    kind: Kind
    number: int
    bad: int
    on_error: OnError


class Bad(Exception):
    pass


def results(spec: Spec, value: int) -> Iterator[int]:
    if value % spec.bad == 0:
        raise Bad
    if spec.kind in ("add", "aadd"):
        yield value + spec.number
    elif spec.kind in ("flat", "aflat"):
        for index in range(value % 3):
            yield value + index
            if (value + index) % (spec.bad + 1) == 0:
                raise Bad
    elif value % 2 == spec.number % 2:
        yield value


def made(spec: Spec) -> BasePipe[int, int]:
    class Add(SyncBasePipe[int, int]):
        def process(self, item: int) -> int:
            return next(results(spec, item))

    class AAdd(AsyncBasePipe[int, int]):
        async def process(self, item: int) -> int:
            return next(results(spec, item))

    class Flat(FlatPipe[int, int]):
        def process(self, item: int) -> Iterator[int]:
            return results(spec, item)

    class AFlat(AsyncFlatPipe[int, int]):
        async def process(self, item: int) -> AsyncIterator[int]:
            for value in results(spec, item):
                yield value

    def predicate(item: int) -> bool:
        return bool(list(results(spec, item)))

    async def apredicate(item: int) -> bool:
        return predicate(item)

    start = pipe(lambda number: number)  # type: ignore[var-annotated]  # its types do not matter here
    kinds: dict[str, Any] = {"add": Add, "aadd": AAdd, "flat": Flat, "aflat": AFlat}
    if spec.kind in kinds:
        step: BasePipe[int, int] = kinds[spec.kind]()
    else:
        shaped: Pipeline[Any, Any] = start >> keep(apredicate if spec.kind == "akeep" else predicate)
        step = shaped.steps[-1]
    return step.with_options(on_error=spec.on_error)


class Stopped(Exception):
    pass


def oracle(specs: list[Spec], numbers: list[int]) -> tuple[list[int], list[tuple[int, int]], int | None]:
    """Results, dead letters (position, value), and the position that ended the run, by plain recursion."""
    given: list[int] = []
    dead: list[tuple[int, int]] = []

    def put(index: int, value: int, position: int) -> None:
        if index == len(specs):
            given.append(value)
            return
        found = results(specs[index], value)
        while True:
            try:
                result = next(found)
            except StopIteration:
                return
            except Bad:
                if specs[index].on_error == "fail":
                    raise Stopped from None
                if specs[index].on_error == "dead_letter":
                    dead.append((position, value))
                return
            put(index + 1, result, position)

    for position, number in enumerate(numbers):
        try:
            put(0, number, position)
        except Stopped:
            return given, dead, position
    return given, dead, None


specs = st.builds(
    Spec,
    st.sampled_from(["add", "aadd", "flat", "aflat", "keep", "akeep"]),
    st.integers(0, 3),
    st.integers(4, 9),
    st.sampled_from(["skip", "dead_letter", "skip", "dead_letter", "fail"]),
)
sync_specs = specs.filter(lambda spec: not spec.kind.startswith("a") or spec.kind == "add")
numbers = st.lists(st.integers(1, 60), max_size=25)


def check(chain: list[Spec], given_numbers: list[int], concurrency: int = 1, *, profiled: bool = False) -> None:
    pipeline: BasePipe[Any, Any] = made(chain[0])
    for spec in chain[1:]:
        step = made(spec)
        if concurrency > 1 and spec.kind in ("aadd", "aflat"):
            step = step.with_options(concurrency=concurrency)
        pipeline = Pipeline.join(pipeline, step)
    expected, dead, stopped = oracle(chain, given_numbers)
    letters: list[DeadLetter] = []
    got: list[int] = []
    ended: int | None = None
    try:
        for value in pipeline.map(given_numbers, dead_letters=letters, listeners=[Profiler()] * profiled):
            got.append(value)  # noqa: PERF402  # what came before an error counts
    except PipeError as error:
        ended = error.position
    assert ended == stopped
    assert got == expected
    if concurrency == 1:
        assert [(letter.error.position, letter.value) for letter in letters] == dead
    else:  # items behind the failed one may have been in work already
        found = [(letter.error.position, letter.value) for letter in letters]
        assert [each for each in sorted(dead, key=repr) if each not in found] == []


@given(st.lists(sync_specs, min_size=1, max_size=5), numbers)
@settings(max_examples=300, deadline=None)
def test_sync_chains(chain: list[Spec], given_numbers: list[int]) -> None:
    check(chain, given_numbers)


@given(st.lists(specs, min_size=1, max_size=5), numbers)
@settings(max_examples=150, deadline=None)
def test_mixed_chains(chain: list[Spec], given_numbers: list[int]) -> None:
    check(chain, given_numbers)


@given(st.lists(specs, min_size=1, max_size=4), numbers, st.integers(2, 5))
@settings(max_examples=80, deadline=None)
def test_concurrent_chains(chain: list[Spec], given_numbers: list[int], concurrency: int) -> None:
    check(chain, given_numbers, concurrency)


@given(st.lists(specs, min_size=1, max_size=4), numbers, st.integers(1, 3))
@settings(max_examples=150, deadline=None)
def test_measuring_changes_nothing(chain: list[Spec], given_numbers: list[int], concurrency: int) -> None:
    check(chain, given_numbers, concurrency, profiled=True)
