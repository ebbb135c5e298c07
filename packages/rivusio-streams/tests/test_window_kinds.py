"""Session, sliding, count and global windows: what the oracle does not show."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from rivusio_core import BadRecord
from rivusio_core.errors import ConfigError
from rivusio_streams import (
    Aggregator,
    Count,
    EarlyCount,
    EarlyEvery,
    Global,
    Session,
    Sliding,
    Stream,
    Trigger,
    Tumbling,
    Windows,
    Yearly,
    agg,
)
from rivusio_streams.testing import Harness, Input

SECOND = 1_000_000


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Session("0s"), "Session: gap: must be longer than 0"),
        (lambda: Session("soon"), "gap"),
        (lambda: Sliding(-1), "Sliding: size: must be longer than 0"),
        (lambda: Count(0), "Count: n: must be a whole number of 1 or more, not 0"),
        (lambda: Count(2, every=0), "every: must be a whole number"),
        (lambda: Count(1.5), "not 1.5"),  # type: ignore[arg-type]  # wrong on purpose
        (lambda: EarlyCount(0), "EarlyCount: n: must be 1 or more"),
        (lambda: EarlyEvery(0), "EarlyEvery: period: must be longer than 0"),
        (lambda: EarlyEvery(1, by="days"), "by: is 'event_time' or 'clock', not 'days'"),  # type: ignore[arg-type]
    ],
)
def test_wrong_windows_and_triggers_name_the_field(make: Any, told: str) -> None:
    with pytest.raises(ConfigError) as raised:
        make()
    assert told in str(raised.value).replace("\n  ", ": ")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"windows": Count(3), "allowed_lateness": "1s"}, "nothing is late for Count(3)"),
        ({"windows": Global(), "allowed_lateness": "1s"}, "nothing is late for Global()"),
        ({"windows": Count(3), "trigger": EarlyCount(1)}, "Count(3) gives results when it is full"),
        ({"windows": Tumbling("1s"), "trigger": 3}, "takes a trigger such as EarlyCount(100), not 3"),
        ({"windows": "1s"}, "takes windows such as Tumbling('1m')"),
        ({"windows": Tumbling("1s"), "allowed_lateness": "-1s"}, "must not be negative"),
    ],
)
def test_what_does_not_go_together_is_refused_when_built(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError) as raised:
        Stream.read([1]).window(**settings)
    assert told in str(raised.value)


class Unmergeable(Aggregator[object, int, int]):
    ordered = False
    mergeable = False

    def create(self) -> int:
        return 0

    def add(self, accumulator: int, value: object) -> int:
        return accumulator + 1

    def merge(self, left: int, right: int) -> int:
        raise NotImplementedError

    def result(self, accumulator: int) -> int:
        return accumulator


def test_sessions_need_aggregators_that_can_merge() -> None:
    assert Stream.read([1]).window(Tumbling("1s")).aggregate(Unmergeable())
    with pytest.raises(ConfigError, match="cannot make two windows one"):
        Stream.read([1]).window(Session("1s")).aggregate(Unmergeable())


@pytest.mark.parametrize("restarts", [0, 1, 3])
def test_a_fold_without_merge_sees_the_items_of_merged_sessions_in_order(restarts: int) -> None:
    numbers = Input[int]("numbers")
    timed = Stream.read(numbers).event_time(lambda n: n * SECOND, out_of_order="1m")
    folded = timed.window(Session("5s")).fold("", lambda text, n: f"{text}{n}")
    with Harness(folded, interleave_restarts=restarts) as h:
        for number in (9, 1, 5):
            h.send(numbers, number)
        h.end()
        assert [each.value for each in h.output] == ["159"]


def test_counts_and_global_windows_need_no_event_time() -> None:
    words = Input[str]("words")
    pairs = Stream.read(words).key_by(len).window(Count(2)).collect()
    with Harness(pairs, now=5 * SECOND) as h:
        h.send(words, "a")
        h.send(words, "bb")
        h.advance("1s")
        h.send(words, "c")
        [pair] = h.take()
        assert (pair.key, pair.value) == (1, ["a", "c"])
        assert pair.window.start == datetime(1970, 1, 1, 0, 0, 5, tzinfo=UTC)
        assert pair.window.end == datetime(1970, 1, 1, 0, 0, 6, 1, tzinfo=UTC)
        h.end()
        assert h.take() == []
        assert h.ledger.steps["collect"].filtered == 1
    with Harness(Stream.read(words).window(Global()).aggregate(agg.count())) as h:
        h.send(words, "a")
        h.send(words, "b")
        assert h.take() == []
        h.end()
        assert [(each.value, each.window.start.year, each.window.end.year) for each in h.take()] == [(2, 1, 9999)]


class Digits(Aggregator[str, int, int]):
    ordered = False

    def create(self) -> int:
        return 0

    def add(self, accumulator: int, value: str) -> int:
        if not value.isdigit():
            raise BadRecord("no number")
        return accumulator + int(value)

    def merge(self, left: int, right: int) -> int:
        return left + right

    def result(self, accumulator: int) -> int:
        return accumulator


@pytest.mark.parametrize(
    ("windows", "results"),
    [(Session("5s"), [7]), (Sliding("5s"), [1, 3, 7]), (Count(3), [7]), (Global(), [7]), (Tumbling("10s"), [7])],
)
def test_an_item_that_the_aggregator_refuses_leaves_no_trace(windows: Windows, results: list[int]) -> None:
    words = Input[str]("words")
    stream = Stream.read(words).event_time(out_of_order="1m").window(windows).aggregate(Digits())
    with Harness(stream) as h:
        for second, word in enumerate(["x", "1", "x", "2", "x", "4", "x"]):
            h.send(words, word, at=second * SECOND // 2)
        h.end()
        assert [each.value for each in h.output] == results
        assert len(h.dead_letters) == 4


def test_an_item_that_would_have_joined_two_sessions_and_is_refused_does_not_join_them() -> None:
    words = Input[str]("words")
    stream = Stream.read(words).event_time(out_of_order="1m").window(Session("5s")).aggregate(Digits())
    with Harness(stream) as h:
        for second, word in ((0, "1"), (8, "2"), (4, "x")):
            h.send(words, word, at=second * SECOND)
        h.end()
        assert [each.value for each in h.output] == [1, 2]


class Never(Trigger[object, int]):
    """Fires at the third item ever, whatever panes were given."""

    def create(self) -> int:
        return 0

    def on_item(self, state: int, item: object, time: int) -> tuple[int, bool]:
        return state + 1, state + 1 == 3

    def merge(self, left: int, right: int) -> int:
        return left + right


@pytest.mark.parametrize("restarts", [0, 1, 3])
def test_own_triggers_are_merged_with_their_sessions(restarts: int) -> None:
    numbers = Input[int]("numbers")
    timed = Stream.read(numbers).event_time(lambda n: n * SECOND, out_of_order="1m")
    with Harness(timed.window(Session("5s"), trigger=Never()).collect(), interleave_restarts=restarts) as h:
        h.send(numbers, 1)
        h.send(numbers, 9)
        assert h.take() == []
        h.send(numbers, 5)
        assert [(each.value, each.pane.timing) for each in h.take()] == [([1, 5, 9], "early")]
        h.end()
        assert [each.pane.index for each in h.take()] == [1]


def test_windows_at_the_edges_of_time_are_cut_off_there() -> None:
    numbers = Input[int]("numbers")
    stream = Stream.read(numbers).event_time(lambda year: datetime(year, 6, 1, tzinfo=UTC)).window(Yearly()).collect()
    with Harness(stream) as h:
        h.send(numbers, 1)
        h.send(numbers, 9999)
        h.end()
        assert [(each.window.start.year, each.window.end.year) for each in h.output] == [(1, 2), (9999, 9999)]


@pytest.mark.parametrize("windows", [Tumbling("10s"), Session("10s"), Sliding("10s"), Count(1)])
@pytest.mark.parametrize("lateness", ["0s", "5s"])
def test_keys_that_are_over_leave_nothing_behind(windows: Windows, lateness: str) -> None:
    numbers = Input[int]("numbers")
    allowed = "0s" if isinstance(windows, Count) else lateness
    keyed = Stream.read(numbers).event_time(lambda n: n * SECOND).key_by(lambda n: n)
    with Harness(keyed.window(windows, allowed_lateness=allowed).aggregate(agg.count())) as h:
        h.send_many(numbers, range(5_000))
        h.send(numbers, 90_000)
        assert len(h.take()) >= 5_000
        [state] = [step.state for step in h.explain().steps if step.name == "aggregate"]
        assert state["keys"] in (0, 1)


def test_a_window_behind_a_global_one_gives_one_result() -> None:
    words = Input[str]("words")
    early = Stream.read(words).window(Global(), trigger=EarlyCount(1)).aggregate(agg.count())
    with Harness(early.window(Tumbling("10s")).aggregate(agg.count())) as h:
        h.send(words, "a", at=15 * SECOND)
        h.send(words, "b", at=100 * SECOND)
        h.end()
        assert [(each.window.start.second, each.value) for each in h.output] == [(10, 1), (40, 2)]


def test_a_trigger_by_event_time_needs_event_time() -> None:
    flow = Stream.read(["a"]).window(Global(), trigger=EarlyEvery("1s", by="event_time")).collect().write([])
    assert [each.message for each in flow.check().faults] == [
        "windows need to know when items happened; say .event_time(...) before"
    ]
