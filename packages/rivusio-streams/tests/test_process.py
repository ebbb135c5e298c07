"""Processors and their timers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import anyio
import pytest
from processors import SECOND, Doing, Silent, by_word, kept

from rivusio_core.errors import Fatal
from rivusio_streams import Context, RunConfig, Stream, Timer, Tumbling, agg
from rivusio_streams.testing import Harness, Input

restarts = pytest.mark.parametrize("restarts", [0, 1, 3])


# ------------------------------------------------------------------------------------------------- event time


@restarts
def test_a_timer_fires_at_the_first_watermark_that_reaches_it(restarts: int) -> None:
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
def test_clock_timers_fire_though_nothing_comes(restarts: int) -> None:
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
def test_at_the_end_all_timers_fire_once_event_time_first(restarts: int) -> None:
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
