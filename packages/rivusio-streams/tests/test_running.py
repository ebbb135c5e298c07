"""Running values, distinct items, throttled streams."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rivusio_core.errors import BadRecord, ConfigError, DefinitionError, PipeError
from rivusio_core.testing import VirtualClock
from rivusio_streams import RunConfig, Stream
from rivusio_streams.testing import Harness, Input

Item = tuple[str, int, int]
"""Key, time, value."""
NEVER = -(2**63)

items = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 30), st.integers(-5, 5)), max_size=30)
chunks = st.sampled_from([1, 2, 3, 1024])


def timed(source: Any, bound: int = 0) -> Stream[Item]:
    stream: Stream[Item] = Stream.read(source)
    return stream.event_time(lambda item: item[1], out_of_order=bound / 1_000_000)


def key(item: Item) -> str:
    return item[0]


def outcome(stream: Callable[[Input[Item]], Stream[Any]], given: list[Item], chunk: int) -> list[Any]:
    """What comes out; the same with a restart after every item, and after every third."""
    source = Input[Item]()
    with Harness(stream(source), config=RunConfig(chunk=chunk)) as h:
        h.send_many(source, given)
        h.end()
        found = h.output
    for every in (1, 3) if len(given) < 10 else ():
        with Harness(stream(source), interleave_restarts=every) as h:
            for item in given:
                h.send(source, item)
            h.end()
            assert h.output == found
    return found


# -------------------------------------------------------------------------------------------- running values


def running(given: list[Item], first: Any, add: Callable[[Any, Any], Any], bound: int, ttl: int | None) -> list[Any]:
    """The plainest program; `first` makes the value of a first item."""
    values, touched, watermark, found = dict[str, Any](), dict[str, int](), NEVER, list[Any]()
    for item in given:
        name, time, _ = item
        if ttl is not None and name in values and touched[name] + ttl <= watermark:
            del values[name], touched[name]
        values[name] = add(values[name], item) if name in values else first(item)
        touched[name] = max(touched.get(name, NEVER), time)
        if ttl is not None and touched[name] + ttl <= watermark:
            found.append((name, values.pop(name)))
        else:
            found.append((name, values[name]))
        watermark = max(watermark, time - bound)
    return found


@settings(max_examples=150, deadline=None)
@given(given=items, bound=st.integers(0, 5), ttl=st.none() | st.integers(1, 10), chunk=chunks)
def test_scan(given: list[Item], bound: int, ttl: int | None, chunk: int) -> None:
    def add(values: list[int], item: Item) -> list[int]:
        return [*values, item[2]]

    kept = None if ttl is None else ttl / 1_000_000
    expected = running(given, lambda item: [0, item[2]], add, bound, ttl)
    assert outcome(lambda s: timed(s, bound).key_by(key).scan([0], add, ttl=kept), given, chunk) == expected
    totals = [(name, sum(values)) for name, values in expected]
    found = outcome(lambda s: timed(s, bound).key_by(key).scan(0, lambda n, i: n + i[2], ttl=kept), given, chunk)
    assert found == totals


@settings(max_examples=100, deadline=None)
@given(given=items, bound=st.integers(0, 5), ttl=st.none() | st.integers(1, 10), chunk=chunks)
def test_reduce(given: list[Item], bound: int, ttl: int | None, chunk: int) -> None:
    def larger(left: Item, right: Item) -> Item:
        return max(left, right, key=lambda item: item[2])

    kept = None if ttl is None else ttl / 1_000_000
    expected = running(given, lambda item: item, larger, bound, ttl)
    assert outcome(lambda s: timed(s, bound).key_by(key).reduce(larger, ttl=kept), given, chunk) == expected


def test_the_initial_value_is_copied_for_each_key_and_run() -> None:
    def collect(values: list[str], word: str) -> list[str]:
        values.append(word)
        return values

    initial: list[str] = []
    flow = Stream.read(["a", "b", "a"]).key_by(lambda word: word).scan(initial, collect).write(out := list[Any]())
    flow.run()
    assert out == [("a", ["a", "a"]), ("b", ["b"]), ("a", ["a", "a"])]
    flow.run()
    assert out[3:] == out[:3]
    assert initial == []


def test_running_values_have_the_times_of_their_items() -> None:
    def odd(item: Item) -> int:
        if item[2] % 2 == 0:
            raise BadRecord("even")
        return item[2]

    given = [("a", 5, 1), ("a", 3, 2), ("a", 4, 3), ("b", 9, 4), ("b", 7, 5)]
    totals = timed(given).key_by(key).scan(0, lambda total, item: total + odd(item))
    again = totals.key_by(lambda _: None).process(lambda item, context: [(context.time, context.watermark)], state=int)
    again.write(out := list[tuple[int, int]]()).run(RunConfig(dead_letters=(letters := list[Any]())))
    assert out == [(5, NEVER), (4, 5), (7, 9)]
    assert [(each.value[2], each.step, each.position) for each in letters] == [(2, "scan", 1), (4, "scan", 3)]


@pytest.mark.parametrize("chunk", [1, 2, 1024])
def test_an_item_that_fails_does_not_count(chunk: int) -> None:
    def add(total: int, text: str) -> int:
        if not text.isdigit():
            raise BadRecord("no number")
        return total + int(text)

    letters = list[Any]()
    stream = Stream.read(["1", "x", "2", "y", "z", "3"]).key_by(lambda _: "all").scan(0, add)
    report = stream.write(out := list[Any]()).run(RunConfig(chunk=chunk, dead_letters=letters))
    assert out == [("all", 1), ("all", 3), ("all", 6)]
    assert [(each.value, each.position) for each in letters] == [("x", 1), ("y", 3), ("z", 4)]
    assert (report.steps["scan"].passed, report.steps["scan"].dead) == (3, 3)


def test_an_error_ends_the_run_behind_the_results_before_it() -> None:
    stream = Stream.read([2, 1, 0, 5]).key_by(lambda _: 0).scan(8, lambda value, n: value // n)
    out = list[Any]()
    with pytest.raises(PipeError, match="pipe 'scan' failed on item 2: ZeroDivisionError"):
        stream.write(out).run()
    assert out == [(0, 4), (0, 4)]


@pytest.mark.parametrize("restarts", [0, 1, 3])
def test_values_are_forgotten_by_the_clock(restarts: int) -> None:
    words = Input[str]()
    stream = Stream.read(words).key_by(lambda word: word).reduce(lambda a, b: a + b, ttl="10s", ttl_by="clock")
    with Harness(stream, interleave_restarts=restarts) as h:
        h.send(words, "a")
        h.advance("9s")
        h.send(words, "a")
        h.send(words, "b")
        h.advance("9999ms")
        assert [each.state["keys"] for each in h.explain().steps if each.name == "reduce"] == [2]
        h.advance("1ms")
        assert [each.state["keys"] for each in h.explain().steps if each.name == "reduce"] == [0]
        h.send(words, "a")
        assert h.take() == [("a", "a"), ("a", "aa"), ("b", "b"), ("a", "a")]


# ------------------------------------------------------------------------------------------------- distinct


def first_ones(given: list[Item], bound: int, within: int | None) -> list[Item]:
    last, watermark, found = dict[str, int](), NEVER, list[Item]()
    for item in given:
        name, time, _ = item
        if name not in last or (within is not None and last[name] + within <= watermark):
            last[name] = time
            found.append(item)
        watermark = max(watermark, time - bound)
    return found


@settings(max_examples=150, deadline=None)
@given(given=items, bound=st.integers(0, 5), within=st.none() | st.integers(1, 10), chunk=chunks)
def test_distinct(given: list[Item], bound: int, within: int | None, chunk: int) -> None:
    kept = None if within is None else within / 1_000_000
    expected = first_ones(given, bound, within)
    assert outcome(lambda s: timed(s, bound).key_by(key).distinct(kept), given, chunk) == expected
    assert outcome(lambda s: timed(s, bound).distinct(key, within=kept), given, chunk) == expected


def test_distinct_items_themselves() -> None:
    report = Stream.read([1, 2, 1.0, 3, 2]).distinct().write(out := list[float]()).run()
    assert out == [1, 2, 3]
    assert (report.steps["distinct"].passed, report.steps["distinct"].filtered) == (3, 2)
    with pytest.raises(PipeError, match="pipe 'distinct' failed on item 0: TypeError"):
        Stream.read([[1]]).distinct().write([]).run()


@pytest.mark.parametrize("restarts", [0, 1, 3])
def test_distinct_by_the_clock(restarts: int) -> None:
    words = Input[str]()
    with Harness(Stream.read(words).distinct(within="10s", by="clock"), interleave_restarts=restarts) as h:
        h.send(words, "a")
        h.advance("6s")
        h.send(words, "a")
        h.send(words, "b")
        h.advance("4s")
        h.send(words, "a")
        h.send(words, "b")
        assert h.take() == ["a", "b", "a"]


@pytest.mark.parametrize("by", ["event_time", "clock"])
def test_a_hundred_thousand_distinct_items_leave_nothing(by: Any) -> None:
    numbers = Input[int]()
    with Harness(Stream.read(numbers).distinct(within="1s", by=by)) as h:
        h.send_many(numbers, range(100_000), at=range(100_000))
        assert [each.state["keys"] for each in h.explain().steps if each.name == "distinct"] == [100_000]
        h.advance("1s")
        h.send(numbers, -1, at=2_000_000)
        assert [each.state["keys"] for each in h.explain().steps if each.name == "distinct"] == [1]
        assert len(h.output) == 100_001


# ------------------------------------------------------------------------------------------------- throttle


def test_throttled_items_wait() -> None:
    clock, times = VirtualClock(), list[float]()
    stream = Stream.read(range(8)).throttle(2, "1m").map(lambda n: times.append(clock.monotonic()) or n)
    stream.write(out := list[int]()).run(RunConfig(clock=clock))
    assert out == list(range(8))
    assert times == [30.0 * n for n in range(8)]


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 300), per=st.sampled_from(["1s", "100ms", "1m"]), count=st.integers(0, 400))
def test_never_more_than_allowed_in_any_stretch(n: int, per: str, count: int) -> None:
    clock, times = VirtualClock(), list[float]()
    stream = Stream.read(range(count)).throttle(n, per).map(lambda n: times.append(clock.monotonic()) or n)
    stream.write(out := list[int]()).run(RunConfig(clock=clock))
    length = {"1s": 1.0, "100ms": 0.1, "1m": 60.0}[per]
    burst = max(1, int(0.01 * n / length))
    assert out == list(range(count))
    for index in range(count - n - burst):
        assert times[index + n + burst] - times[index] >= length * (1 - 1e-4)


def test_what_comes_before_waits_too() -> None:
    read = list[int]()

    def numbers() -> Any:
        for number in range(1_000):
            read.append(number)
            yield number

    clock, held = VirtualClock(), list[int]()

    def note(number: int) -> int:
        held.append(len(read))
        return number

    Stream.read(numbers()).throttle(1, "1h").map(note).write([]).run(RunConfig(clock=clock, chunk=10))
    assert len(read) == 1_000
    assert held[0] < 200  # the others were read as items went through


# ------------------------------------------------------------------------------------------------- mistakes


async def waits(total: int, item: str) -> int:
    return total


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda s: s.key_by(str).scan(0, waits), DefinitionError, "scan: 'waits' is async"),
        (lambda s: s.key_by(str).reduce(waits), DefinitionError, "reduce: 'waits' is async"),
        (lambda s: s.key_by(str).scan(threading.Lock(), max), ConfigError, "initial: .*cannot be copied"),
        (lambda s: s.key_by(str).scan(0, max, ttl=-1), ConfigError, "ttl: must be longer than 0"),
        (lambda s: s.key_by(str).distinct(0), ConfigError, "within: must be longer than 0"),
        (lambda s: s.distinct(within="x"), ConfigError, "within"),
        (lambda s: s.distinct(within=1, by="x"), ConfigError, "by: is 'event_time' or 'clock'"),
        (lambda s: s.throttle(0), ConfigError, "n: must be a whole number, 1 or more"),
        (lambda s: s.throttle(5, per=0), ConfigError, "per"),
    ],
)
def test_wrong_arguments_are_named(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make(Stream.read(["a"]))


def test_forgetting_by_event_time_needs_event_time() -> None:
    for stream in (Stream.read([1]).distinct(within=1), Stream.read([1]).key_by(str).scan(0, max, ttl=1)):
        with pytest.raises(DefinitionError, match=r"say \.event_time"):
            stream.write([]).run()


def test_steps_are_values() -> None:
    one = Stream.read(source := [1, 2])
    two = Stream.read(source)
    assert one.distinct(abs, within=1) == two.distinct(abs, within="1s")
    assert one.key_by(abs).reduce(max) == two.key_by(abs).reduce(max) != two.key_by(abs).reduce(min)
    assert one.throttle(3) == two.throttle(3) != two.throttle(4)


@pytest.mark.anyio
async def test_on_every_event_loop() -> None:
    stream = Stream.read(["a", "b", "a"]).key_by(lambda word: word)
    await stream.scan(0, lambda n, _: n + 1).throttle(1000).distinct().write(out := list[Any]()).arun()
    assert out == [("a", 1), ("b", 1), ("a", 2)]
