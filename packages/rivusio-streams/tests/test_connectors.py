"""JSON lines, CSV, standard input and output."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import anyio
import pytest
from doubles import Event, micros
from pydantic import BaseModel

from rivusio_core.errors import BadRecord, ConfigError, DefinitionError, SinkError, SourceError
from rivusio_streams import (
    Csv,
    EndOfPartition,
    Envelope,
    JsonLines,
    Partition,
    RunConfig,
    Source,
    StdIn,
    StdOut,
    Stream,
    Tumbling,
    agg,
)


class Order(BaseModel):
    user: str
    amount: float | None = None
    day: date = date(2024, 1, 1)


@dataclass
class Point:
    x: int
    y: int


ORDERS = [Order(user="ann", amount=1.5), Order(user="bob", day=date(2024, 2, 3))]


def drain(source: Source[Any], position: Any = None, maximum: int = 2) -> tuple[list[Any], list[Any]]:
    """All items, and the position behind each batch."""
    partition: Partition[Any] = source.open_partition("0", position)
    items, positions = [], []
    with suppress(EndOfPartition):
        while True:
            items.append(partition.next_batch(maximum))
            positions.append(partition.position())
    partition.close()
    return items, positions


# ------------------------------------------------------------------------------------------ JSON lines


@pytest.mark.parametrize("connector", [JsonLines, Csv])
def test_models_make_the_round_trip(tmp_path: Path, connector: Any) -> None:
    path, copy = tmp_path / "orders", tmp_path / "copy"
    Stream.read(ORDERS).write(connector(path, Order)).run()
    out: list[Order] = []
    Stream.read(connector(path, Order)).tee(connector(copy)).write(out).run()
    assert out == ORDERS
    assert copy.read_bytes() == path.read_bytes()


def test_json_lines_of_other_types(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    Stream.read([Point(1, 2), {"x": 3, "y": 4}, Point(5, 6)]).write(JsonLines(path)).run()
    out: list[Point] = []
    Stream.read(JsonLines(path, Point)).write(out).run()
    assert out == [Point(1, 2), Point(3, 4), Point(5, 6)]
    Stream.read([1, 2, float("nan")]).write(JsonLines(path)).run()
    assert path.read_text() == "1\n2\nnull\n"


def test_windows_are_written_as_json(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    stream = Stream.read([Event(61, "k")]).event_time(micros).key_by(lambda e: e.key).window(Tumbling("1m"))
    stream.aggregate(agg.count()).write(JsonLines(path)).run()
    assert json.loads(path.read_text()) == {
        "key": "k",
        "window": {"start": "1970-01-01T00:01:00Z", "end": "1970-01-01T00:02:00Z"},
        "value": 1,
        "pane": {"index": 0, "timing": "on_time"},
    }


def test_appending_and_truncating(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    for _ in range(2):
        Stream.read([1]).write(JsonLines(path, append=True)).run()
    assert path.read_text() == "1\n1\n"
    Stream.read([2]).write(JsonLines(path)).run()
    assert path.read_text() == "2\n"


def test_blank_lines_marks_and_a_last_line_without_end(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\xef\xbb\xbf1\r\n\n  \n2\n3")
    out: list[int] = []
    Stream.read(JsonLines(path, int)).write(out).run()
    assert out == [1, 2, 3]


@pytest.mark.parametrize("connector", [JsonLines, Csv])
def test_reading_goes_on_behind_any_position(tmp_path: Path, connector: Any) -> None:
    path = tmp_path / "orders"
    orders = [Order(user=f"line\nbreak, {n}", amount=n) for n in range(7)]
    Stream.read(orders).write(connector(path, Order)).run()
    batches, positions = drain(connector(path, Order))
    assert [item for batch in batches for item in batch] == orders
    for index, position in enumerate(positions):
        json.dumps(position)
        rest, _ = drain(connector(path, Order), position)
        assert [item for batch in rest for item in batch] == orders[2 * (index + 1) :]
    with pytest.raises(SourceError, match="is no position"):
        connector(path, Order).open_partition("0", "x")


BAD = b'{"user": "ann"}\n{"user": 3}\n\nnot json\n{"user": "bob", "amount": "secret"}\n{"user": "cay"}\n'


def test_a_bad_line_fails_with_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(BAD)
    out: list[Order] = []
    with pytest.raises(BadRecord, match=rf"{path}:2: user: Input should be a valid string") as caught:
        Stream.read(JsonLines(path, Order)).write(out).run()
    assert "secret" not in str(caught.value)
    assert [order.user for order in out] == ["ann"]


def test_bad_lines_are_skipped_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(BAD)
    out: list[Order] = []
    report = Stream.read(JsonLines(path, Order, on_error="skip")).write(out).run()
    assert [order.user for order in out] == ["ann", "cay"]
    assert (report.steps["a.jsonl"].taken, report.steps["a.jsonl"].skipped) == (5, 3)


@pytest.mark.parametrize("chunk", [1, 2, 1024])
def test_bad_lines_become_dead_letters(tmp_path: Path, chunk: int) -> None:
    path, dead = tmp_path / "a.jsonl", tmp_path / "dead.jsonl"
    path.write_bytes(BAD)
    out: list[Order] = []
    letters: list[Envelope] = []
    flow = Stream.read(JsonLines(path, Order, on_error="dead_letter")).write(out)
    with pytest.raises(DefinitionError, match=r"a\.jsonl: sends failed items to dead letters"):
        flow.run()
    report = flow.run(RunConfig(dead_letters=letters, chunk=chunk))
    assert report.steps["a.jsonl"].dead == report.steps["dead letters"].taken == 3
    assert [(each.value, each.position) for each in letters] == [
        (b'{"user": 3}', 1),
        (b"not json", 2),
        (b'{"user": "bob", "amount": "secret"}', 3),
    ]
    assert [each.reason.partition(f"{path}:")[2].partition(":")[0] for each in letters] == ["2", "4", "5"]
    assert letters[0].errors == ("BadRecord", "ValidationError")
    flow.run(RunConfig(dead_letters=JsonLines(dead)))
    assert len(dead.read_text().splitlines()) == 3


# ------------------------------------------------------------------------------------------------- CSV


def test_csv_has_typed_columns_and_nulls(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("user;amount;day;more\nann;1.5;2024-02-03;x\nbob;NA;2024-02-04;y\n")
    out: list[Order] = []
    Stream.read(Csv(path, Order, null="NA", delimiter=";")).write(out).run()
    assert out == [Order(user="ann", amount=1.5, day=date(2024, 2, 3)), Order(user="bob", day=date(2024, 2, 4))]


def test_csv_without_a_model_is_text(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('a,b\n1,\n"x,\ny",2\n')
    out: list[dict[str, str]] = []
    Stream.read(Csv(path)).write(out).run()
    assert out == [{"a": "1", "b": ""}, {"a": "x,\ny", "b": "2"}]


def test_bad_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"x,y\n1,2\n3\n4,five\n6,7,8\n\xff,1\n9,10\n\n11,12\n")
    out: list[Point] = []
    letters: list[Envelope] = []
    Stream.read(Csv(path, Point, on_error="dead_letter")).write(out).run(RunConfig(dead_letters=letters))
    assert out == [Point(1, 2), Point(9, 10), Point(11, 12)]
    places = [each.reason.partition(f"{path}:")[2] for each in letters]
    assert places[0] == "3: 1 cells where the header has 2"
    assert places[1].startswith("4: y: Input should be a valid integer")
    assert places[2] == "5: 3 cells where the header has 2"
    assert places[3] == "6: the row is not valid UTF-8"
    assert letters[1].value == {"x": "4", "y": "five"}


def test_an_empty_csv_file_and_a_doubled_header(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("")
    out: list[Any] = []
    Stream.read(Csv(path)).write(out).run()
    assert out == []
    path.write_text("a,a\n1,2\n")
    with pytest.raises(SourceError, match="two columns have the same name"):
        Stream.read(Csv(path)).write(out).run()


def test_csv_sinks_need_items_of_one_kind(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="has no named fields"):
        Stream.read([1]).write(Csv(tmp_path / "a.csv")).run()  # type: ignore[arg-type]
    with pytest.raises(SinkError, match="has other fields"):
        Stream.read([{"a": "1"}, {"b": "2"}]).write(Csv(tmp_path / "a.csv")).run()


def test_csv_appends_below_one_header(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    for _ in range(2):
        Stream.read([Point(1, 2)]).write(Csv(path, Point, append=True)).run()
    assert path.read_text() == "x,y\n1,2\n1,2\n"


# ----------------------------------------------------------------------------------------------- paths


@pytest.mark.parametrize("connector", [JsonLines, Csv])
def test_paths_that_cannot_be_used(tmp_path: Path, connector: Any) -> None:
    with pytest.raises(SinkError, match=r"none/a cannot be written: No such file or directory; its folder must exist"):
        Stream.read([1]).write(connector(tmp_path / "none" / "a")).run()
    with pytest.raises(SourceError, match="none cannot be read: No such file"):
        Stream.read(connector(tmp_path / "none", Order)).write([]).run()
    for path in ("", "a\0b"):
        with pytest.raises(ConfigError, match="path: must not"):
            connector(path)


def test_json_lines_cannot_be_read_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"JsonLines\(path, Model\)"):
        Stream.read(JsonLines(tmp_path / "a")).write([]).run()


def test_what_json_cannot_hold_is_a_typed_error(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="a object cannot be written as JSON"):
        Stream.read([object()]).write(JsonLines(tmp_path / "a")).run()


def test_connectors_are_values() -> None:
    assert JsonLines("a", int) == JsonLines("a", int) != JsonLines("a", str)
    assert repr(Csv("a.csv", Point, on_error="skip")) == "Csv('a.csv', Point, on_error='skip')"
    assert repr(JsonLines("a", append=True)) == "JsonLines('a', append=True)"
    assert StdIn() == StdIn() != StdIn(int)
    assert hash(StdOut()) == hash(StdOut())


# ------------------------------------------------------------------------------ standard input, output

COUNT = """
from rivusio_streams import StdIn, StdOut, Stream
Stream.read(StdIn({model})).map(lambda line: {result}).write(StdOut()).run()
"""


def run_script(text: str, given: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", text],
        input=given,
        capture_output=True,
        timeout=60,
        check=False,
        env={**os.environ},
    )


def test_standard_input_to_standard_output() -> None:
    done = run_script(COUNT.format(model="", result="line.upper()"), b"one\r\ntwo\nthree")
    assert (done.stdout, done.stderr, done.returncode) == (b"ONE\nTWO\nTHREE\n", b"", 0)
    done = run_script(COUNT.format(model="dict[str, int]", result="line['a']"), b'{"a": 1}\n\n{"a": 2}\n')
    assert (done.stdout, done.stderr) == (b"1\n2\n", b"")
    done = run_script(COUNT.format(model="int", result="line"), b"1\nx\n")
    assert done.stdout == b"1\n"
    assert b"<stdin>:2" in done.stderr


def test_lines_go_on_while_standard_input_stays_open() -> None:
    """The program answers each line before the next one is written, and ends while nothing more comes."""
    script = COUNT.format(model="int", result="2 * line")
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number in (1, 2, 3):
            process.stdin.write(f"{number}\n".encode())
            assert process.stdout.readline() == f"{2 * number}\n".encode()
        process.stdin.close()
        assert process.wait(30) == 0


def test_a_program_ends_although_a_thread_waits_for_standard_input() -> None:
    script = """
import anyio
from rivusio_streams import StdIn, Stream
async def main():
    stop = anyio.Event()
    await Stream.read(StdIn()).map(lambda line: stop.set()).write([]).arun(stop=stop)
    print("stopped")
anyio.run(main)
"""
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(b"one\n")
        assert process.wait(30) == 0
        assert (process.stdout.read(), process.stderr.read()) == (b"stopped\n", b"")


def test_a_reader_that_goes_away_is_a_typed_error() -> None:
    script = "from rivusio_streams import *\nStream.read(iter(range(10**9))).map(str).write(StdOut()).run()"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"0\n"
        process.stdout.close()
        assert b"SinkError: standard output: the program that reads it has gone away" in process.stderr.read()
        assert process.wait(30) == 1


@pytest.mark.anyio
async def test_files_are_read_and_written_from_async_code(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    await Stream.read(range(3000)).write(JsonLines(path)).arun()
    out: list[int] = []
    with anyio.fail_after(30):
        await Stream.read(JsonLines(path, int)).write(out).arun()
    assert out == list(range(3000))
