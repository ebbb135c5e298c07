"""Keyed state: what is kept, for how long, and what an error leaves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from processors import SECOND, Doing, Silent, by_word, counted, kept

from rivusio_core.errors import BadRecord, ConfigError, DefinitionError, PipeError
from rivusio_streams import Context, RunConfig, Stream, Timer
from rivusio_streams.engine.operators.expiry import Expiry
from rivusio_streams.engine.operators.timers import Timers
from rivusio_streams.testing import Harness, Input

restarts = pytest.mark.parametrize("restarts", [0, 1, 3])


# ------------------------------------------------------------------------------------------------------- state


def test_state_is_made_when_it_is_first_asked_for() -> None:
    made = list[int]()

    def create() -> list[str]:
        made.append(1)
        return []

    def item(word: str, context: Context[str, list[str]]) -> list[list[str]]:
        if word.endswith("!"):
            context.state.append(word)
            return [list(context.state)]
        return []

    words = Input[str]()
    with Harness(by_word(words).process(item, state=create)) as h:
        for word in ["a", "b", "a!", "a", "a!!"]:
            h.send(words, word)
        assert (h.take(), len(made), kept(h)["keys"]) == ([["a!"], ["a!", "a!!"]], 1, 1)


def test_clear_forgets_state_and_timers_and_can_begin_anew() -> None:
    def item(word: str, context: Context[str, int]) -> list[int]:
        context.state += 1
        context.set_timer(10, word)
        if word == "b":
            context.clear()
            context.clear()
        if word == "c":
            context.clear()
            context.state += 5
            context.set_timer(11, "new")
        return [] if word == "b" else [context.state]

    words = Input[str](watermarks="manual")
    with Harness(Stream.read(words).key_by(lambda _: "").process(Doing(item)), interleave_restarts=True) as h:
        for word in "aabac":
            h.send(words, word, at=0)
        assert h.take() == [1, 2, 1, 5]
        assert kept(h) == {"keys": 1, "timers": 1}
        h.end()
        assert h.take() == [Timer("new", 11, "event_time")]


@pytest.mark.parametrize("chunk", [1, 1024])
def test_a_call_that_raises_changes_nothing(chunk: int) -> None:
    def item(word: str, context: Context[str, int]) -> Iterator[tuple[str, int]]:
        context.state += 1
        context.set_timer(100, word)
        yield word, context.state
        if word == "bad":
            context.clear()
            raise BadRecord("bad")

    words = Input[str](watermarks="manual")
    stream = Stream.read(words).key_by(lambda _: "").process(Doing(item))
    with Harness(stream, config=RunConfig(chunk=chunk)) as h:
        h.send_many(words, ["one", "bad", "two"], at=[0, 0, 0])
        assert h.take() == [("one", 1), ("two", 2)]
        assert [(each.value, each.step, each.position) for each in h.dead_letters] == [("bad", "process", 1)]
        h.end()
        assert [timer.name for timer in h.take()] == ["one", "two"]
        assert (h.ledger.steps["process"].passed, h.ledger.steps["process"].dead) == (2, 1)


def test_an_error_of_an_item_ends_the_run_and_names_it() -> None:
    def item(word: str, context: Context[str, int]) -> list[int]:
        return [1 // (len(word) - 1)]

    with pytest.raises(PipeError, match="pipe 'ratio' failed on item 1: ZeroDivisionError"):
        by_word(["ab", "b"]).process(item, state=int, name="ratio").write([]).run()


@pytest.mark.parametrize("error", [ValueError("x"), BadRecord("broken")])
def test_an_error_of_a_timer_ends_the_run_even_a_bad_record(error: Exception) -> None:
    def timer(timer: Timer, context: Context[str, int]) -> None:
        raise error

    stream = Stream.read(["a"]).event_time(lambda _: 0).key_by(str)
    flow = stream.process(Doing(lambda item, context: context.set_timer(9, "t"), timer)).write([])
    with pytest.raises(PipeError, match=r"pipe 'process' failed: timer 't': (ValueError|broken)") as caught:
        flow.run(RunConfig(dead_letters=[]))
    assert not isinstance(caught.value, BadRecord)


# --------------------------------------------------------------------------------------------------------- TTL


@restarts
def test_a_state_untouched_by_event_time_is_forgotten(restarts: int) -> None:
    words = Input[str](watermarks="manual")
    with Harness(by_word(words).process(counted, state=int, ttl="10s"), interleave_restarts=restarts) as h:
        h.send(words, "a", at=5 * SECOND)
        h.send(words, "a", at=1 * SECOND)
        h.watermark(words, 15 * SECOND - 1)
        h.send(words, "b", at=15 * SECOND)
        assert kept(h)["keys"] == 2
        h.watermark(words, 15 * SECOND)
        assert kept(h)["keys"] == 1
        h.send(words, "a", at=16 * SECOND)
        h.send(words, "b", at=24 * SECOND)
        h.watermark(words, 33 * SECOND)
        assert kept(h)["keys"] == 1
        h.watermark(words, 34 * SECOND)
        assert kept(h)["keys"] == 0
        assert h.take() == [("a", 1), ("a", 2), ("b", 1), ("a", 1), ("b", 2)]


@restarts
def test_a_state_untouched_on_the_clock_is_forgotten(restarts: int) -> None:
    words = Input[str]()
    stream = by_word(words).process(counted, state=int, ttl="10s", ttl_by="clock")
    with Harness(stream, interleave_restarts=restarts) as h:
        h.send(words, "a")
        h.advance("6s")
        h.send(words, "b")
        h.send(words, "a")
        h.advance("6s")
        h.send(words, "b")
        h.advance("4s")
        assert kept(h)["keys"] == 1
        h.send(words, "a")
        h.send(words, "b")
        h.advance("10s")
        assert kept(h)["keys"] == 0
        assert h.take() == [("a", 1), ("b", 1), ("a", 2), ("b", 2), ("a", 1), ("b", 3)]


def test_timers_outlive_a_forgotten_state() -> None:
    def item(word: str, context: Context[str, int]) -> None:
        context.state = 7
        context.set_timer(9, "before")
        context.set_timer(10, "behind")

    words = Input[str](watermarks="manual")
    stream = by_word(words).process(
        Doing(item, lambda timer, context: [context.state] if timer.name == "behind" else None), ttl=0.00001
    )
    with Harness(stream) as h:
        h.send(words, "a", at=0)
        h.watermark(words, 1_000)
        assert (h.take(), kept(h)) == ([0], {"keys": 0, "timers": 0})


# ------------------------------------------------------------------------------------------------------ lateness


def test_late_items_are_processed_unless_they_are_to_be_refused() -> None:
    def item(word: str, context: Context[str, int]) -> list[tuple[str, bool]]:
        return [(word, context.time < context.watermark)]

    for late in ("process", "refuse"):
        words = Input[str]()
        stream = by_word(words).process(item, state=int, late=late)  # type: ignore[call-overload]
        with Harness(stream) as h:
            h.send_many(words, ["a", "b", "c"], at=[10, 9, 10])
            h.end()
            if late == "process":
                assert (h.output, h.late) == ([("a", False), ("b", True), ("c", False)], [])
            else:
                assert (h.output, h.late) == ([("a", False), ("c", False)], ["b"])
                assert h.ledger.steps["process"].late == 1


def test_refused_items_go_where_they_are_sent() -> None:
    late = list[int]()
    stream = Stream.read([5, 3]).event_time(lambda n: n).key_by(lambda _: 0)
    stream.process(lambda n, context: [n], state=int, late="refuse", late_to=late).write([]).run()
    assert late == [3]


# ------------------------------------------------------------------------------------------------------ mistakes


async def waits(word: str, context: Any) -> list[str]:
    return [word]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((counted,), ConfigError, "state: a function needs it"),
        ((Silent(),), ConfigError, "state: goes with a function"),
        ((Silent,), DefinitionError, "a value, no class"),
        ((5,), DefinitionError, "takes a Processor"),
        ((waits,), DefinitionError, "'waits' is async"),
        ((Silent(), {"ttl": 0}), ConfigError, "ttl"),
        ((Silent(), {"ttl": "soon"}), ConfigError, "ttl"),
        ((Silent(), {"ttl_by": "day"}), ConfigError, "ttl_by"),
        ((Silent(), {"late": "never"}), ConfigError, "late"),
        ((Silent(), {"late_to": []}), ConfigError, "late_to: .*late='refuse'"),
    ],
)
def test_wrong_arguments_are_named(arguments: Any, error: type[Exception], message: str) -> None:
    processor, settings = arguments[0], dict(arguments[1]) if len(arguments) > 1 else {}
    if message.startswith(("state: goes", "'waits'")):
        settings["state"] = int
    with pytest.raises(error, match=message):
        by_word(["a"]).process(processor, **settings)


def test_a_ttl_of_event_time_and_refusing_need_event_time() -> None:
    for settings in ({"ttl": "1s"}, {"late": "refuse"}):
        flow = by_word(["a"]).process(Silent(), **settings).write([])
        with pytest.raises(DefinitionError, match=r"process: .*say \.event_time"):
            flow.run()


def test_flows_tell_what_is_done() -> None:
    keyed = Stream.read([("a", 1)]).event_time(lambda pair: pair[1]).key_by(lambda pair: pair[0])
    assert "process: keeps something of each key, for Silent" in keyed.process(Silent()).write([]).explain()  # type: ignore[arg-type]
    assert "for counted, ttl 5s by event time" in keyed.process(counted, state=int, ttl="5s").write([]).explain()  # type: ignore[arg-type]
    assert "scan: keeps something of each key, for scan max" in keyed.scan(("", 0), max).write([]).explain()
    assert "for distinct within 1m by clock" in keyed.distinct("1m", by="clock").write([]).explain()


def test_steps_are_values() -> None:
    keyed = by_word(["a"])
    assert keyed.process(Silent()) == keyed.process(Silent())
    assert keyed.process(counted, state=int) == keyed.process(counted, state=int)
    assert keyed.process(Silent()) != keyed.process(Silent(True))
    assert keyed.process(Silent()) != keyed.process(Silent(), ttl="1s")


# -------------------------------------------------------------------------------------------- nothing piles up


def done_at_once(number: int, context: Context[int, int]) -> list[int]:
    context.state += number
    if context.state >= 0:
        context.clear()
    return [number]


def sizes(stream: Any, count: int, restarts: int = 0) -> Iterator[dict[str, Any]]:
    with Harness(stream(numbers := Input[int]()), interleave_restarts=restarts) as h:
        for start in range(0, count, 100_000):
            part = range(start, min(start + 100_000, count))
            h.send_many(numbers, part, at=part)
        yield kept(h)
        h.send(numbers, count, at=count + 10_000_000)
        h.send(numbers, count + 1, at=count + 10_000_000)
        yield kept(h)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_million_keys_that_are_done_leave_nothing() -> None:
    def stream(source: Input[int]) -> Any:
        return Stream.read(source).key_by(lambda n: n).process(done_at_once, state=int)

    assert list(sizes(stream, 1_000_000)) == [{"keys": 0, "timers": 0}] * 2


@pytest.mark.parametrize(("count", "restarts"), [(200_000, 0), (1_000, 1), (1_000, 3)])
def test_keys_that_are_forgotten_leave_nothing(count: int, restarts: int) -> None:
    def item(number: int, context: Context[int, int]) -> None:
        context.state += 1
        if number < count:
            context.set_timer(context.time + 20)

    def stream(source: Input[int]) -> Any:
        return Stream.read(source).key_by(lambda n: n).process(Doing(item), ttl=0.00001)

    before, after = sizes(stream, count, restarts)
    assert before == {"keys": 10, "timers": 20}
    assert after == {"keys": 2, "timers": 0}


def test_timers_set_again_and_again_do_not_pile_up() -> None:
    timers = Timers()
    for at in range(100_000):
        timers.set("a", "x", at, "event_time", 0)
        timers.set("b", str(at), at, "clock", 0)
        timers.clear("b")
        assert len(timers.timed) + len(timers.clocked) < 100
    assert len(timers) == 1
    assert timers.pop("event_time", 99_998) is None
    assert timers.pop("event_time", 99_999) is not None
    assert timers._by_key == {}


def test_keys_touched_and_forgotten_again_and_again_do_not_pile_up() -> None:
    expiry = Expiry()
    for at in range(100_000):
        expiry.touch("a", at)
        expiry.touch("b", at + 10**9)
        expiry.forget("b")
        assert len(expiry._heap) < 100
    assert list(expiry.expired(99_998)) == []
    assert list(expiry.expired(99_999)) == ["a"]
    assert expiry.at == {}
