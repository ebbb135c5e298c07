"""Items that failed for good."""

from __future__ import annotations

from typing import Any

import pytest
from doubles import Event, Partitions, Recorder, at, key, micros

from rivusio_core import pipe
from rivusio_core.errors import BadRecord, DefinitionError, PipeError
from rivusio_streams import Cause, Envelope, JsonLines, RunConfig, Stream, Tumbling, agg

pytestmark = pytest.mark.anyio


@pipe(on_error="dead_letter", retry=2)
def positive(event: Event) -> Event:
    if event.value < 0:
        raise ValueError("negative: a secret")
    return event


EVENTS = [Event(1), Event(2, value=-1), Event(3)]


async def test_an_envelope_says_all_that_is_known() -> None:
    letters: list[Envelope] = []
    out: list[Event] = []
    source = Partitions([[Event(0)], EVENTS])
    stream = Stream.read(source, name="events").event_time(micros).through(positive)
    report = await stream.write(out).arun(RunConfig(dead_letters=letters))
    [letter] = letters
    assert letter == Envelope(
        value=Event(2, value=-1),
        step="positive",
        reason="ValueError at test_dead_letters.py:20 in positive",
        errors=("RetriesExhausted", "ValueError"),
        attempts=2,
        source="events",
        partition="1",
        position=1,
        time=at(2),
        key=None,
        trace=(Cause("RetriesExhausted"), Cause("ValueError", "test_dead_letters.py:20 in positive")),
        fingerprint=letter.fingerprint,
        run="flow",
        run_id=report.id,
        at=letter.at,
        first=letter.at,
    )
    assert letter.at is not None
    assert len(letter.fingerprint) == 8
    assert "secret" not in letters[0].reason
    assert (report.steps["positive"].dead, report.steps["dead letters"].passed) == (1, 1)
    assert source.acknowledged == {"0": 1, "1": 3}


async def test_the_key_is_known_behind_key_by() -> None:
    def amount(event: Event) -> int:
        if event.value < 0:
            raise BadRecord("negative")
        return event.value

    letters: list[Envelope] = []
    stream = Stream.read(EVENTS).event_time(micros).key_by(key).window(Tumbling("1m"))
    await stream.aggregate(agg.total(amount)).write([]).arun(RunConfig(dead_letters=letters))
    assert [(each.step, each.key, each.time) for each in letters] == [("aggregate", "a", at(2))]


async def test_results_of_a_window_have_its_step_as_their_source() -> None:
    letters: list[Envelope] = []

    def refuse(result: object) -> object:
        raise BadRecord("no")

    stream = Stream.read(EVENTS).event_time(micros).window(Tumbling("2s")).aggregate(agg.count()).map(refuse)
    await stream.write([]).arun(RunConfig(dead_letters=letters))
    assert [(each.source, each.position, each.time) for each in letters] == [
        ("aggregate", 0, at(1.999999)),
        ("aggregate", 1, at(3.999999)),
    ]


async def test_a_place_is_needed_before_the_start() -> None:
    sink = Recorder()
    flow = Stream.read(EVENTS).through(positive).write(sink)
    with pytest.raises(DefinitionError, match=r"positive: .*RunConfig\(dead_letters=\.\.\.\)"):
        await flow.arun()
    assert sink.log == []
    assert flow.check().dead_letters == ("positive",)
    assert flow.check().ok
    assert not flow.check(RunConfig()).ok


async def test_dead_letters_are_made_durable_before_sources_are_told() -> None:
    source, dead = Partitions([EVENTS]), Recorder()
    await Stream.read(source).through(positive).write([]).arun(RunConfig(dead_letters=dead))
    assert dead.log == ["open", "write", "flush", "close"]


async def test_without_a_place_a_bad_record_is_skipped() -> None:
    def refuse(number: int) -> int:
        raise BadRecord("no")

    report = await Stream.read([1, 2]).map(refuse).write([]).arun()
    assert report.steps["refuse"].skipped == 2


async def test_dead_letters_of_several_workers_at_once(tmp_path: Any) -> None:
    async def refuse(number: int) -> int:
        raise PipeError("no")

    path = tmp_path / "dead.jsonl"
    stream = Stream.read(range(100)).map(refuse, concurrency=8, on_error="dead_letter")
    report = await stream.write([]).arun(RunConfig(dead_letters=JsonLines(path)))
    assert report.steps["refuse"].dead == 100
    assert len(path.read_text().splitlines()) == 100
