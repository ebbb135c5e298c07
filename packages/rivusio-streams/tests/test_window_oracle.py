"""Tumbling windows against the plainest program that does the same."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import anyio
from doubles import Event, Partitions, key, micros
from hypothesis import given, settings
from hypothesis import strategies as st

from rivusio_streams import RunConfig, Stream, Tumbling, Windowed, agg

NEVER = -(10**30)

events = st.lists(
    st.builds(
        Event,
        st.integers(-60, 60).map(float),
        st.sampled_from("abc"),
        st.integers(0, 9),
    ),
    max_size=40,
)


def oracle(
    items: list[Event], size: int, offset: int, bound: int, allowed: int, accumulate: bool, kept: Any
) -> tuple[list[tuple[str, int, list[int], int, str]], list[Event]]:
    """One item at a time; windows in a dict; everything looked at after every item."""
    watermark = NEVER
    open_: dict[int, dict[str, list[tuple[int, int, int]]]] = defaultdict(dict)
    panes: dict[tuple[int, str], int] = defaultdict(int)
    results, late = [], []

    def give(start: int, name: str, timing: str) -> None:
        held = open_[start][name]
        values = [value for _, _, value in sorted(held, key=lambda entry: entry[:2])]
        results.append((name, start, values, panes[start, name], timing))
        panes[start, name] += 1
        if not accumulate:
            held.clear()

    closed: set[int] = set()

    def close() -> None:
        for start in sorted(open_):
            if start + size <= watermark and start not in closed:
                closed.add(start)
                for name in open_[start]:
                    give(start, name, "on_time")

    for order, item in enumerate(items):
        time = int(item.time)
        start = (time - offset) // size * size + offset
        if kept(item):
            if watermark < start + size:
                open_[start].setdefault(item.key, []).append((time, order, item.value))
            elif watermark < start + size + allowed:
                closed.add(start)
                open_[start].setdefault(item.key, []).append((time, order, item.value))
                give(start, item.key, "late")
            else:
                late.append(item)
        watermark = max(watermark, time - bound)
        close()
    watermark = 10**30
    close()
    return results, late


def flow_results(
    source: Any, size: int, offset: int, bound: int, allowed: int, accumulate: bool, kept: Any, chunk: int
) -> tuple[list[tuple[str, int, list[int], int, str]], list[Event]]:
    out: list[Windowed[str, list[int]]] = []
    late: list[Event] = []
    stream = Stream.read(source).event_time(micros, out_of_order=bound).filter(kept).key_by(key)
    windows = stream.window(
        Tumbling(size, offset=offset), allowed_lateness=allowed, late_to=late, accumulate=accumulate
    )
    flow = windows.aggregate(agg.collect(lambda e: e.value)).write(out)
    anyio.run(flow.arun, RunConfig(chunk=chunk))
    found = [
        (each.key, int(each.window.start.timestamp()), each.value, each.pane.index, each.pane.timing) for each in out
    ]
    return found, late


@settings(max_examples=150, deadline=None)
@given(
    items=events,
    size=st.integers(1, 30),
    offset=st.integers(-20, 20),
    bound=st.integers(0, 20),
    allowed=st.integers(0, 20),
    accumulate=st.booleans(),
    dropped=st.sampled_from(["", "a", "b"]),
    chunk=st.sampled_from([1, 2, 3, 5, 1024]),
)
def test_one_partition(
    items: list[Event], size: int, offset: int, bound: int, allowed: int, accumulate: bool, dropped: str, chunk: int
) -> None:
    def kept(event: Event) -> bool:
        return event.key != dropped

    expected = oracle(items, size, offset, bound, allowed, accumulate, kept)
    assert flow_results(items, size, offset, bound, allowed, accumulate, kept, chunk) == expected


@settings(max_examples=100, deadline=None)
@given(
    partitions=st.lists(
        st.lists(
            st.builds(Event, st.integers(-60, 60).map(float), st.sampled_from("abc"), st.integers(0, 9)), max_size=20
        ),
        max_size=4,
    ),
    size=st.integers(1, 30),
    chunk=st.sampled_from([1, 2, 3, 1024]),
    lot=st.integers(1, 5),
)
def test_several_partitions_in_bounds_lose_nothing(
    partitions: list[list[Event]], size: int, chunk: int, lot: int
) -> None:
    """No partition is more out of order than allowed: then nothing is late, however partitions are read."""
    ordered = [sorted(each, key=lambda event: event.time) for each in partitions]
    out: list[Windowed[str, int]] = []
    stream = Stream.read(Partitions(ordered, lot=lot)).event_time(micros).key_by(key)
    flow = stream.window(Tumbling(size)).aggregate(agg.total(lambda e: e.value)).write(out)
    report = anyio.run(flow.arun, RunConfig(chunk=chunk))
    expected: dict[tuple[str, int], int] = defaultdict(int)
    for event in [event for each in ordered for event in each]:
        expected[event.key, int(event.time // size * size)] += event.value
    assert {(each.key, int(each.window.start.timestamp())): each.value for each in out} == dict(expected)
    assert [each.window.end for each in out] == sorted(each.window.end for each in out)
    assert report.steps["aggregate"].late == 0
