"""All joins against nested loops, item by item: late items, idle partitions, restarts, every order of arrival."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from join_model import (
    Item,
    Kind,
    Side,
    Time,
    asof_join,
    hopping_results,
    interval_join,
    keyed,
    session_results,
    table_join,
    window_join,
)

from rivusio_streams import Hopping, Joined, KeyedStream, Session, Stream, Tumbling, Windows, agg
from rivusio_streams.moment import FOREVER, NEVER
from rivusio_streams.testing import Harness, Input

HOWS = ("inner", "left", "right", "outer")
bounds = st.tuples(st.integers(-8, 8), st.integers(-8, 8)).map(lambda pair: (min(pair), max(pair)))

KINDS: dict[str, st.SearchStrategy[Kind]] = {
    "window": st.builds(window_join, st.integers(1, 12), st.sampled_from(HOWS)),
    "interval": st.builds(lambda pair, how: interval_join(pair[0], pair[1], how), bounds, st.sampled_from(HOWS)),
    "asof": st.builds(asof_join, st.none() | st.integers(0, 8), st.sampled_from(HOWS[:2])),
    "table": st.builds(table_join, st.none() | st.integers(1, 8), st.sampled_from(HOWS[:2])),
}

items = st.builds(Item, st.integers(-12, 24), st.sampled_from("ab"), st.just(0), st.none() | st.integers(0, 2))
sides, partitions = st.integers(0, 1), st.integers(0, 1)
actions = st.lists(
    st.tuples(st.just("item"), sides, partitions, items) | st.tuples(st.just("idle"), sides, partitions, st.none()),
    max_size=16,
).map(
    lambda found: [
        (what, side, part, item and replace(item, number=n)) for n, (what, side, part, item) in enumerate(found)
    ]
)
Action = tuple[str, int, int, Item | None]
"""What happens (`item` or `idle`), side, partition, item."""


def same(found: Sequence[Any], expected: Sequence[Any], *, ordered: bool) -> None:
    if ordered:
        assert list(found) == list(expected)
    else:
        assert Counter(found) == Counter(expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("restarts", [0, 1, 3])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_joins_give_what_nested_loops_give(kind: str, restarts: int, data: st.DataObject) -> None:
    """After each item everything that can be known by then is there, and nothing else."""
    join = data.draw(KINDS[kind])
    counts, disorder = data.draw(st.tuples(partitions, partitions)), data.draw(st.integers(0, 8))
    inputs = [Input[Item](name, count + 1) for name, count in zip(("left", "right"), counts, strict=True)]
    stream = join.make(keyed(inputs[0], disorder), keyed(inputs[1], disorder))
    time = Time((Side(disorder, [NEVER] * (counts[0] + 1)), Side(disorder, [NEVER] * (counts[1] + 1))))
    taken: tuple[list[Item], list[Item]] = [], []
    late = list[Item]()
    script: list[Action] = data.draw(actions)
    first_over = data.draw(sides)
    # Its partitions end one after the other; so that it makes no difference which one does first, all are as far.
    script += [("item", first_over, part, Item(40, "a", 100 + part)) for part in range(counts[first_over] + 1)]
    with Harness(stream, interleave_restarts=restarts) as h:

        def check() -> None:
            same(h.output, join.gives(taken, time.combined), ordered=join.ordered)
            assert h.late == late

        for what, side, partition, item in script:
            partition = min(partition, counts[side])
            if item is not None and what == "item":
                mark = time.item(side, partition, item.time)
                (taken[side] if join.takes(item.time, mark) else late).append(item)
                h.send(inputs[side], item, at=item.time, partition=partition)
            else:
                time.go_idle(side, partition)
                h.idle(inputs[side], partition=partition)
            check()
        for side in (first_over, 1 - first_over):
            time.end(side)
            h.end(inputs[side])
            check()
    assert time.combined == FOREVER


def ordered_within(found: list[Item]) -> int:
    """The smallest bound with which none of these is late."""
    latest, bound = None, 0
    for item in found:
        latest = item.time if latest is None else max(latest, item.time)
        bound = max(bound, latest - item.time)
    return bound


Make = Callable[[KeyedStream[str, Item], KeyedStream[str, Item]], Stream[Any]]


def results(make: Make, left: list[Item], right: list[Item], order: Sequence[int], *, restarts: int = 0) -> list[Any]:
    """What comes out when the items of both sides come in this order of sides."""
    bound = max(ordered_within(left), ordered_within(right))
    inputs = Input[Item]("left"), Input[Item]("right")
    waiting = iter(left), iter(right)
    with Harness(make(keyed(inputs[0], bound), keyed(inputs[1], bound)), interleave_restarts=restarts) as h:
        for side in order:
            item = next(waiting[side])
            h.send(inputs[side], item, at=item.time)
        h.end()
        assert h.late == []
    return h.output


both = st.lists(st.tuples(sides, items), max_size=14).map(
    lambda found: [(side, replace(item, number=n)) for n, (side, item) in enumerate(found)]
)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(data=st.data(), found=both, seed=st.integers(0, 1000))
def test_how_the_inputs_interleave_changes_nothing(
    kind: str, data: st.DataObject, found: list[tuple[int, Item]], seed: int
) -> None:
    join = data.draw(KINDS[kind])
    left, right = ([item for side, item in found if side == own] for own in (0, 1))
    order = [side for side, _ in found]
    other = random.Random(seed).sample(order, len(order))
    expected = results(join.make, left, right, order)
    same(results(join.make, left, right, other), expected, ordered=join.ordered)
    same(results(join.make, left, right, sorted(order, reverse=True)), expected, ordered=join.ordered)


@pytest.mark.parametrize("restarts", [0, 1, 3])
@settings(max_examples=60, deadline=None)
@given(
    found=both,
    how=st.sampled_from(HOWS),
    size=st.integers(1, 12),
    every=st.none() | st.integers(1, 4),
    seed=st.integers(0, 1000),
)
def test_hopping_and_session_windows_join(
    restarts: int, found: list[tuple[int, Item]], how: Any, size: int, every: int | None, seed: int
) -> None:
    """The same list, however the inputs interleave."""
    left, right = ([item for side, item in found if side == own] for own in (0, 1))
    windows: Windows
    if every is None:
        windows, expected = Session(f"{size}us"), session_results((left, right), size, how)
    else:
        windows, expected = Hopping(f"{size}us", every=f"{every}us"), hopping_results((left, right), size, every, how)

    def make(a: KeyedStream[str, Item], b: KeyedStream[str, Item]) -> Stream[Any]:
        return a.join(b, window=windows, how=how)

    order = [side for side, _ in found]
    for each in (order, random.Random(seed).sample(order, len(order))):
        assert results(make, left, right, each, restarts=restarts) == expected


MIRRORED = {"inner": "inner", "left": "right", "right": "left", "outer": "outer"}


@pytest.mark.parametrize("kind", ["window", "interval"])
@settings(max_examples=60, deadline=None)
@given(found=both, how=st.sampled_from(HOWS), size=st.integers(1, 12), pair=bounds)
def test_swapped_inputs_give_the_mirrored_result(
    kind: str, found: list[tuple[int, Item]], how: str, size: int, pair: tuple[int, int]
) -> None:
    """The result of a join depends on the order of its arguments: https://github.com/bytewax/bytewax/issues/406."""
    left, right = ([item for side, item in found if side == own] for own in (0, 1))
    order = [side for side, _ in found]
    if kind == "window":
        join, swapped = window_join(size, how), window_join(size, MIRRORED[how])
    else:
        join, swapped = interval_join(pair[0], pair[1], how), interval_join(-pair[1], -pair[0], MIRRORED[how])
    one = results(join.make, left, right, order)
    other = results(swapped.make, right, left, [1 - side for side in order])
    assert Counter(one) == Counter(Joined(each.key, each.right, each.left, each.window) for each in other)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("restarts", [0, 1, 3])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_window_behind_a_join_refuses_nothing(kind: str, restarts: int, data: st.DataObject) -> None:
    """Results are never late for a step behind, however long they waited, whoever is idle, and whatever was late."""
    join = data.draw(KINDS[kind])
    disorder, size = data.draw(st.integers(0, 8)), data.draw(st.integers(1, 9))
    inputs = [Input[Item]("left", 2), Input[Item]("right", 2)]
    direct: list[Any] = []
    joined = join.make(keyed(inputs[0], disorder), keyed(inputs[1], disorder)).tee(direct)
    windows: Stream[Any] = joined.window(Tumbling(f"{size}us")).aggregate(agg.collect())
    script: list[Action] = data.draw(actions)
    with Harness(windows, interleave_restarts=restarts) as h:
        for what, side, partition, item in script:
            if item is not None and what == "item":
                h.send(inputs[side], item, at=item.time, partition=partition)
            else:
                h.idle(inputs[side], partition=partition)
        h.end(inputs[data.draw(sides)])
        h.end()
        collected = [each for window in h.output for each in window.value]
        assert Counter(collected) == Counter(direct)
        assert h.ledger.steps["aggregate"].late == 0
        starts = [window.window.start for window in h.output]
        assert starts == sorted(starts)
