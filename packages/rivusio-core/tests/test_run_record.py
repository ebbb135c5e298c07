"""The record of a run: written by an engine, shown by `rivusio explain`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rivusio_core import ConfigError
from rivusio_core.cli.main import main
from rivusio_core.run_record import PartitionRecord, RunRecord, StepRecord, read_record

RECORD = RunRecord(
    name="orders",
    id="4711",
    state="failed",
    began="2026-01-01T00:00:00Z",
    updated="2026-01-01T00:00:09Z",
    error="PipeError at 'parse'",
    steps=[
        StepRecord(name="parse", counts={"taken": 12, "failed": 1}),
        StepRecord(
            name="totals",
            counts={"taken": 11, "held": 3},
            state={"windows": 2, "oldest": "00:01", "late": 0, "timer": None},
            partitions=[
                PartitionRecord(partition="a", watermark="00:05", since="00:08", holds=True),
                PartitionRecord(partition="b", watermark="end"),
                PartitionRecord(partition="c", idle=True),
            ],
        ),
    ],
    findings=["event time stands at 00:05 because of a"],
)

SHOWN = """\
orders (4711) failed, as of 2026-01-01T00:00:09Z
ended by PipeError at 'parse'

step    taken  failed  held
parse   12     1       0
totals  11     0       3

event time at totals:
partition  watermark         since
a          00:05             00:08  holds the others back
b          end
c          nothing came yet         idle

totals keeps: windows 2, oldest 00:01

* event time stands at 00:05 because of a
"""


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    path = tmp_path / "run.json"
    path.write_text(RECORD.model_dump_json())
    return path


def test_explain_shows_what_was_recorded(kept: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["explain", str(kept)]) == 0
    assert capfdbinary.readouterr() == (SHOWN.encode(), b"")


def test_explain_in_json_gives_the_record_itself(kept: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["explain", str(kept), "--json"]) == 0
    out, err = capfdbinary.readouterr()
    assert (json.loads(out), err) == (json.loads(kept.read_bytes()), b"")


def test_a_run_that_has_only_begun_is_one_line() -> None:
    assert str(RunRecord(name="orders", id="1", state="running")) == "orders (1) is running"
    assert (
        str(RunRecord(name="orders", id="1", state="finished", steps=[StepRecord(name="a")])) == "orders (1) finished"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "No such file or directory; a run writes it when its setting `record` names it"),
        ("{", "is not the record of a run (1 faults)"),
        ("{}", "is not the record of a run (3 faults)"),
        ('{"kind": "s3cret", "name": "a", "id": "1", "state": "running"}', "is not the record of a run (1 faults)"),
    ],
)
def test_what_is_no_record_is_told_by_its_path(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], text: str | None, told: str
) -> None:
    path = tmp_path / "other.json"
    if text is not None:
        path.write_text(text)
    assert main(["explain", str(path)]) == 2
    out, err = capfdbinary.readouterr()
    assert out == b""
    assert f"{path}: {told}" in err.decode()
    assert b"s3cret" not in err
    with pytest.raises(ConfigError) as caught:
        read_record(path)
    assert [fault.path for fault in caught.value.faults] == [str(path)]


texts = st.text(max_size=5)
steps = st.builds(
    StepRecord,
    name=texts,
    counts=st.dictionaries(texts, st.integers(), max_size=3),
    state=st.dictionaries(texts, st.none() | st.integers() | texts, max_size=3),
    partitions=st.lists(st.builds(PartitionRecord, partition=texts, watermark=st.none() | texts), max_size=2),
)
records = st.builds(
    RunRecord,
    name=texts,
    id=texts,
    state=st.sampled_from(["running", "finished", "stopped", "failed"]),
    error=st.none() | texts,
    steps=st.lists(steps, max_size=3),
    findings=st.lists(texts, max_size=2),
)


@given(records)
def test_what_is_written_is_read_back_and_shows_the_same(record: RunRecord) -> None:
    again = RunRecord.model_validate_json(record.model_dump_json())
    assert again.model_dump() == record.model_dump()
    assert str(again) == str(record)
