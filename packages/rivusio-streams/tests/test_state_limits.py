"""Limits of state: each trips with its own error, and what is declared to happen beyond them happens."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from processors import SECOND

from rivusio_core.errors import (
    ConfigError,
    DefinitionError,
    MemoryLimitExceeded,
    StateError,
    StateLimitExceeded,
)
from rivusio_streams import (
    Context,
    KeyedStream,
    Processor,
    RunConfig,
    Session,
    Sliding,
    Spill,
    SpillStore,
    StateLimit,
    Stream,
    Timer,
    Tumbling,
    agg,
)
from rivusio_streams.testing import Harness, Input

Keyed = KeyedStream[int, tuple[int, int]]
"""Items are pairs of a key and a number."""


class DictSpill(Spill):
    """On a disk made of a dict."""

    def __init__(self) -> None:
        self.rows: dict[bytes, bytes] = {}
        self.closed = False

    def get(self, key: bytes) -> bytes | None:
        return self.rows.get(key)

    def put(self, key: bytes, value: bytes) -> None:
        self.rows[key] = value

    def delete(self, key: bytes) -> None:
        del self.rows[key]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.rows)

    def close(self) -> None:
        self.closed = True


class DictStore(SpillStore):
    def __init__(self) -> None:
        self.opened: dict[str, list[DictSpill]] = {}

    def open(self, flow: str, step: str) -> DictSpill:
        assert all(each.closed for each in self.opened.get(step, []))
        self.opened.setdefault(step, []).append(DictSpill())
        return self.opened[step][-1]


class Remembers(Processor[int, tuple[int, int], list[int], tuple[int, object]]):
    """Keeps the numbers of a key, in a list that it changes in place; fires five seconds after each."""

    def create(self) -> list[int]:
        return []

    def on_item(self, item: tuple[int, int], context: Context[int, list[int]]) -> list[tuple[int, object]]:
        context.state.append(item[1])
        context.set_timer(context.time + 5 * SECOND, f"{item[1] % 2}")
        if item[1] == 9:
            context.clear()
            return []
        return [(item[0], tuple(context.state))]

    def on_timer(self, timer: Timer, context: Context[int, list[int]]) -> list[tuple[int, object]]:
        return [(context.key, f"{timer.name}: {context.state}")]


KINDS: dict[str, Callable[[Keyed], Stream[Any]]] = {
    "scan": lambda keyed: keyed.scan(0, lambda total, item: total + item[1]),
    "scan with ttl": lambda keyed: keyed.scan(0, lambda total, item: total + item[1], ttl="4s"),
    "distinct": lambda keyed: keyed.distinct(),
    "distinct within": lambda keyed: keyed.distinct("4s"),
    "process": lambda keyed: keyed.process(Remembers()),
    "process with ttl": lambda keyed: keyed.process(Remembers(), ttl="3s"),
}


def results(
    make: Callable[[Keyed], Stream[Any]],
    items: list[tuple[int, int]],
    limit: StateLimit | None,
    restarts: int = 0,
    lot: int = 3,
    chunk: int = 1024,
) -> tuple[list[Any], int]:
    """What comes out, and how many keys were forgotten; an item a second."""
    rows = Input[tuple[int, int]](watermarks="manual")
    timed = Stream.read(rows).event_time(out_of_order=0)
    stream = make(timed.key_by(lambda item: item[0], limit=limit))
    out = list[Any]()
    with Harness(stream, config=RunConfig(chunk=chunk), interleave_restarts=restarts) as h:
        for at in range(0, len(items), lot):
            times = [(at + n) * SECOND for n in range(len(items[at : at + lot]))]
            h.send_many(rows, items[at : at + lot], at=times)
            h.watermark(rows, times[-1])
            out += h.take()
        forgotten = sum(each.forgotten for each in h.ledger.steps.values())
        h.end()
        return out + h.take(), forgotten


_items = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 9)), max_size=40)
_cuts = {
    "restarts": st.sampled_from([0, 0, 1, 3]),
    "lot": st.sampled_from([1, 4, 50]),
    "chunk": st.sampled_from([1, 3]),
}


# ---------------------------------------------------------------------------------------------------- to the disk


@pytest.mark.parametrize("kind", KINDS)
@given(items=_items, keys=st.integers(1, 4), **_cuts)
def test_what_is_put_away_is_as_good_as_what_is_in_memory(
    kind: str, items: list[tuple[int, int]], keys: int, restarts: int, lot: int, chunk: int
) -> None:
    wanted, _ = results(KINDS[kind], items, None, lot=lot)
    store = DictStore()
    limit = StateLimit(keys=keys, beyond=store)
    assert results(KINDS[kind], items, limit, restarts, lot, chunk) == (wanted, 0)
    assert all(each.closed for spills in store.opened.values() for each in spills)


def test_only_so_many_keys_are_in_memory() -> None:
    store, rows = DictStore(), Input[int]()
    keyed = Stream.read(rows).key_by(lambda n: n, limit=StateLimit(keys=10, beyond=store))
    with Harness(keyed.scan(0, lambda count, _: count + 1)) as h:
        h.send_many(rows, [*range(1_000), 5])
        [spill] = store.opened["scan"]
        assert 990 <= len(spill.rows) <= 991  # that of 5 is in memory again, and may still be on disk
        assert h.take()[-1] == (5, 2)


def test_only_so_many_bytes_are_in_memory() -> None:
    store, rows = DictStore(), Input[int]()
    keyed = Stream.read(rows).key_by(lambda n: n % 100, limit=StateLimit(memory="1MiB", beyond=store))
    with Harness(keyed.scan("", lambda text, _: text + "x" * 20_000)) as h:
        h.send_many(rows, list(range(100)))
        assert 100 - 52 <= len(store.opened["scan"][0].rows) <= 100 - 40
        h.send_many(rows, list(range(100)))  # all have grown
        assert 100 - 26 <= len(store.opened["scan"][0].rows) <= 100
        assert {len(text) for _, text in h.take()[100:]} == {40_000}


class Full(DictSpill):
    def put(self, key: bytes, value: bytes) -> None:
        raise OSError(28, "No space left on device")


class FullStore(SpillStore):
    def open(self, flow: str, step: str) -> Spill:
        return Full()


@pytest.mark.parametrize("kind", KINDS)
def test_a_disk_that_fails_ends_the_run_and_no_item_is_blamed(kind: str) -> None:
    timed = Stream.read([(n, n) for n in range(3)]).event_time(lambda item: item[1])
    stream = KINDS[kind](timed.key_by(lambda item: item[0], limit=StateLimit(keys=1, beyond=FullStore())))
    with pytest.raises(StateError, match=rf"step '{kind.split()[0]}': state on disk cannot be used: OSError.*No space"):
        stream.write([]).run()


# ---------------------------------------------------------------------------------------------------- forgetting


def forgetting(kind: str, items: list[tuple[int, int]], keys: int) -> tuple[list[Any], int]:
    """The definition: a dict in the order of use, whose first ones go."""
    kept, out, forgotten = OrderedDict[int, Any](), list[Any](), 0
    for key, number in items:
        if kind == "distinct":
            if key not in kept:
                out.append((key, number))
            kept[key] = None
        else:
            kept[key] = kept.get(key, 0) + number
            out.append((key, kept[key]))
        kept.move_to_end(key)
        if len(kept) > keys:
            kept.popitem(last=False)
            forgotten += 1
    return out, forgotten


@pytest.mark.parametrize("kind", ["scan", "distinct"])
@given(items=_items, keys=st.integers(1, 4), **_cuts)
def test_the_keys_used_longest_ago_are_forgotten(
    kind: str, items: list[tuple[int, int]], keys: int, restarts: int, lot: int, chunk: int
) -> None:
    wanted, forgotten = forgetting(kind, items, keys)
    limit = StateLimit(keys=keys, beyond="forget")
    assert results(KINDS[kind], items, limit, restarts, lot, chunk) == (wanted, forgotten)


@pytest.mark.parametrize("kind", KINDS)
@given(items=_items, keys=st.integers(1, 4), **_cuts)
def test_what_is_forgotten_does_not_depend_on_chunks_and_restarts(
    kind: str, items: list[tuple[int, int]], keys: int, restarts: int, lot: int, chunk: int
) -> None:
    limit = StateLimit(keys=keys, beyond="forget")
    assert results(KINDS[kind], items, limit, restarts, lot, chunk)[0] == results(KINDS[kind], items, limit, lot=lot)[0]


def test_a_forgotten_key_has_no_timers_either() -> None:
    items = [(1, 1), (2, 2)]
    found, forgotten = results(KINDS["process"], items, StateLimit(keys=1, beyond="forget"))
    assert (found, forgotten) == ([(1, (1,)), (2, (2,)), (2, "0: [2]")], 1)


def test_forgetting_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    limit = StateLimit(keys=1, beyond="forget")
    with caplog.at_level(logging.WARNING, "rivusio"):
        report = Stream.read(range(10)).key_by(lambda n: n, limit=limit).distinct().write([]).run(RunConfig(chunk=2))
    assert [each.message for each in caplog.records] == [
        "step 'distinct': there are more keys than its limit; those used longest ago are forgotten"
    ]
    assert report.steps["distinct"].forgotten == 9
    assert "forgotten" in report.summary()


# ------------------------------------------------------------------------------------------------------- failing


def windowed(keyed: Keyed) -> Stream[Any]:
    return keyed.window(Tumbling("1h")).aggregate(agg.count())


def joined(keyed: Keyed) -> Stream[Any]:
    other = Stream.read([(1, 1)]).event_time(lambda item: item[1]).key_by(lambda item: item[0])
    return keyed.interval_join(other, lower="-1h", upper="1h")


FAILING: dict[str, Callable[[Keyed], Stream[Any]]] = {
    **KINDS,
    "window": windowed,
    "session": lambda keyed: keyed.window(Session("1h")).aggregate(agg.count()),
    "sliding": lambda keyed: keyed.window(Sliding("1h")).aggregate(agg.count()),
    "interval_join": joined,
}


@pytest.mark.parametrize("checkpoint", [False, True])
@pytest.mark.parametrize("kind", FAILING)
def test_too_many_keys_end_the_run(kind: str, checkpoint: bool, tmp_path: Path) -> None:
    def run(count: int) -> None:
        timed = Stream.read([(n, n) for n in range(count)]).event_time(lambda item: item[1])
        stream = FAILING[kind](timed.key_by(lambda item: item[0], limit=StateLimit(keys=50)))
        stream.write([]).run(RunConfig(checkpoint=tmp_path / f"{count}.db" if checkpoint else None))

    run(20)
    with pytest.raises(StateLimitExceeded, match=r"keeps \d+ keys, more than its limit keys=50 at key_by; .*ttl="):
        run(110)


@pytest.mark.parametrize("kind", ["process", "collect"])
def test_too_many_bytes_end_the_run(kind: str) -> None:
    """Promise: memory limit: a typed error that names the step, or the run; never silent."""

    def stream(limit: StateLimit | None, text: int) -> Stream[Any]:
        timed = Stream.read([(n % 10, "x" * text) for n in range(100)]).event_time(lambda _: 0)
        keyed = timed.key_by(lambda item: item[0], limit=limit)
        if kind == "collect":
            return keyed.window(Tumbling("1h")).collect()

        def keep(item: tuple[int, str], context: Context[int, list[str]]) -> None:
            context.state.append(item[1] + ".")

        return keyed.process(keep, state=list)

    limit = StateLimit(memory="1MiB")
    stream(limit, 1_000).write([]).run()
    with pytest.raises(StateLimitExceeded, match=rf"step '{kind}' keeps about 1\.\dMiB, more than its limit memory=1"):
        stream(limit, 15_000).write([]).run(RunConfig(chunk=5))
    with pytest.raises(MemoryLimitExceeded, match=rf"about 1\.\dMiB, more than memory=1\.0MiB: 1\.\dMiB in '{kind}'"):
        stream(None, 15_000).write([]).run(RunConfig(memory="1MiB", chunk=5))


def test_what_is_gone_does_not_count() -> None:
    """Windows that close make room, with and without snapshots."""
    rows = Input[tuple[int, int]](watermarks="manual")
    timed = Stream.read(rows).event_time(out_of_order=0)
    stream = windowed(timed.key_by(lambda item: item[0], limit=StateLimit(keys=5, memory="10KiB")))
    for restarts in (0, 1):
        with Harness(stream, interleave_restarts=restarts) as h:
            for hour in range(20):
                h.send_many(rows, [(hour, 1), (hour + 1, 1)], at=[hour * 3_600 * SECOND] * 2)
                h.watermark(rows, (hour + 1) * 3_600 * SECOND)
            assert len(h.take()) == 40


# ----------------------------------------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({}, "give keys, memory, or both"),
        ({"keys": 0}, "keys: is a number of keys, 1 or more, not 0"),
        ({"keys": True}, "keys: is a number of keys"),
        ({"memory": "much"}, "memory: .*is no size"),
        ({"memory": 0}, "memory: must be more than 0"),
        ({"keys": 1, "beyond": "evict"}, "beyond: is 'fail', 'forget' or a SpillStore, not 'evict'"),
    ],
)
def test_mistakes_are_told_at_once(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        StateLimit(**arguments)


@pytest.mark.parametrize("beyond", ["forget", DictStore()])
def test_windows_and_joins_forget_nothing(beyond: Any) -> None:
    timed = Stream.read([(1, 1)]).event_time(lambda item: item[1])
    keyed = timed.key_by(lambda item: item[0], limit=StateLimit(keys=1, beyond=beyond))
    for make in (windowed, joined):
        with pytest.raises(DefinitionError, match=r"need all that they keep: .*beyond='fail'"):
            make(keyed).write([]).run()
    limited = timed.key_by(lambda item: item[0], limit=StateLimit(keys=1))
    with pytest.raises(DefinitionError, match="both sides have a limit="):
        limited.interval_join(limited, lower=0, upper="1s").write([]).run()
