"""Keyed state and timers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import anyio
import pytest

from rivusio_core.errors import BadRecord, ConfigError, DefinitionError, Fatal, PipeError
from rivusio_streams import Context, Processor, RunConfig, Stream, Timer, Tumbling, agg
from rivusio_streams.engine.operators.expiry import Expiry
from rivusio_streams.engine.operators.timers import Timers
from rivusio_streams.testing import Harness, Input

SECOND = 1_000_000
Seen = tuple[str, str, str, int]


@dataclass(frozen=True)
class Silent(Processor[str, str, int, Seen]):
    """Says after a while that a key is silent, by event time or by the clock."""

    by_clock: bool = False

    def create(self) -> int:
        return 0

    def on_item(self, item: str, context: Context[str, int]) -> None:
        context.state += 1
        if self.by_clock:
            context.set_clock_timer("10s")
        else:
            context.set_timer(context.time + 10 * SECOND)

    def on_timer(self, timer: Timer, context: Context[str, int]) -> Iterator[Seen]:
        yield context.key, timer.name, timer.by, context.state
        context.clear()


@dataclass(frozen=True)
class Doing(Processor[str, str, int, Any]):
    """Does what functions say."""

    item: Callable[[str, Context[str, int]], Iterable[Any] | None]
    timer: Callable[[Timer, Context[str, int]], Iterable[Any] | None] = lambda timer, context: [timer]

    def create(self) -> int:
        return 0

    def on_item(self, item: str, context: Context[str, int]) -> Iterable[Any] | None:
        return self.item(item, context)

    def on_timer(self, timer: Timer, context: Context[str, int]) -> Iterable[Any] | None:
        return self.timer(timer, context)


def by_word(source: Any) -> Any:
    return Stream.read(source).key_by(lambda word: word[0])


def kept(h: Harness[Any], step: str = "process") -> dict[str, Any]:
    [state] = [each.state for each in h.explain().steps if each.name == step]
    return {name: state[name] for name in ("keys", "timers") if name in state}


restarts = pytest.mark.parametrize("restarts", [False, True])


# ------------------------------------------------------------------------------------------------- event time


@restarts
def test_a_timer_fires_at_the_first_watermark_that_reaches_it(restarts: bool) -> None:
    words = Input[str](watermarks="manual")
    with Harness(by_word(words).process(Silent()), interleave_restarts=restarts) as h:
        h.send(words, "a", at=0)
        h.watermark(words, 10 * SECOND - 1)
        assert h.take() == []
        h.watermark(words, 10 * SECOND)
        assert h.take() == [("a", "", "event_time", 1)]
        assert kept(h) == {"keys": 0, "timers": 0}
        h.end()
        assert h.take() == []


def test_setting_again_replaces_and_cancelling_takes_out() -> None:
    def item(word: str, context: Context[str, int]) -> None:
        context.set_timer(5 * SECOND, "x")
        context.set_timer(datetime(1970, 1, 1, 0, 0, 9, tzinfo=UTC), "x")
        context.set_timer(6 * SECOND, "y")
        context.set_clock_timer("1s", "y")
        context.set_timer(7 * SECOND, "z")
        context.cancel_timer("z")
        context.cancel_timer("no such")

    words = Input[str](watermarks="manual")
    with Harness(by_word(words).process(Doing(item))) as h:
        h.send(words, "a", at=0)
        h.watermark(words, 8 * SECOND)
        assert h.take() == []
        h.watermark(words, 9 * SECOND)
        assert h.take() == [Timer("x", 9 * SECOND, "event_time")]
        h.advance("1s")
        assert h.take() == [Timer("y", 1_700_000_001 * SECOND, "clock")]


def test_equal_times_fire_in_the_order_in_which_they_were_set() -> None:
    def item(word: str, context: Context[str, int]) -> None:
        for name in word[1:]:
            context.set_timer(10, name)

    words = Input[str](watermarks="manual")
    with Harness(by_word(words).process(Doing(item)), interleave_restarts=True) as h:
        h.send(words, "bzy", at=0)
        h.send(words, "axw", at=0)
        h.send(words, "bz", at=0)
        h.watermark(words, 10)
        assert [timer.name for timer in h.take()] == ["y", "x", "w", "z"]


def test_a_timer_of_the_past_fires_right_after_the_call() -> None:
    def item(word: str, context: Context[str, int]) -> list[str]:
        context.set_timer(context.watermark if word == "at" else context.watermark - 1)
        return [word]

    def timer(timer: Timer, context: Context[str, int]) -> list[str]:
        context.state += 1
        if context.state < 500:
            context.set_timer(timer.at)
        return [f"timer {context.state}"]

    words = Input[str](watermarks="manual")
    with Harness(by_word(words).process(Doing(item, timer))) as h:
        h.watermark(words, 100)
        h.send(words, "at", at=100)
        assert h.take() == ["at", *(f"timer {n}" for n in range(1, 501))]
        h.send(words, "ago", at=100)
        assert h.take() == ["ago", "timer 501"]


def test_timers_that_set_one_another_for_ever_are_an_error() -> None:
    def item(word: str, context: Context[str, int]) -> None:
        context.set_timer(0)

    def timer(timer: Timer, context: Context[str, int]) -> None:
        context.set_timer(context.watermark, "b" if timer.name == "a" else "a")

    words = Input[str]()
    with Harness(by_word(words).process(Doing(item, timer))) as h:
        h.send(words, "a", at=-5)
        with pytest.raises(Fatal, match="timers in a row set one another"):
            h.send(words, "x", at=5)


def test_time_passes_step_by_step_for_user_code() -> None:
    """A timer that sets itself again fires for every time that the watermark jumps over."""

    def item(word: str, context: Context[str, int]) -> None:
        context.set_timer(10)

    def timer(timer: Timer, context: Context[str, int]) -> list[tuple[int, int, int]]:
        context.set_timer(timer.at + 10)
        return [(timer.at, context.time, context.watermark)]

    words = Input[str](watermarks="manual")
    with Harness(by_word(words).process(Doing(item, timer))) as h:
        h.send(words, "a", at=0)
        h.watermark(words, 45)
        assert h.take() == [(n, n, n) for n in (10, 20, 30, 40)]
        h.end()
        assert h.take() == [(50, 50, 50)]  # each name fires once at the end, or it would never end


def test_results_have_the_time_of_their_item_or_timer() -> None:
    words = Input[str](watermarks="manual")

    def item(word: str, context: Context[str, int]) -> list[str]:
        context.set_timer(25 * SECOND)
        return ["item"]

    stream = by_word(words).process(Doing(item, lambda timer, context: ["timer"])).window(Tumbling("10s"))
    with Harness(stream.aggregate(agg.collect())) as h:
        h.send(words, "a", at=5 * SECOND)
        h.watermark(words, 100 * SECOND)
        assert [(each.window.start.second, each.value) for each in h.take()] == [(0, ["item"]), (20, ["timer"])]
        assert h.late == []


def test_event_time_timers_need_event_time() -> None:
    flow = by_word(["a"]).process(Silent()).write([])
    with pytest.raises(Fatal, match=r"set_timer needs .* say \.event_time\(\.\.\.\) before, or use set_clock_timer"):
        flow.run()


@pytest.mark.parametrize(
    ("do", "message"),
    [
        (lambda context: context.set_timer(datetime(2024, 1, 1)), "naive"),  # noqa: DTZ001
        (lambda context: context.set_timer(10**18), "years 1 to 9999"),
        (lambda context: context.set_timer("10s"), "not str"),
        (lambda context: context.set_clock_timer(0), "longer than 0"),
        (lambda context: context.set_clock_timer("soon"), "no duration"),
    ],
)
def test_wrong_times_say_so(do: Callable[[Any], None], message: str) -> None:
    stream = Stream.read(["a"]).event_time(lambda _: 0).key_by(str)
    with pytest.raises(Fatal, match=message):
        stream.process(Doing(lambda item, context: do(context))).write([]).run()


# -------------------------------------------------------------------------------------------------- the clock


@restarts
def test_clock_timers_fire_though_nothing_comes(restarts: bool) -> None:
    words = Input[str]()
    with Harness(by_word(words).process(Silent(by_clock=True)), interleave_restarts=restarts) as h:
        h.send(words, "a")
        h.advance("6s")
        h.send(words, "b")
        h.advance("3s")
        assert h.take() == []
        h.advance("1s")
        assert h.take() == [("a", "", "clock", 1)]
        h.advance("1d")
        assert h.take() == [("b", "", "clock", 1)]
        assert kept(h) == {"keys": 0, "timers": 0}


def test_a_clock_timer_can_set_itself_again() -> None:
    def timer(timer: Timer, context: Context[str, int]) -> list[int]:
        context.state += 1
        context.set_clock_timer("1s")
        return [context.state]

    words = Input[str]()
    stream = by_word(words).process(Doing(lambda item, context: context.set_clock_timer("1s"), timer))
    with Harness(stream, interleave_restarts=True) as h:
        h.send(words, "a")
        h.advance("3500ms")
        assert h.take() == [1, 2, 3]
        h.end()
        assert h.take() == [4]


def test_results_of_clock_timers_have_the_time_of_the_watermark() -> None:
    words = Input[str](watermarks="manual")
    seen = list[tuple[int, int, int]]()

    def timer(timer: Timer, context: Context[str, int]) -> list[str]:
        seen.append((timer.at, context.time, context.watermark))
        return ["timer"]

    stream = by_word(words).process(Doing(lambda item, context: context.set_clock_timer("5s"), timer))
    wall = 1_700_000_000 * SECOND
    with Harness(stream.window(Tumbling("10s")).aggregate(agg.count())) as h:
        h.send(words, "a", at=30 * SECOND)
        h.advance("5s")
        h.watermark(words, 41 * SECOND)
        h.send(words, "a", at=45 * SECOND)
        h.advance("5s")
        h.send(words, "a", at=45 * SECOND)
        h.end()
        assert seen == [
            (wall + 5 * SECOND, wall + 5 * SECOND, -(2**63)),  # event time had not begun
            (wall + 10 * SECOND, 41 * SECOND, 41 * SECOND),
            (wall + 10 * SECOND, 41 * SECOND, 41 * SECOND),  # at the end
        ]
        assert [(int(each.window.start.timestamp()), each.value) for each in h.output] == [(40, 2), (1_700_000_000, 1)]


def test_without_event_time_items_have_the_time_of_the_wall_clock() -> None:
    found = list[tuple[int, int]]()

    def item(word: str, context: Context[str, int]) -> None:
        found.append((context.time, context.watermark))

    with Harness(by_word(["a"]).process(item, state=int)):
        pass
    assert found == [(1_700_000_000 * SECOND, -(2**63))]


def test_processing_time_lets_timers_of_event_time_fire_by_the_clock() -> None:
    words = Input[str]()
    stream = Stream.read(words).processing_time().key_by(lambda word: word)
    with Harness(stream.process(Silent())) as h:
        h.send(words, "a")
        h.advance("9s")
        assert h.take() == []
        h.advance("1s")
        assert h.take() == [("a", "", "event_time", 1)]


# -------------------------------------------------------------------------------------------------- end and stop


@restarts
def test_at_the_end_all_timers_fire_once_event_time_first(restarts: bool) -> None:
    def item(word: str, context: Context[str, int]) -> None:
        context.set_clock_timer("2s", "slow")
        context.set_clock_timer("1s", "fast")
        context.set_timer(50, "later")
        context.set_timer(40, "sooner")
        context.set_timer(50, "last")

    words = Input[str](watermarks="manual")
    with Harness(by_word(words).process(Doing(item)), interleave_restarts=restarts) as h:
        h.send(words, "a", at=0)
        h.end()
        assert [timer.name for timer in h.output] == ["sooner", "later", "last", "fast", "slow"]


def test_timers_set_while_the_input_ends_fire_once_for_each_name() -> None:
    def timer(timer: Timer, context: Context[str, int]) -> list[str]:
        context.set_timer(timer.at + 1, timer.name)
        if timer.name == "first":
            context.set_timer(timer.at + 100, "second")
            context.set_clock_timer("1h", "third")
        return [timer.name]

    words = Input[str]()
    stream = by_word(words).process(Doing(lambda item, context: context.set_timer(10, "first"), timer))
    with Harness(stream) as h:
        h.send(words, "a", at=0)
        h.end()
        assert h.output == ["first", "second", "third"]


def test_new_names_without_end_at_the_end_are_an_error() -> None:
    def timer(timer: Timer, context: Context[str, int]) -> None:
        context.set_timer(timer.at + 1, timer.name + "x")

    stream = Stream.read(["a"]).event_time(lambda _: 0).key_by(str)
    with pytest.raises(Fatal, match="timers in a row"):
        stream.process(Doing(lambda item, context: context.set_timer(9), timer)).write([]).run()


@pytest.mark.anyio
@pytest.mark.parametrize("by_clock", [False, True])
async def test_a_stop_fires_nothing(by_clock: bool) -> None:
    came, out, stop = anyio.Event(), list[Any](), anyio.Event()

    async def source() -> Any:
        yield "a"
        came.set()
        await anyio.sleep_forever()

    stream = Stream.read(source()).event_time(lambda _: 0).tee(seen := list[str]()).key_by(str)
    flow = stream.process(Silent(by_clock)).write(out)
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: flow.arun(RunConfig(), stop=stop))
        await came.wait()
        while not seen:
            await anyio.lowlevel.checkpoint()
        stop.set()
    assert (seen, out) == (["a"], [])


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


def counted(word: str, context: Context[str, int]) -> list[tuple[str, int]]:
    context.state += 1
    return [(context.key, context.state)]


@restarts
def test_a_state_untouched_by_event_time_is_forgotten(restarts: bool) -> None:
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
def test_a_state_untouched_on_the_clock_is_forgotten(restarts: bool) -> None:
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


def sizes(stream: Any, count: int, restarts: bool = False) -> Iterator[dict[str, Any]]:
    with Harness(stream(numbers := Input[int]()), interleave_restarts=restarts) as h:
        for start in range(0, count, 100_000):
            part = range(start, min(start + 100_000, count))
            h.send_many(numbers, part, at=part)
        yield kept(h)
        h.send(numbers, count, at=count + 10_000_000)
        h.send(numbers, count + 1, at=count + 10_000_000)
        yield kept(h)


def test_a_million_keys_that_are_done_leave_nothing() -> None:
    def stream(source: Input[int]) -> Any:
        return Stream.read(source).key_by(lambda n: n).process(done_at_once, state=int)

    assert list(sizes(stream, 1_000_000)) == [{"keys": 0, "timers": 0}] * 2


@pytest.mark.parametrize(("count", "restarts"), [(200_000, False), (1_000, True)])
def test_keys_that_are_forgotten_leave_nothing(count: int, restarts: bool) -> None:
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
        assert sum(map(len, timers._heaps.values())) < 100
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
