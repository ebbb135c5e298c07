"""Steps in one loop do what they do one after the other: a run that is profiled takes the stages one by one."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rivusio_core import PipeError, Profiler
from rivusio_core.errors import BadRecord, RivusioError
from rivusio_streams import Aggregator, Envelope, Flow, Hopping, RunConfig, Stream, Tumbling, Windowed, Windows, agg
from rivusio_streams.engine.accessor import accessor
from rivusio_streams.engine.fused_running import FusedRunning
from rivusio_streams.engine.fused_windows import FusedWindows
from rivusio_streams.moment import as_datetime

Time: TypeAlias = Any


@dataclass(frozen=True)
class Row:
    time: Time
    key: Any
    amount: Any = 1
    trouble: str = ""
    """The step that refuses it."""


def time_of(row: Row) -> Time:
    return _troubled(row, "time").time


def key_of(row: Row) -> Any:
    return _troubled(row, "key").key


def amount_of(row: Row) -> Any:
    return _troubled(row, "amount").amount


def _troubled(row: Row, step: str) -> Row:
    if row.trouble == step:
        raise BadRecord(step)
    if row.trouble == f"fatal {step}":
        raise KeyError(step)
    return row


class Listed(Aggregator[Row, list[Any], list[Any]]):
    """What came, in the order in which it came."""

    ordered = False

    def create(self) -> list[Any]:
        return []

    def add(self, accumulator: list[Any], value: Row) -> list[Any]:
        return [*accumulator, amount_of(value)]

    def merge(self, left: list[Any], right: list[Any]) -> list[Any]:
        return left + right

    def result(self, accumulator: list[Any]) -> list[Any]:
        if 13 in accumulator:
            raise ValueError("unlucky")
        return accumulator


@dataclass
class Outcome:
    out: list[Any] = field(default_factory=list[Any])
    late: list[Any] = field(default_factory=list[Any])
    letters: list[Any] = field(default_factory=list[Any])
    steps: dict[str, Any] = field(default_factory=dict[str, Any])
    error: str = ""


def outcome(make: Callable[[Outcome], Flow], chunk: int, *, profiled: bool) -> Outcome:
    found, letters = Outcome(), list[Envelope]()
    listeners = (Profiler(),) if profiled else ()
    try:
        report = make(found).run(RunConfig(chunk=chunk, dead_letters=letters, listeners=listeners))
        found.steps = dict(report.steps)
        assert report.ledger.unaccounted == 0
    except RivusioError as error:
        found.error = re.sub(
            r" at \w+\.py:\d+ in _\w+$", "", str(error)
        )  # a key that cannot be one fails in the engine
        found.late = []  # how much of a failed run was dealt with is nobody's promise
        return found
    letters.sort(key=lambda each: each.step)  # those of one step are in order; among steps there is none
    found.letters = [
        (each.step, each.value, each.reason, each.position, each.time, each.key, each.trace) for each in letters
    ]
    return found


def check(make: Callable[[Outcome], Flow], chunk: int) -> None:
    one_by_one, fused = outcome(make, chunk, profiled=True), outcome(make, chunk, profiled=False)
    if fused.error:  # what had been given by then begins in the same way
        both = min(len(fused.out), len(one_by_one.out))
        del fused.out[both:], one_by_one.out[both:]
    assert fused == one_by_one


troubles = st.sampled_from([""] * 30 + ["time", "key", "amount"])
numbers = st.integers(-30, 60)
rises = st.builds(lambda rise, key: (rise, key), st.integers(0, 6), st.sampled_from("abc"))
strays = st.builds(Row, numbers, st.sampled_from("abc"), st.integers(0, 12), troubles)
rows = st.lists(rises | rises | strays, min_size=20, max_size=80) | st.lists(rises | strays, max_size=10)
odd = st.builds(
    Row,
    st.sampled_from([True, 1.5, None, 10**30, as_datetime(20), datetime(2020, 1, 1)]),  # noqa: DTZ001  # one is naive
    st.sampled_from(["a", []]),
    st.just(13),
    st.sampled_from(["", "fatal time", "fatal key", "fatal amount"]),
)


def stream_of(made: list[Any]) -> list[Row]:
    """Rows of their own times, and rows that come so much after the latest."""
    latest, found = 0, list[Row]()
    for row in made:
        if isinstance(row, tuple):
            latest += row[0]
            found.append(Row(latest, row[1]))
        else:
            found.append(row)
    return found


windows = st.sampled_from([Tumbling(span := timedelta(microseconds=10)), Hopping(span, every=span / 5)]) | st.builds(
    lambda length, every, offset: Hopping(
        timedelta(microseconds=length), every=timedelta(microseconds=every), offset=timedelta(microseconds=offset)
    ),
    st.integers(1, 12),
    st.integers(1, 12),
    st.integers(-3, 3),
)
aggregators = st.sampled_from(
    [
        agg.count(),
        agg.total(amount_of),
        agg.total(lambda row: row.amount),
        Listed(),
        agg.last(amount_of),
        agg.combine(tuple, agg.count(), agg.maximum(amount_of)),
    ]
)
CASES = int(os.environ.get("WINDOW_CASES", "150"))


@settings(max_examples=CASES, deadline=None)
@given(rows, st.just([]) | st.lists(st.tuples(st.integers(10, 80), odd), max_size=1), windows, aggregators, st.data())
def test_windows(
    made: list[Any], strange: list[Any], spec: Windows, aggregator: Aggregator[Row, Any, Any], data: st.DataObject
) -> None:
    items = stream_of(made)
    for index, row in strange:
        items.insert(index, row)
    bound, lateness = data.draw(st.sampled_from([0, 3, 20])), data.draw(st.sampled_from([0, 0, 7]))
    chunk, plain = data.draw(st.sampled_from([1, 7, 8192])), data.draw(st.booleans())

    def flow(found: Outcome) -> Flow:
        stream = Stream.read(items).event_time(
            (lambda row: row.time) if plain else time_of, out_of_order=timedelta(microseconds=bound)
        )
        return (
            stream.key_by((lambda row: row.key) if plain else key_of)
            .window(spec, allowed_lateness=timedelta(microseconds=lateness), late_to=found.late)
            .aggregate(aggregator)
            .write(found.out)
        )

    check(flow, chunk)


@settings(max_examples=CASES, deadline=None)
@given(rows, st.sampled_from([0, 5, 9]), st.sampled_from([1, 7, 8192]), st.booleans(), st.booleans())
def test_running_values(made: list[Any], initial: int, chunk: int, timed: bool, plain: bool) -> None:
    items = stream_of(made)

    def flow(found: Outcome) -> Flow:
        stream = Stream.read(items)
        stream = stream.event_time(lambda row: row.time, out_of_order="1s") if timed else stream
        keyed = stream.key_by((lambda row: row.key) if plain else key_of)
        return keyed.scan(initial, lambda total, row: total + amount_of(row)).write(found.out)

    check(flow, chunk)


def test_a_result_that_cannot_be_made_ends_the_run() -> None:
    items = [Row(time, "a", 13 if time == 25 else 1) for time in range(300)]
    out = list[Windowed[str, list[int]]]()
    keyed = Stream.read(items).event_time(time_of).key_by(key_of)
    with pytest.raises(PipeError, match="pipe 'aggregate' failed: ValueError"):
        keyed.window(Tumbling(span)).aggregate(Listed()).write(out).run()
    assert [each.value for each in out] == [[1] * 10] * 2


def test_the_loops_are_those_that_were_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = list[str]()
    for kind in (FusedWindows, FusedRunning):
        take = kind.take

        async def noting(self: Any, chunk: Any, *, kind: type = kind, take: Any = take) -> None:
            taken.append(kind.__name__)
            await take(self, chunk)

        monkeypatch.setattr(kind, "take", noting)
    items = [Row(time, "a") for time in range(30)]
    keyed = Stream.read(items).event_time(time_of).key_by(key_of)
    keyed.window(Tumbling("1s")).aggregate(agg.count()).write([]).run()
    keyed.scan(0, lambda total, row: total + row.amount).write([]).run()
    assert {*taken} == {"FusedWindows", "FusedRunning"}


# ------------------------------------------------------------------------------------------------------- accessors


@wraps(key_of)
def wrapped(row: Row) -> Any:
    return row.key


def with_default(row: Row, other: int = 1) -> Any:
    return row.key


def generator(row: Row) -> Any:
    yield row.key


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (lambda row: row.key, "{}.key"),
        (lambda row: row.key.real.imag, "{}.key.real.imag"),
        (lambda row: row["key"], "{}['key']"),
        (lambda row: row["{odd}"][0].x, "{}['{{odd}}'][0].x"),
        (lambda row: row[-1], "{}[-1]"),
        (lambda row: row, None),
        (lambda row: row.key(), None),
        (lambda row: row.key + 1, None),
        (lambda row: (row.key, row.time), None),
        (lambda row: row[1:2], None),
        (lambda row: "key", None),
        (lambda row: not row.key, None),
        (lambda *rows: rows[0], None),
        (lambda row: sys.path, None),
        (wrapped, None),
        (with_default, None),
        (generator, None),
        (len, None),
        (str.upper, None),
    ],
)
def test_what_only_reads_is_known(function: Callable[[Any], Any], text: str | None) -> None:
    assert accessor(function) == text


def test_functions_are_called_where_calls_are_watched() -> None:
    called = list[str]()
    sys.setprofile(lambda frame, event, argument: called.append(event))
    try:
        found = accessor(lambda row: row.key)
    finally:
        sys.setprofile(None)
    assert found is None
    assert called
