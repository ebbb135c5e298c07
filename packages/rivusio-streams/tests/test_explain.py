"""What runs and flows say of themselves."""

from __future__ import annotations

import json
import logging
import stat
from pathlib import Path
from typing import Any

import pytest

from rivusio_core.cli.main import main
from rivusio_core.run_record import RunRecord, read_record
from rivusio_streams import RunConfig, Stream, Tumbling, agg
from rivusio_streams.testing import Harness, Input

SECOND = 1_000_000


def totals(source: Any, **settings: Any) -> Any:
    timed = Stream.read(source).event_time(lambda n: n * SECOND, **settings)
    return timed.key_by(lambda n: n % 2).window(Tumbling("10s"), allowed_lateness="5s").aggregate(agg.count())


def test_why_a_window_is_still_open() -> None:
    numbers = Input[int]("numbers", partitions=2)
    with Harness(totals(numbers, out_of_order="2s")) as h:
        h.send(numbers, 5)
        h.send(numbers, 30)
        record = h.explain()
        assert record.findings == [
            "aggregate holds 2 items until the watermark is 1970-01-01T00:00:10+00:00",
            (
                "aggregate: numbers[1] has given nothing yet, and is waited for however long it is silent; "
                "event_time(idle_after=...) would change that"
            ),
        ]
        h.send(numbers, 7, partition=1)
        assert "numbers[1] stands at 1970-01-01T00:00:05+00:00 since 2023-11-14T22:13:20" in h.explain().findings[1]
        [partitions] = [step.partitions for step in h.explain().steps if step.name == "event_time"]
        assert [(each.partition, each.holds, each.idle) for each in partitions] == [
            ("numbers[0]", False, False),
            ("numbers[1]", True, False),
        ]


def test_who_is_idle_holds_nobody() -> None:
    numbers = Input[int]("numbers", partitions=2)
    with Harness(totals(numbers, idle_after="30s")) as h:
        h.send(numbers, 5)
        assert "until it has been silent for 30s" in h.explain().findings[1]
        h.advance("1m")
        assert h.explain().findings[-1] == (
            "aggregate: all partitions of event_time are idle: event time stands still until one gives something"
        )


def test_why_an_item_was_late_without_its_contents() -> None:
    numbers = Input[int]("numbers")
    with Harness(totals(numbers)) as h:
        h.send(numbers, 4711)
        for number in range(7):
            h.send(numbers, number)
        findings = h.explain().findings
        assert next(each for each in findings if "refused" in each) == (
            "aggregate refused item 3 of numbers[0] as late: its time 1970-01-01T00:00:02+00:00 lies 1h18m29s before "
            "the watermark 1970-01-01T01:18:31+00:00, which event time had reached when it came; more out_of_order "
            "(waits longer) or allowed_lateness (corrects later) would take it"
        )
        assert findings[-1] == "aggregate refused 2 items before these"


def test_what_is_held_and_how_old() -> None:
    numbers = Input[int]("numbers")
    with Harness(totals(numbers, out_of_order="1h")) as h:
        for number in (1, 2, 11, 12):
            h.send(numbers, number)
        [state] = [step.state for step in h.explain().steps if step.name == "aggregate"]
        assert state["held"] == 4
        assert state["open windows"] == 2
        assert state["next window ends"] == "1970-01-01T00:00:10+00:00"


def test_a_run_keeps_a_record_of_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "run.json"
    totals([1, 2, 30]).write([]).run(RunConfig(name="numbers", record=path))
    record = read_record(path)
    assert (record.name, record.state, record.findings) == ("numbers", "finished", [])
    assert [step.counts["taken"] for step in record.steps] == [3, 3, 3, 3, 3]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["run.json"]
    assert main(["explain", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "numbers (" in shown
    assert ") finished, as of " in shown
    assert "aggregate   3      3       3" in shown
    assert main(["explain", str(path), "--json"]) == 0
    assert RunRecord.model_validate(json.loads(capsys.readouterr().out)) == record


def test_the_record_of_a_failed_run_names_the_error_and_not_its_text(tmp_path: Path) -> None:
    path = tmp_path / "run.json"

    def fails(number: int) -> int:
        raise ValueError("secret 4711")

    with pytest.raises(Exception, match="fails"):
        Stream.read([1]).map(fails).write([]).run(RunConfig(record=path))
    assert read_record(path).state == "failed"
    assert read_record(path).error == "PipeError"
    assert "4711" not in path.read_text()


def test_a_record_that_cannot_be_written_is_reported_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    out = list[int]()
    with caplog.at_level(logging.ERROR, "rivusio"):
        Stream.read([1]).write(out).run(RunConfig(record=tmp_path / "none" / "run.json"))
    assert out == [1]
    assert len([each for each in caplog.records if "cannot be written" in each.message]) == 1


@pytest.mark.parametrize(("content", "told"), [(None, "--set record="), ("{}", "not the record of a run")])
def test_wrong_records_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, told: str
) -> None:
    path = tmp_path / "run.json"
    if content is not None:
        path.write_text(content)
    assert main(["explain", str(path)]) == 2
    shown = capsys.readouterr().err
    assert told in shown
    assert "run.json" in shown


def test_a_flow_says_what_it_keeps_and_waits_for() -> None:
    flow = totals([1], out_of_order="5s").write([])
    assert flow.explain().splitlines() == [
        "event_time: the watermark follows the latest time of each partition 5s behind",
        "event_time: a silent partition holds event time back for however long it is silent: idle_after is not set",
        (
            "aggregate: keeps something of each key, in Tumbling('10s'): Count() for each window that is open, "
            "and takes late items for 5s"
        ),
        "aggregate: waits for the watermark of event_time",
    ]
    assert Stream.read([1]).write([]).explain() == "no step keeps anything or judges by event time"
