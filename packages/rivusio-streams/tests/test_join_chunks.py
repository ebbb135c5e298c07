"""Joins take chunks at once: the same results, in the same order, as item by item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from join_model import Item, keyed

from rivusio_core.errors import BadRecord
from rivusio_streams import Hopping, KeyedStream, RunConfig, Session, Stream, Tumbling, agg
from rivusio_streams.engine.operators.made import operator_of
from rivusio_streams.engine.operators.tumbling_join import TumblingJoinOperator
from rivusio_streams.graph import JoinNode
from rivusio_streams.testing import Harness, Input

Keyed = KeyedStream[str, Item]
Lot = tuple[int, list[Item]]
"""A side, and what comes by it at once."""

HOWS: Any = st.sampled_from(("inner", "left", "right", "outer"))
LEFT: Any = st.sampled_from(("inner", "left"))
bounds = st.tuples(st.integers(-8, 8), st.integers(-8, 8)).map(lambda pair: (min(pair), max(pair)))
lengths = st.none() | st.integers(1, 8)


def micros(length: int | None) -> str | None:
    return None if length is None else f"{length}us"


def known(item: Item) -> int | None:
    if item.value == 2:
        raise BadRecord("two")
    return item.value


KINDS: dict[str, st.SearchStrategy[Any]] = {
    "tumbling": st.builds(
        lambda size, offset, how: lambda a, b: a.join(b, window=Tumbling(f"{size}us", offset=f"{offset}us"), how=how),
        st.integers(1, 12),
        st.integers(0, 5),
        HOWS,
    ),
    "hopping": st.builds(
        lambda size, how: lambda a, b: a.join(b, window=Hopping(f"{size}us", every="2us"), how=how),
        st.integers(2, 9),
        HOWS,
    ),
    "session": st.builds(
        lambda gap, how: lambda a, b: a.join(b, window=Session(f"{gap}us"), how=how), st.integers(1, 6), HOWS
    ),
    "interval": st.builds(
        lambda pair, how: lambda a, b: a.interval_join(b, lower=f"{pair[0]}us", upper=f"{pair[1]}us", how=how),
        bounds,
        HOWS,
    ),
    "as of": st.builds(
        lambda tolerance, how: lambda a, b: a.asof_join(b, tolerance=micros(tolerance), how=how), lengths, LEFT
    ),
    "table": st.builds(
        lambda ttl, how: lambda a, b: a.table_join(b.table(of=known, ttl=micros(ttl)), how=how), lengths, LEFT
    ),
    "table by arrival": st.builds(
        lambda how: lambda a, b: a.table_join(b.table(of=known), how=how, by="arrival"), LEFT
    ),
}

items = st.builds(Item, st.integers(0, 40), st.sampled_from("abc"), st.just(0), st.none() | st.integers(0, 2))
lots = st.lists(st.tuples(st.integers(0, 1), st.lists(items, min_size=1, max_size=12)), max_size=8).map(
    lambda found: [
        (side, [replace(item, number=100 * n + m) for m, item in enumerate(lot)]) for n, (side, lot) in enumerate(found)
    ]
)


def run(make: Any, disorder: int, script: Sequence[Lot], *, cut: bool, restarts: int = 0) -> tuple[Any, ...]:
    """Everything that can be told of a run: results, those of a window behind, late items, letters, counts.

    Args:
        cut: item by item.
    """
    inputs = Input[list[Item]]("left"), Input[list[Item]]("right")
    direct, letters = list[Any](), list[Any]()
    left, right = (timed(each, disorder) for each in inputs)
    behind = make(left, right).tee(direct).window(Tumbling("7us")).aggregate(agg.collect())
    with Harness(behind, interleave_restarts=restarts, config=RunConfig(dead_letters=letters)) as h:
        for side, lot in script:
            for part in [[each] for each in lot] if cut else [lot]:
                h.send(inputs[side], part)
        h.end()
        [counts] = [tally for step, tally in h.ledger.steps.items() if "join" in step]
        return direct, h.output, h.late, [each.value for each in letters], counts


def timed(lots: Input[list[Item]], disorder: int) -> Keyed:
    """What is sent as one item comes as one chunk."""
    items = Stream.read(lots).flat_map(lambda lot: lot).event_time(lambda item: item.time, out_of_order=f"{disorder}us")
    return items.key_by(lambda item: item.key)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=100, deadline=None)
@given(data=st.data(), disorder=st.integers(0, 12), script=lots)
def test_chunks_change_nothing(kind: str, data: st.DataObject, disorder: int, script: list[Lot]) -> None:
    make = data.draw(KINDS[kind])
    assert run(make, disorder, script, cut=False) == run(make, disorder, script, cut=True)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40, deadline=None)
@given(data=st.data(), disorder=st.integers(0, 12), script=lots)
def test_restarts_between_chunks_change_nothing(
    kind: str, data: st.DataObject, disorder: int, script: list[Lot]
) -> None:
    make = data.draw(KINDS[kind])
    assert run(make, disorder, script, cut=False, restarts=1)[0] == run(make, disorder, script, cut=True)[0]


def test_event_time_comes_no_further_than_an_item_that_fails() -> None:
    script = [(0, [Item(2), Item(3)]), (1, [Item(0, value=2), Item(2, value=1), Item(5)])]
    direct, *_, letters, _ = run(lambda a, b: a.table_join(b.table(of=known)), 0, script, cut=False)
    assert [(each.left.time, each.right) for each in direct] == [(2, 1), (3, 1)]
    assert letters == [Item(0, value=2)]


def test_tumbling_windows_join_by_the_window() -> None:
    """Else these tests would compare the slow way with itself."""
    node = keyed(Input[Item]("left")).join(keyed(Input[Item]("right")), window=Tumbling("1s")).node
    assert isinstance(node, JoinNode)
    assert type(operator_of(node, "join")) is TumblingJoinOperator
