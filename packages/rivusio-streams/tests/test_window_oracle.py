"""All kinds of windows against the plainest program that does the same: see `oracle`."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Literal, TypeAlias, TypeVar

import anyio
import oracle
from doubles import Event, Partitions
from hypothesis import example, given, settings
from hypothesis import strategies as st
from oracle import Early, Oracle
from timeline import Happening, Idle, Mark, Passed, Spoke, Time, Timeline

from rivusio_streams import (
    AlignedWindows,
    Count,
    EarlyCount,
    EarlyEvery,
    Global,
    Hopping,
    RunConfig,
    Session,
    Sliding,
    Stream,
    Trigger,
    Tumbling,
    Windowed,
    Windows,
    agg,
)
from rivusio_streams.moment import FIRST, LAST, moment
from rivusio_streams.testing import Harness, Input

TICK = 500_000
"""The clock goes on in steps of so many microseconds. Partitions become idle at whole seconds, early panes by the clock
are due at half ones: what happens first at one moment is said nowhere."""

T = TypeVar("T")
Shown: TypeAlias = tuple[str, int, int, list[int], int, str]


def span(micros: int) -> timedelta:
    return timedelta(microseconds=micros)


# ------------------------------------------------------------------------------------------------------ what happens


@dataclass(frozen=True)
class Row:
    """An item: `order` numbers all items of a case."""

    time: int
    key: str
    size: int = 1
    order: int = -1


@dataclass(frozen=True)
class Send:
    """Items that come at once, of one partition."""

    partition: int
    rows: tuple[Row, ...]


Op: TypeAlias = Send | Mark | Idle | Passed
How: TypeAlias = Literal["singly", "in chunks", "restarted", "followed"]
"""Restarted: after each item; followed: a snapshot of what changed after each, and a restart after every third."""


@dataclass(frozen=True)
class Case:
    """A stream, and what happens to it.

    Attributes:
        manual: only marks move the watermark.
        value: what windows make of items: the sum of 2 ** order shows exactly which items they are, too.
    """

    ops: tuple[Op, ...]
    timeline: Timeline
    allowed: int = 0
    accumulate: bool = True
    early: Early = oracle.NO_EARLY
    manual: bool = False
    value: Literal["items", "sum"] = "items"
    now: int = 0


def numbered(ops: Sequence[Op]) -> tuple[Op, ...]:
    """The same with all items numbered."""
    found, order = list[Op](), 0
    for op in ops:
        if isinstance(op, Send):
            rows = tuple(replace(row, order=order + index) for index, row in enumerate(op.rows))
            order += len(rows)
            found.append(Send(op.partition, rows))
        else:
            found.append(op)
    return tuple(found)


rows = st.builds(Row, st.integers(-15, 35), st.sampled_from(["a", "a", "b", "c", "dropped"]), st.integers(0, 3))


@st.composite
def cases(draw: st.DrawFn, early: bool = True) -> Case:
    partitions, manual = draw(st.sampled_from([1, 1, 2, 3])), draw(st.booleans())
    within = st.integers(0, partitions - 1)
    idle_after = draw(st.sampled_from([None, None, None, 2_000_000, 4_000_000]))
    kinds: list[st.SearchStrategy[Op]] = [
        st.builds(Send, within, st.lists(rows, min_size=1, max_size=4).map(tuple))
    ] * 5
    kinds.append(st.builds(Idle, within))
    kinds.append(st.builds(Passed, st.sampled_from([1_000_000, 3_000_000, 6_000_000])))
    if manual:
        kinds += [st.builds(Mark, within, st.integers(-15, 45))] * 3
    ops = numbered(draw(st.lists(st.one_of(kinds), min_size=6, max_size=18)))
    if idle_after is not None:  # nothing at the same time, so that no two partitions become idle at the same time
        ops = tuple(each for op in ops for each in (Passed(1_000_000), op))
    bound = None if manual else draw(st.integers(0, 12))
    max_future = draw(st.sampled_from([None, None, 10]))
    return Case(
        ops,
        Timeline(partitions, bound, idle_after, max_future),
        draw(st.one_of(st.just(0), st.integers(1, 30))),
        draw(st.booleans()),
        draw(earlies) if early else oracle.NO_EARLY,
        manual,
        draw(st.sampled_from(["items", "sum"])),
    )


earlies = st.one_of(
    st.just(oracle.NO_EARLY),
    st.builds(
        Early,
        count=st.sampled_from([None, None, 1, 2, 3]),
        size=st.sampled_from([None, None, 3, 5]),
        after=st.sampled_from([None, 1, 4, 9]),
        after_clock=st.sampled_from([None, 500_000, 2_500_000]),
    ),
)


# --------------------------------------------------------------------------------------------------------- the engine


@dataclass(frozen=True)
class EarlySize(Trigger[Row, int]):
    """A pane as soon as the sizes of the items come to `most`; a trigger of a user."""

    most: int

    def create(self) -> int:
        return 0

    def on_item(self, state: int, item: Row, time: int) -> tuple[int, bool]:
        return state + item.size, state + item.size >= self.most

    def merge(self, left: int, right: int) -> int:
        return left + right


def trigger_of(early: Early) -> Trigger[Any, Any] | None:
    parts = list[Trigger[Any, Any]]()
    if early.after is not None:
        parts.append(EarlyEvery(span(early.after), by="event_time"))
    if early.count is not None:
        parts.append(EarlyCount(early.count))
    if early.size is not None:
        parts.append(EarlySize(early.size))
    if early.after_clock is not None:
        parts.append(EarlyEvery(span(early.after_clock), by="clock"))
    if early.after is not None and early.count is not None:
        parts.append(EarlyEvery(span(early.after + 3), by="event_time"))  # never the first
    if early.after_clock is not None and early.count is not None:
        parts.append(EarlyEvery(span(early.after_clock + 3), by="clock"))
    if not parts:
        return None
    made = parts[0]
    for each in parts[1:]:
        made = made | each
    return made


def engine(case: Case, windows: Windows, how: How) -> tuple[list[Shown], list[int]]:
    """What comes out, and the items refused."""
    found, late = run(case, windows, how, lambda results: results)
    return [shown(each) for each in found], [row.order for row in late]


def run(case: Case, windows: Windows, how: How, then: Callable[[Stream[Any]], Stream[T]]) -> tuple[list[T], list[Any]]:
    """What comes out of the stream of results and what is done with them, and all that was refused."""
    rules = case.timeline
    rows = Input[Row]("rows", rules.partitions, watermarks="manual" if case.manual else "auto")
    stream = Stream.read(rows).event_time(
        lambda row: row.time,
        out_of_order=span(rules.bound or 0),
        idle_after=None if rules.idle_after is None else span(rules.idle_after),
        max_future=None if rules.max_future is None else span(rules.max_future),
    )
    kept = stream.filter(lambda row: row.key != "dropped").key_by(lambda row: row.key)
    windowed = kept.window(
        windows, allowed_lateness=span(case.allowed), accumulate=case.accumulate, trigger=trigger_of(case.early)
    )
    results: Stream[Windowed[str, Any]] = (
        windowed.aggregate(agg.collect(lambda row: row.order))
        if case.value == "items"
        else windowed.aggregate(agg.total(lambda row: 2**row.order))
    )
    with Harness(then(results), interleave_restarts={"restarted": 1, "followed": 3}.get(how, 0), now=case.now) as h:
        for op in case.ops:
            match op:
                case Send(partition, sent) if how == "in chunks":
                    h.send_many(rows, sent, at=[0] * len(sent), partition=partition)
                case Send(partition, sent):
                    for row in sent:
                        h.send(rows, row, at=0, partition=partition)
                case Mark(partition, time):
                    h.watermark(rows, time, partition=partition)
                case Idle(partition):
                    h.idle(rows, partition=partition)
                case Passed(by):
                    h.advance(span(by))
        h.end()
        assert {step.held for step in h.ledger.steps.values()} == {0}
        return h.output, h.late


def shown(result: Windowed[str, Any]) -> Shown:
    value: Any = result.value
    start, end = moment(result.window.start), moment(result.window.end)
    if isinstance(value, int):
        value = [order for order in range(value.bit_length()) if value >> order & 1]
    if (start, end) == (FIRST, LAST):
        start, end = oracle.NEVER, oracle.FOREVER
    return result.key, start, end, value, result.pane.index, result.pane.timing


# --------------------------------------------------------------------------------------------------------- the oracle


def watched(case: Case, found: Oracle) -> None:
    """Let the oracle see all that happens."""
    history, watermark, clock = list[Happening](), oracle.NEVER, case.now

    def happens(what: Happening) -> None:
        nonlocal watermark
        history.append(what)
        watermark = case.timeline.watermark(history, watermark)
        found.move(watermark)

    found.tick(clock)
    for op in case.ops:
        match op:
            case Send(partition, sent):
                for row in sent:
                    happens(Spoke(partition))
                    if row.key != "dropped":
                        found.item(oracle.Item(row.order, row.time, row.key, watermark, clock, row.size))
                    happens(Time(partition, row.time, clock))
            case Passed(by):
                for _ in range(by // TICK):
                    clock += TICK
                    happens(Passed(TICK))
                    found.tick(clock)
            case _:
                happens(op)
    found.move(oracle.FOREVER)


def expected(case: Case, kind: oracle.Kind) -> tuple[list[Shown], list[int]]:
    found = Oracle(kind, case.allowed, case.accumulate, case.early)
    watched(case, found)
    results = [each.shown() for each in found.results]
    if case.value == "sum":
        results = [(*each[:3], sorted(each[3]), *each[4:]) for each in results]
    return results, [item.order for item in found.late]


# ---------------------------------------------------------------------------------------------------------- the tests


@dataclass(frozen=True)
class Grown(AlignedWindows):
    """Windows of a user: of each length from 1 to `most`, those that end where a multiple of 7 is."""

    most: int

    def assign(self, time: int) -> Sequence[tuple[int, int]]:
        end = time - time % 7 + 7
        return [(start, end) for start in range(end - self.most, end) if start <= time]


def tumbled(size: int, offset: int) -> Callable[[int], list[tuple[int, int]]]:
    def spans(time: int) -> list[tuple[int, int]]:
        return hopped(size, size, offset)(time)

    return spans


def hopped(size: int, every: int, offset: int) -> Callable[[int], list[tuple[int, int]]]:
    def spans(time: int) -> list[tuple[int, int]]:
        starts = (offset + number * every for number in range(-200, 200))
        return [(start, start + size) for start in starts if start <= time < start + size]

    return spans


def sent(time: int, key: str = "a") -> Send:
    return Send(0, (Row(time, key),))


def marked(*ops: Op, partitions: int = 1, allowed: int = 0, early: Early = oracle.NO_EARLY) -> Case:
    """A case in which only marks move the watermark."""
    return Case(numbered(ops), Timeline(partitions), allowed, early=early, manual=True)


GROWN_WHEN_CLOSED = marked(sent(0), Mark(0, 12), sent(4), Mark(0, 15), sent(2), Mark(0, 19), sent(1), allowed=10)
"""A closed session grows, and is to be kept for as long after its new end."""
OLD_KEY_NEW_SESSION = marked(sent(0), Mark(0, 10), sent(20, "b"), sent(20), Mark(0, 30), allowed=50)
"""Of two sessions that end together the key that was seen first comes second."""
MERGED_WHEN_WAITING = marked(sent(0), sent(8), sent(4), Mark(0, 10), Mark(0, 20), early=Early(after=9))
"""Two sessions that wait for early panes become one, which waits for the earlier."""
TAKEN_BACK = marked(sent(12), Mark(0, 25), Mark(0, 15), Mark(1, 30), Send(1, (Row(12, "a"),)), partitions=2)
"""A partition says less than it said before: that does not count."""
WAITING_OVER_RESTARTS = marked(sent(0), Passed(2_000_000), Passed(1_000_000), early=Early(after_clock=2_500_000))
"""A pane is due by the clock, and there is a restart on the way."""


hows = st.sampled_from(["singly", "in chunks", "restarted", "followed", "followed"])
much = settings(max_examples=int(os.environ.get("WINDOW_CASES", "60")), deadline=None)


@much
@given(case=cases(), how=hows, size=st.integers(1, 25), offset=st.integers(-20, 20))
@example(case=TAKEN_BACK, how="singly", size=10, offset=0)
@example(case=WAITING_OVER_RESTARTS, how="restarted", size=10, offset=0)
@example(case=WAITING_OVER_RESTARTS, how="followed", size=10, offset=0)
def test_tumbling(case: Case, how: How, size: int, offset: int) -> None:
    found = engine(case, Tumbling(span(size), offset=span(offset)), how)
    assert found == expected(case, oracle.Aligned(tumbled(size, offset)))


@much
@given(case=cases(), how=hows, size=st.integers(1, 20), every=st.integers(3, 12), offset=st.integers(-9, 9))
def test_hopping(case: Case, how: How, size: int, every: int, offset: int) -> None:
    found = engine(case, Hopping(span(size), span(every), offset=span(offset)), how)
    assert found == expected(case, oracle.Aligned(hopped(size, every, offset)))


@much
@given(case=cases(), how=hows, most=st.integers(1, 6))
def test_windows_of_a_user(case: Case, how: How, most: int) -> None:
    windows = Grown(most)
    assert engine(case, windows, how) == expected(case, oracle.Aligned(windows.assign))


@much
@given(case=cases(), how=hows, gap=st.integers(1, 14))
@example(case=GROWN_WHEN_CLOSED, how="singly", gap=5)
@example(case=OLD_KEY_NEW_SESSION, how="restarted", gap=5)
@example(case=MERGED_WHEN_WAITING, how="singly", gap=5)
def test_sessions(case: Case, how: How, gap: int) -> None:
    assert engine(case, Session(span(gap)), how) == expected(case, oracle.Session(gap))


@much
@given(case=cases(), how=hows, size=st.integers(1, 20))
def test_sliding(case: Case, how: How, size: int) -> None:
    assert engine(case, Sliding(span(size)), how) == expected(case, oracle.Sliding(size))


@much
@given(case=cases(), how=hows)
def test_global(case: Case, how: How) -> None:
    case = replace(case, allowed=0)
    assert engine(case, Global(), how) == expected(case, oracle.Global())


@much
@given(case=cases(early=False), how=hows, n=st.integers(1, 4), every=st.integers(1, 6))
def test_count(case: Case, how: How, n: int, every: int) -> None:
    case = replace(case, allowed=0, accumulate=True)
    sent = [row for op in case.ops if isinstance(op, Send) for row in op.rows if row.key != "dropped"]
    items = [oracle.Item(row.order, row.time, row.key, 0, 0) for row in sent]
    results = oracle.Count(n, every).results(items)
    if case.value == "sum":
        results = [(*each[:3], sorted(each[3]), *each[4:]) for each in results]
    assert engine(case, Count(n, every=every), how) == (results, [])


any_windows = st.one_of(
    st.builds(Tumbling, st.integers(1, 20).map(span)),
    st.builds(Hopping, st.integers(1, 20).map(span), st.integers(3, 12).map(span)),
    st.builds(Session, st.integers(1, 14).map(span)),
    st.builds(Sliding, st.integers(1, 20).map(span)),
    st.just(Global()),
    st.builds(Count, st.integers(1, 4)),
)


@much
@given(case=cases(), how=hows, windows=any_windows, size=st.integers(1, 10))
def test_only_late_panes_are_late_for_windows_of_windows(case: Case, how: How, windows: Windows, size: int) -> None:
    """A result is on time where it goes, and all of that is the same, however items come."""
    if isinstance(windows, Count | Global):
        case = replace(case, allowed=0)
    if isinstance(windows, Count):
        case = replace(case, accumulate=True, early=oracle.NO_EARLY)

    def then(results: Stream[Windowed[str, Any]]) -> Stream[Windowed[str, list[Shown]]]:
        again = results.key_by(lambda each: each.key).window(Tumbling(span(size)))
        return again.aggregate(agg.collect(shown))

    found, late = run(case, windows, how, then)
    given, refused = run(case, windows, "singly", lambda results: results)
    if not isinstance(windows, Count):  # which takes what is late, too
        assert {each.pane.timing for each in late if isinstance(each, Windowed)} <= {"late"}
    got = [each for result in found for each in result.value]
    lost = [shown(each) for each in late if isinstance(each, Windowed)]
    assert sorted(got + lost) == sorted(shown(each) for each in given)
    assert [each for each in late if isinstance(each, Row)] == refused
    found_singly, late_singly = run(case, windows, "singly", then)
    assert (found, lost) == (found_singly, [shown(each) for each in late_singly if isinstance(each, Windowed)])


@settings(max_examples=60, deadline=None)
@given(
    partitions=st.lists(
        st.lists(st.builds(Event, st.integers(-60, 60).map(float), st.sampled_from("abc")), max_size=20), max_size=4
    ),
    windows=any_windows.filter(lambda each: not isinstance(each, Count)),
    chunk=st.sampled_from([1, 2, 3, 1024]),
    lot=st.integers(1, 5),
)
def test_partitions_in_bounds_lose_nothing(
    partitions: list[list[Event]], windows: Windows, chunk: int, lot: int
) -> None:
    """No partition is more out of order than allowed: then nothing is late, however partitions are read."""
    ordered = [sorted(each, key=lambda event: event.time) for each in partitions]
    events = [event for each in ordered for event in each]

    def results(source: Any) -> tuple[list[Windowed[str, int]], int]:
        out = list[Windowed[str, int]]()
        stream = Stream.read(source).event_time(lambda event: int(event.time)).key_by(lambda event: event.key)
        flow = stream.window(windows).aggregate(agg.count()).write(out)
        report = anyio.run(flow.arun, RunConfig(chunk=chunk))
        return out, report.steps["aggregate"].late

    found, late = results(Partitions(ordered, lot=lot))
    expected, _ = results(sorted(events, key=lambda event: event.time))
    assert late == 0
    assert sorted(found, key=repr) == sorted(expected, key=repr)
    assert [each.window.end for each in found] == sorted(each.window.end for each in found)
