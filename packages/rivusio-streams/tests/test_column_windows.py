"""Windows over batches of columns give what windows over the rows give, however the rows are cut into batches."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Literal, NamedTuple, TypeAlias
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rivusio_streams import Hopping, Stream, Tumbling, Windowed, agg
from rivusio_streams.columns import Columns, col, columns, formulas
from rivusio_streams.engine.columns import operator, partials
from rivusio_streams.moment import FIRST, LAST
from rivusio_streams.testing import Harness, Input


def span(micros: int) -> timedelta:
    return timedelta(microseconds=micros)


class Row(NamedTuple):
    """What comes; `order` numbers all rows of a case, and `bit` is 2 ** order: a sum shows of which rows it is."""

    time: int
    key: str
    side: int | None
    order: int
    bit: int


class Total(NamedTuple):
    """What the windows give."""

    key: str
    side: int | None
    start: datetime
    end: datetime
    number: int
    bits: int
    mean: float
    least: int
    most: int
    first: int
    last: int
    pane: int
    timing: str


ROWS, TOTALS = columns(Row), columns(Total)
AGGREGATES: dict[str, Any] = {
    "start": col.window_start(),
    "end": col.window_end(),
    "number": col.count(),
    "bits": col.total("bit"),
    "mean": col.mean("order"),
    "least": col.minimum("order"),
    "most": col.maximum("order"),
    "first": col.first("order"),
    "last": col.last("order"),
    "pane": col.pane_index(),
    "timing": col.pane_timing(),
}


def of_rows(result: Windowed[tuple[str, int | None], Any]) -> Total:
    """A result of the row engine, as a row."""
    window, pane = result.window, result.pane
    values = (*result.key, window.start, window.end, *result.value, pane.index, pane.timing)
    return Total(*values)


# ------------------------------------------------------------------------------------------------------ what happens


@dataclass(frozen=True)
class Send:
    """Rows of one partition, and how they are cut into batches that come at once."""

    partition: int
    rows: tuple[Row, ...]
    cuts: tuple[int, ...]

    def batches(self) -> list[Columns[Row]]:
        places = [0, *sorted({cut % (len(self.rows) + 1) for cut in self.cuts}), len(self.rows)]
        return [ROWS.of(self.rows[a:b]) for a, b in pairwise(places)]


@dataclass(frozen=True)
class Mark:
    partition: int
    time: int


@dataclass(frozen=True)
class Idle:
    partition: int


@dataclass(frozen=True)
class Passed:
    by: int


Op: TypeAlias = Send | Mark | Idle | Passed
How: TypeAlias = Literal["plainly", "restarted", "followed"]
"""Restarted: after each happening; followed: a snapshot of what changed after each, and a restart after every third."""


@dataclass(frozen=True)
class Case:
    ops: tuple[Op, ...]
    partitions: int
    bound: int
    idle_after: int | None
    max_future: int | None
    manual: bool
    allowed: int
    accumulate: bool


rows = st.tuples(st.integers(-30, 40), st.sampled_from("aabc"), st.sampled_from([None, 1, 1]))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    partitions, manual = draw(st.sampled_from([1, 1, 2, 3])), draw(st.sampled_from([False, False, True]))
    within = st.integers(0, partitions - 1)
    sends = st.tuples(within, st.lists(rows, min_size=1, max_size=6), st.lists(st.integers(0, 6), max_size=3))
    others: list[st.SearchStrategy[Op]] = [st.builds(Idle, within), st.builds(Passed, st.sampled_from([1, 3, 6]))]
    others += [st.builds(Mark, within, st.integers(-30, 50))] * 2 if manual else []
    ops, order = list[Op](), 0
    for each in draw(st.lists(st.one_of(sends, sends, sends, *others), min_size=1, max_size=10)):
        if isinstance(each, tuple):
            partition, given_rows, cuts = each
            made = tuple(Row(*(*each, n, 2**n)) for n, each in enumerate(given_rows, order))
            each, order = Send(partition, made, tuple(cuts)), order + len(made)
        ops += [Passed(1), each]  # no two partitions become idle at the same moment
    return Case(
        tuple(ops),
        partitions,
        0 if manual else draw(st.integers(0, 15)),
        draw(st.sampled_from([None, None, 2, 4])),
        draw(st.sampled_from([None, None, 10])),
        manual,
        draw(st.one_of(st.just(0), st.integers(1, 40))),
        draw(st.booleans()),
    )


def happen(case: Case, harness: Harness[Any], source: Input[Any], sent: Callable[[Send], Sequence[Any]]) -> None:
    """Let everything happen."""
    for op in case.ops:
        match op:
            case Send(partition):
                items = sent(op)
                harness.send_many(source, items, at=[0] * len(items), partition=partition)
            case Mark(partition, time):
                harness.watermark(source, time, partition=partition)
            case Idle(partition):
                harness.idle(source, partition=partition)
            case Passed(seconds):
                harness.advance(timedelta(seconds=seconds))
    harness.end()


def timing(case: Case) -> dict[str, Any]:
    idle, future = case.idle_after, case.max_future
    return {
        "out_of_order": span(case.bound),
        "idle_after": None if idle is None else timedelta(seconds=idle),
        "max_future": None if future is None else span(future),
    }


def row_engine(case: Case, windows: Tumbling | Hopping) -> tuple[list[Total], list[Row], int]:
    """What windows over rows give, the rows refused, and how many lay too far in the future."""
    source = Input[Row]("rows", case.partitions, watermarks="manual" if case.manual else "auto")
    keyed = Stream.read(source).event_time(lambda row: row.time, **timing(case)).key_by(lambda row: (row.key, row.side))
    windowed = keyed.window(windows, allowed_lateness=span(case.allowed), accumulate=case.accumulate)
    stream = windowed.aggregate(
        agg.combine(
            lambda **parts: tuple(parts.values()),
            number=agg.count(),
            bits=agg.total(lambda row: row.bit),
            mean=agg.mean(lambda row: row.order),
            least=agg.minimum(lambda row: row.order),
            most=agg.maximum(lambda row: row.order),
            first=agg.first(lambda row: row.order),
            last=agg.last(lambda row: row.order),
        )
    )
    with Harness(stream, now=0) as harness:
        happen(case, harness, source, lambda send: send.rows)
        return [of_rows(each) for each in harness.output], harness.late, harness.ledger.steps["aggregate"].late


def column_engine(case: Case, windows: Tumbling | Hopping, how: How) -> tuple[list[Total], list[Row], int]:
    """The same of windows over columns."""
    source = Input[Columns[Row]]("rows", case.partitions, watermarks="manual" if case.manual else "auto")
    timed = ROWS.stream(Stream.read(source)).event_time("time", **timing(case)).key_by("key", "side")
    windowed = timed.window(windows, allowed_lateness=span(case.allowed), accumulate=case.accumulate)
    stream = windowed.aggregate(TOTALS, **AGGREGATES)
    with Harness(stream, now=0, interleave_restarts={"restarted": 1, "followed": 3}.get(how, 0)) as harness:
        happen(case, harness, source, Send.batches)
        late = harness.ledger.steps["aggregate"].late_rows
        assert {step.held for step in harness.ledger.steps.values()} == {0}
        return unpacked(TOTALS, harness.output), unpacked(ROWS, harness.late), late


def unpacked(layout: Any, batches: Sequence[Any]) -> list[Any]:
    return [row for batch in batches for row in layout.rows(batch)]


@contextmanager
def thresholds(run: int, many: int, lot: int, few: int) -> Generator[None, None, None]:
    """Sizes that decide how parts are put together, and never what comes out."""
    kept = patch.multiple(partials, _RUN=run, _MANY=many)
    with kept, patch.multiple(operator, _LOT=lot, _FEW=few), patch.object(formulas, "_LARGE", lot):
        yield


tiny = st.builds(thresholds, st.integers(1, 9), st.integers(1, 4), st.sampled_from([1, 4, 100]), st.integers(0, 5))
hows = st.sampled_from(["plainly", "plainly", "restarted", "followed"])
much = settings(max_examples=int(os.environ.get("WINDOW_CASES", "60")), deadline=None)


def one(*times: int, bound: int = 0, allowed: int = 0) -> Case:
    """One batch of one key."""
    made = tuple(Row(time, "a", None, order, 2**order) for order, time in enumerate(times))
    return Case((Send(0, made, ()),), 1, bound, None, None, manual=False, allowed=allowed, accumulate=True)


CLOSES_BEFORE_LATE = one(15, 25, 3, allowed=40)
"""A row lets a window close, and is late for an earlier one: what closes comes first."""
OPEN_FOR_SOME = one(3, 6, 3, 3, 4)
"""Rows of one time, of which the later ones are in fewer windows: the first is still the first."""

MEANS_OF_THIRDS = replace(one(0, 0, 1, 1, 0, 1), manual=True)
"""All windows have three rows: polars divides by a column as by one number where it knows that."""


@much
@given(case=cases(), how=hows, sizes=tiny, size=st.integers(1, 25), offset=st.integers(-20, 20))
@example(case=CLOSES_BEFORE_LATE, how="plainly", sizes=nullcontext(), size=10, offset=0)
@example(case=MEANS_OF_THIRDS, how="plainly", sizes=thresholds(9, 9, 1, 0), size=1, offset=0)
def test_tumbling(case: Case, how: How, sizes: AbstractContextManager[None], size: int, offset: int) -> None:
    windows = Tumbling(span(size), offset=span(offset))
    with sizes:
        assert column_engine(case, windows, how) == row_engine(case, windows)


@much
@given(
    case=cases(),
    how=hows,
    sizes=tiny,
    size=st.integers(1, 25),
    every=st.integers(3, 15),
    offset=st.integers(-9, 9),
)
@example(case=CLOSES_BEFORE_LATE, how="plainly", sizes=nullcontext(), size=10, every=5, offset=0)
@example(case=OPEN_FOR_SOME, how="plainly", sizes=nullcontext(), size=10, every=5, offset=0)
@example(case=OPEN_FOR_SOME, how="restarted", sizes=nullcontext(), size=10, every=5, offset=0)
def test_hopping(case: Case, how: How, sizes: AbstractContextManager[None], size: int, every: int, offset: int) -> None:
    windows = Hopping(span(size), span(every), offset=span(offset))
    with sizes:
        assert column_engine(case, windows, how) == row_engine(case, windows)


@pytest.mark.parametrize(
    "windows", [Tumbling(timedelta(microseconds=10**18)), Hopping("1us", timedelta(microseconds=10**18))]
)
def test_the_longest_durations(windows: Tumbling | Hopping) -> None:
    """Nothing overflows: times are as far apart as they can be, and so are windows."""
    longest = 10**18
    for bound, allowed in ((0, 0), (longest, 0), (0, longest), (longest, longest)):
        case = one(FIRST, LAST, 0, LAST, FIRST, bound=bound, allowed=allowed)
        assert column_engine(case, windows, "plainly") == row_engine(case, windows)
