"""Dead letters that are tried again."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from doubles import Event, Partitions, at, key, micros, shown

from rivusio_core import pipe
from rivusio_core.errors import BadRecord, CheckpointWriteError, DefinitionError, Fatal
from rivusio_streams import Flow, JsonLines, ListSink, RunConfig, Stream, Tumbling, agg, current_run
from rivusio_streams.letters.replay import Replay, of_fingerprint

broken = {"at": ""}


@dataclass(frozen=True)
class Order:
    id: int
    tags: tuple[str, ...] = ()


@pytest.fixture(autouse=True)
def _broken() -> None:
    broken["at"] = ""


def failing(name: str, on: Callable[[Any], bool] = lambda item: True) -> Callable[[Any], Any]:
    def step(item: Any) -> Any:
        if broken["at"] == name and on(item):
            raise BadRecord(f"refused by {name}")
        return item

    step.__name__ = name
    return step


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def run(flow: Flow, letters: Path, at: str, **settings: Any) -> None:
    broken["at"] = at
    flow.run(RunConfig(dead_letters=letters, **settings))
    broken["at"] = ""


@pytest.mark.parametrize("step", ["one", "two", "three"])
def test_an_item_enters_at_the_step_that_failed_and_nowhere_else(tmp_path: Path, step: str) -> None:
    seen, out, letters = list[str](), list[int](), tmp_path / "letters.jsonl"

    def noting(name: str) -> Callable[[int], int]:
        check = failing(name, lambda item: item % 2 == 0)

        def noted(item: int) -> int:
            seen.append(name)
            return int(check(item))

        noted.__name__ = name
        return noted

    flow = Stream.read(range(4)).map(noting("one")).map(noting("two")).map(noting("three")).write(out)
    run(flow, letters, step)
    assert out == [1, 3]
    seen.clear()
    told = Replay(flow, letters, RunConfig()).run()
    assert sorted(out) == [0, 1, 2, 3]
    assert set(seen) == {"one", "two", "three"} - set(["one", "two", "three"][: ["one", "two", "three"].index(step)])
    assert (told.passed, told.failed) == ({step: 2}, {})
    assert letters.read_bytes() == b""


def test_items_come_back_as_they_were(tmp_path: Path) -> None:
    out, letters = list[Any](), tmp_path / "letters.jsonl"
    orders = [Order(1, ("a", "b")), Order(2)]
    flow = Stream.read(orders).map(failing("check")).write(out)
    run(flow, letters, "check")
    assert letters.stat().st_mode & 0o777 == 0o600
    Replay(flow, letters, RunConfig()).run()
    assert out == orders


def test_an_edited_value_is_meant(tmp_path: Path) -> None:
    out, letters = list[Any](), tmp_path / "letters.jsonl"
    flow = Stream.read([Order(1, ("a",))]).map(failing("check")).write(out)
    run(flow, letters, "check")
    letters.write_text(letters.read_text().replace('"id":1', '"id":7'))
    Replay(flow, letters, RunConfig()).run()
    assert out == [Order(7, ("a",))]


def test_what_fails_again_stays_once_with_its_attempts_counted(tmp_path: Path) -> None:
    out, letters = list[int](), tmp_path / "letters.jsonl"
    flow = Stream.read([1, 2, 3]).map(failing("check")).write(out)
    run(flow, letters, "check")
    before = lines(letters)
    for times in (2, 3):
        broken["at"] = "check"
        told = Replay(flow, letters, RunConfig()).run()
        after = lines(letters)
        assert [each["attempts"] for each in after] == [times] * 3
        assert (told.failed, told.passed) == ({"check": 3}, {})
    for field in ("value", "step", "source", "partition", "position", "first", "fingerprint", "type", "kept"):
        assert [each[field] for each in after] == [each[field] for each in before], field
    assert all(a["at"] > b["at"] for a, b in zip(after, before, strict=True))


def test_some_pass_and_some_stay(tmp_path: Path) -> None:
    out, letters = list[int](), tmp_path / "letters.jsonl"
    flow = Stream.read(range(6)).map(failing("check", lambda n: n >= limit[0])).write(out)
    limit = [0]
    run(flow, letters, "check")
    limit[0] = 4
    broken["at"] = "check"
    told = Replay(flow, letters, RunConfig()).run()
    assert out == [0, 1, 2, 3]
    assert [each["value"] for each in lines(letters)] == [4, 5]
    assert (told.passed, told.failed) == ({"check": 4}, {"check": 2})


def test_what_fails_further_on_stays_as_a_letter_of_that_step(tmp_path: Path) -> None:
    out, letters = list[int](), tmp_path / "letters.jsonl"
    flow = Stream.read([1]).map(failing("one")).map(lambda n: n * 10, name="ten").map(failing("two")).write(out)
    run(flow, letters, "one")
    broken["at"] = "two"
    Replay(flow, letters, RunConfig()).run()
    [letter] = lines(letters)
    assert (letter["step"], letter["value"], letter["attempts"], letter["position"]) == ("two", 10, 2, 0)


def test_only_those_with_a_fingerprint(tmp_path: Path) -> None:
    out, letters = list[int](), tmp_path / "letters.jsonl"
    flow = Stream.read([1]).map(failing("one")).map(failing("two")).write(out)
    run(flow, letters, "one")
    run(flow, letters, "two")
    [first, second] = lines(letters)
    Replay(flow, letters, RunConfig(), wanted=of_fingerprint(second["fingerprint"])).run()
    assert lines(letters) == [first]


def test_a_dry_run_says_what_would_be_done(tmp_path: Path) -> None:
    out, letters = list[int](), tmp_path / "letters.jsonl"
    flow = Stream.read([1, 2]).map(failing("one")).write(out)
    run(flow, letters, "one")
    with letters.open("a") as file:
        file.write('half a li\n{"step": "gone", "value": 1}\n')
    before = letters.read_bytes()
    told = Replay(flow, letters, RunConfig()).look()
    assert told.passed == {"one": 2}
    assert sum(told.refused.values()) == 2
    assert "would enter at 'one'" in str(told)
    assert "the flow has no such step; it has one, list" in str(told)
    assert (out, letters.read_bytes()) == ([], before)


def test_lines_that_are_no_letters_stay(tmp_path: Path) -> None:
    out, letters = list[int](), tmp_path / "letters.jsonl"
    flow = Stream.read([1]).map(failing("one")).write(out)
    letters.write_bytes(b"\xff half a li")
    run(flow, letters, "one")
    Replay(flow, letters, RunConfig()).run()
    assert out == [1]
    assert letters.read_bytes() == b"\xff half a li\n"


def test_a_run_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    letters = tmp_path / "letters.jsonl"

    def fatal(n: int) -> int:
        if broken["at"] == "fatal":
            raise Fatal("no further")
        return n

    flow = Stream.read([1, 2]).map(failing("one")).map(fatal).write([])
    run(flow, letters, "one")
    before = letters.read_bytes()
    broken["at"] = "fatal"
    with pytest.raises(Fatal):
        Replay(flow, letters, RunConfig()).run()
    assert letters.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir() if each.suffix == ".tmp"] == []


def test_with_the_checkpoint_a_letter_is_an_ordinary_item(tmp_path: Path) -> None:
    """It gets into the window that is open, and positions and windows stay as they are."""
    letters, place, out = tmp_path / "letters.jsonl", str(tmp_path / "state.db"), list[Any]()
    source = Lists([Event(1), Event(2, value=2), Event(3), Event(12)])
    run(tumbling(source, out, stops=3), letters, "check", checkpoint=place, name="windows")
    assert out == []  # the window is open
    flow = tumbling(source, out)
    told = Replay(flow, letters, RunConfig(checkpoint=place, name="windows")).run()
    assert told.passed == {"check": 1}
    assert out == []  # and still is
    flow.run(RunConfig(checkpoint=place, name="windows"))
    assert shown(out) == [("a", 0.0, 3), ("a", 10.0, 1)]


def test_a_letter_whose_window_is_closed_is_late_and_stays(tmp_path: Path) -> None:
    letters, place, out = tmp_path / "letters.jsonl", str(tmp_path / "state.db"), list[Any]()
    source = Lists([Event(1), Event(2, value=2), Event(13), Event(14)])
    run(tumbling(source, out, stops=13), letters, "check", checkpoint=place, name="windows")
    assert shown(out) == [("a", 0.0, 1)]
    before = letters.read_bytes()
    told = Replay(tumbling(source, out), letters, RunConfig(checkpoint=place, name="windows")).run()
    assert (told.late, told.passed) == ({"check": 1}, {})
    assert letters.read_bytes() == before
    assert shown(out) == [("a", 0.0, 1)]


def test_without_the_checkpoint_state_is_not_begun_anew_unasked(tmp_path: Path) -> None:
    letters, out = tmp_path / "letters.jsonl", list[Any]()
    flow = tumbling(Lists([Event(1), Event(2, value=2), Event(3)]), out)
    run(flow, letters, "check")
    assert shown(out) == [("a", 0.0, 2)]
    with pytest.raises(DefinitionError, match=r"'aggregate' keeps state, and this run has no checkpoint"):
        Replay(flow, letters, RunConfig()).run()
    out.clear()
    Replay(flow, letters, RunConfig(), alone=True).run()
    assert shown(out) == [("a", 0.0, 1)]


def test_letters_of_the_keyed_step_itself_have_their_key(tmp_path: Path) -> None:
    letters, out = tmp_path / "letters.jsonl", list[Any]()

    def amount(event: Event) -> int:
        if broken["at"] == "amount" and event.key == "b":
            raise BadRecord("no")
        return event.value

    stream = Stream.read([Event(1), Event(2, "b"), Event(3)]).event_time(micros).key_by(key)
    flow = stream.window(Tumbling("10s")).aggregate(agg.total(amount)).write(out)
    run(flow, letters, "amount")
    out.clear()
    assert [(each["key"], each["time"]) for each in lines(letters)] == [("b", at(2).isoformat().replace("+00:00", "Z"))]
    Replay(flow, letters, RunConfig(), alone=True).run()
    assert shown(out) == [("b", 0.0, 1)]


def test_a_flow_that_is_running_refuses(tmp_path: Path) -> None:
    letters, place, out = tmp_path / "letters.jsonl", str(tmp_path / "state.db"), list[Any]()
    flow = Stream.read(range(3)).map(failing("one")).write(out)
    run(flow, letters, "one")
    errors = list[str]()

    def refused() -> str:
        with pytest.raises(CheckpointWriteError) as caught:
            Replay(flow, letters, RunConfig(checkpoint=place, name="mine")).run()
        return str(caught.value)

    def refused_elsewhere() -> str:
        found = list[str]()
        thread = threading.Thread(target=lambda: found.append(refused()))
        thread.start()
        thread.join()
        return found[0]

    def refused_meanwhile(number: int) -> int:
        errors.append(refused_elsewhere())
        return number

    again = Stream.read(range(1)).map(refused_meanwhile).write([]).named("mine")
    again.run(RunConfig(checkpoint=place, name="mine"))
    assert len(errors) == 1
    assert len(lines(letters)) == 3


def test_letters_that_come_meanwhile_are_not_lost(tmp_path: Path) -> None:
    letters, out = tmp_path / "letters.jsonl", list[Any]()
    flow = Stream.read([1]).map(failing("one")).write(out)
    run(flow, letters, "one")
    late = Stream.read([2]).map(failing("two")).write([])

    def adding(n: int) -> int:
        thread = threading.Thread(target=lambda: run(late, letters, "two"))
        thread.start()
        thread.join()
        return n

    meanwhile = Stream.read([1]).map(failing("one")).map(adding).write(out)
    Replay(meanwhile, letters, RunConfig()).run()
    assert [each["step"] for each in lines(letters)] == ["two"]


def test_what_was_written_before_the_failing_step_is_not_written_again(tmp_path: Path) -> None:
    letters, beside, out = tmp_path / "letters.jsonl", list[int](), list[int]()
    flow = Stream.read([1]).map(failing("one")).tee(beside).map(failing("two")).write(out)
    run(flow, letters, "two")
    assert (beside, out) == ([1], [])
    Replay(flow, letters, RunConfig()).run()
    assert (beside, out) == ([1], [1])


@pipe(concurrency=4, ordered=False, on_error="dead_letter")
async def wild(event: Event) -> Event:
    return failing("wild")(event)  # type: ignore[no-any-return]


def test_behind_concurrent_steps_letters_are_put_back_in_order(tmp_path: Path) -> None:
    letters, out = tmp_path / "letters.jsonl", list[Any]()
    stream = Stream.read([Event(time) for time in range(8)]).event_time(micros).through(wild)
    flow = stream.window(Tumbling("4s")).aggregate(agg.collect()).write(out)
    run(flow, letters, "wild")
    assert out == []
    told = Replay(flow, letters, RunConfig(), alone=True).run()
    assert told.passed == {"wild": 8}
    assert [[event.time for event in each.value] for each in out] == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_letters_of_a_join_keep_their_side(tmp_path: Path) -> None:
    letters, out = tmp_path / "letters.jsonl", list[Any]()
    left = Stream.read([Event(1, "a", 1), Event(2, "b", 2)]).event_time(micros).map(failing("left")).key_by(key)
    right = Stream.read([Event(1, "a", 10), Event(2, "b", 20)]).event_time(micros).map(failing("right")).key_by(key)
    flow = left.join(right, window=Tumbling("10s")).write(out)
    run(flow, letters, "left")
    run(flow, letters, "right")
    out.clear()
    told = Replay(flow, letters, RunConfig(), alone=True).run()
    assert told.passed == {"left": 2, "right": 2}
    assert sorted((each.left.value, each.right.value) for each in out) == [(1, 10), (2, 20)]


def test_bad_lines_of_a_source_stay(tmp_path: Path) -> None:
    given, letters, out = tmp_path / "in.jsonl", tmp_path / "letters.jsonl", list[int]()
    given.write_bytes(b"1\n\xff\xfe\n3\n")
    flow = Stream.read(JsonLines(given, int, on_error="dead_letter")).write(out)
    run(flow, letters, "")
    told = Replay(flow, letters, RunConfig()).run()
    assert [*told.refused] == [
        "in.jsonl: a source could not read the record: put it right where it is, and have it read again"
    ]
    assert len(lines(letters)) == 1


class Lists(Partitions[Event]):
    """A source that can be read again from a position."""

    replay = "seekable"

    def __init__(self, events: list[Event]) -> None:
        super().__init__([events], lot=1)

    async def open_partition(self, partition: str, position: Any) -> Any:
        opened = await super().open_partition(partition, position)
        opened.next = position or 0  # type: ignore[attr-defined]
        return opened


def tumbling(source: Lists, out: list[Any], stops: float | None = None) -> Flow:
    def stopping(event: Event) -> Event:
        if event.time == stops:
            current_run().stop()
        return event

    stream = Stream.read(source, name="events").event_time(micros).map(stopping)
    checked = stream.map(failing("check", lambda event: event.value == 2))
    return checked.key_by(key).window(Tumbling("10s")).aggregate(agg.count()).write(out)


@pytest.mark.parametrize("way", ["write", "tee"])
def test_what_a_sink_refused_is_replayed_at_the_sink_alone(tmp_path: Path, way: str) -> None:
    class Picky(ListSink[int]):
        def __init__(self) -> None:
            super().__init__([])

        async def write(self, batch: Sequence[int]) -> None:
            if broken["at"] and 2 in batch:
                raise ValueError(2)
            await super().write(batch)

    sink, rest, letters = Picky(), list[int](), tmp_path / "letters.jsonl"
    stream = Stream.read(range(5))
    flow = (
        stream.write(sink, name="picky", on_error="dead_letter")
        if way == "write"
        else stream.tee(sink, name="picky", on_error="dead_letter").write(rest)
    )
    run(flow, letters, "picky")
    assert sink.items == [0, 1, 3, 4]
    told = Replay(flow, letters, RunConfig()).run()
    assert sink.items == [0, 1, 3, 4, 2]
    assert rest == ([] if way == "write" else [0, 1, 2, 3, 4])
    assert (told.passed, told.failed, letters.read_bytes()) == ({"picky": 1}, {}, b"")
