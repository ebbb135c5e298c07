"""Parquet files of batches of columns: the same files as those of items, and no object for a row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from contract import check_failed_run, check_seekable, check_sink, flat
from contract import read as read_all
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from rivusio_core import ConfigError, GuaranteeError, PipeError, SinkError, SourceError
from rivusio_plugins_contrib.files import Parquet, ParquetColumns
from rivusio_streams import RunConfig, Stream
from rivusio_streams.columns import Columns, columns
from rivusio_streams.dead_letter import Envelope
from rivusio_streams.flow import Flow
from rivusio_streams.testing import crash_check


class Order(NamedTuple):
    id: int
    user: str


class Reading(BaseModel):
    sensor: str
    at: datetime
    value: float | None


ORDERS, READINGS = columns(Order), columns(Reading)


def orders(count: int, start: int = 0) -> list[Order]:
    return [Order(each, f"u{each}") for each in range(start, start + count)]


def batches(count: int, size: int = 1) -> list[Columns[Order]]:
    rows = orders(count)
    return [ORDERS.of(rows[start : start + size]) for start in range(0, count, size)]


def rows_of(found: Sequence[Columns[Order]]) -> list[Order]:
    return [row for each in found for row in ORDERS.rows(each)]


def stored(path: Path) -> list[Order]:
    """What a program sees that knows Parquet only."""
    return [Order(each["id"], each["user"]) for each in pq.read_table(path).to_pylist()]


readings = st.builds(
    Reading,
    sensor=st.text("ab"),
    at=st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  # bounds
    value=st.none() | st.floats(allow_nan=False),
)


@given(st.lists(st.lists(readings, max_size=4), max_size=4), st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_items_and_columns_are_the_same_file(
    tmp_path_factory: pytest.TempPathFactory, lots: list[list[Reading]], size: int
) -> None:
    """What the one writes the other reads, both ways."""
    folder, rows = tmp_path_factory.mktemp("files"), [row for lot in lots for row in lot]
    Stream.read(map(READINGS.of, lots)).write(ParquetColumns(folder / "c.parquet", READINGS)).run()
    Stream.read(rows).write(Parquet(folder / "r.parquet", Reading)).run()
    for path in (folder / "c.parquet", folder / "r.parquet"):
        items, found = list[Reading](), list[Columns[Reading]]()
        Stream.read(Parquet(path, Reading)).write(items).run()
        Stream.read(ParquetColumns(path, READINGS, rows=size)).write(found).run()
        assert items == rows == [row for each in found for row in READINGS.rows(each)]
        assert all(0 < len(each) <= size for each in found)


def test_it_keeps_the_contracts_of_sources_and_sinks(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    connector = ParquetColumns(path, ORDERS, rows=1)
    check_sink(connector, batches(9), lambda: flat(read_all(connector, 100)))
    check_seekable(connector, batches(9))
    check_failed_run(connector, ORDERS.of(orders(1, 77)), lambda: flat(read_all(connector, 100)), batches(9))
    folder = ParquetColumns(f"{tmp_path / 'out'}/", ORDERS)
    check_sink(folder, batches(6), lambda: [ORDERS.of([row]) for row in stored(tmp_path / "out")])


@pytest.mark.parametrize("skip", [0, 1, 9_999, 10_000, 12_345, 25_000])
def test_reading_goes_on_behind_any_row(tmp_path: Path, skip: int) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(ORDERS.of(orders(25_000)).frame.to_arrow(), path, row_group_size=10_000)
    found = flat(read_all(ParquetColumns(path, ORDERS, rows=4_000), 3, position=None))
    assert [len(each) for each in found] == [4_000, 4_000, 2_000] * 2 + [4_000, 1_000]
    partition = ParquetColumns(path, ORDERS, rows=4_000).open_partition("0", skip)
    if skip < 25_000:
        [first, *_] = partition.next_batch(1)
        assert (ORDERS.rows(first)[0].id, partition.position()) == (skip, skip + len(first))
    partition.close()


def test_rows_are_written_in_groups(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    Stream.read(batches(300_000, 7_001)).write(ParquetColumns(path, ORDERS)).run()
    with pq.ParquetFile(path) as file:
        groups = [file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups)]
    assert groups == [131_072, 131_072, 300_000 - 2 * 131_072]
    assert stored(path) == orders(300_000)


def out(place: Path) -> str:
    return f"{place / 'out'}/"


def flow(place: Path) -> Flow:
    return Stream.read(batches(9, 2)).write(ParquetColumns(out(place), ORDERS))


def rows_in(place: Path) -> list[Any]:
    files = sorted(each for each in (place / "out").glob("*.parquet") if each.name[0] not in "._")
    return [row for file in files for row in stored(file)]


def test_every_row_is_there_once_whatever_happens() -> None:
    report = crash_check(flow, rows_in)
    assert (report.lost, report.duplicated) == (0, 0)
    assert report.crashes > report.operations


def test_a_file_is_refused_in_a_run_with_checkpoints(tmp_path: Path) -> None:
    with pytest.raises(GuaranteeError, match="ParquetColumns writes its target anew"):
        Stream.read(batches(1)).write(ParquetColumns(tmp_path / "a.parquet", ORDERS)).run(
            RunConfig(checkpoint=tmp_path / "state.db")
        )


def test_only_the_columns_of_the_layout_are_read_and_widened(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = {"more": [1], "user": pa.array(["x"], pa.large_string()), "id": pa.array([3], pa.int16())}
    pq.write_table(pa.table(table), path)
    assert rows_of(flat(read_all(ParquetColumns(path, ORDERS), 9))) == [Order(3, "x")]


def test_nanoseconds_of_other_programs_are_read(tmp_path: Path) -> None:
    path, at = tmp_path / "a.parquet", datetime(2026, 1, 2, tzinfo=UTC)
    nanos = pl.Series("at", [at]).cast(pl.Datetime("ns", "UTC"))
    frame = pl.DataFrame([pl.Series("sensor", ["a"]), nanos, pl.Series("value", [1.5])])
    pq.write_table(frame.to_arrow(), path)
    [batch] = flat(read_all(ParquetColumns(path, READINGS), 9))
    assert READINGS.rows(batch) == [Reading(sensor="a", at=at, value=1.5)]


def test_a_batch_with_a_gap_is_treated_as_told(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"id": [1, None, 3], "user": ["a", "b", "c"]}), path)
    letters, found = list[Envelope](), list[Columns[Order]]()
    kept = ParquetColumns(path, ORDERS, rows=1, on_error="dead_letter")
    Stream.read(kept).write(found).run(RunConfig(dead_letters=letters))
    assert rows_of(found) == [Order(1, "a"), Order(3, "c")]
    [letter] = letters
    assert letter.value == {"path": str(path), "rows": [1, 2]}
    with pytest.raises(PipeError, match=r"a.parquet, rows 0 to 2: column id is null in row 1"):
        Stream.read(ParquetColumns(path, ORDERS)).write(list[Columns[Order]]()).run()


def test_mistakes_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    with pytest.raises(SourceError, match=r"a.parquet cannot be read: No such file"):
        ParquetColumns(path, ORDERS).open_partition("0", None)
    pq.write_table(pa.table({"id": ["a"], "user": ["b"]}), path)
    with pytest.raises(SourceError, match=r"a.parquet: column id is of String; Order needs Int64"):
        ParquetColumns(path, ORDERS).open_partition("0", None)
    pq.write_table(pa.table({"id": [1], "users": ["b"]}), path)
    with pytest.raises(SourceError, match=r"no column 'user'.*'users'"):
        ParquetColumns(path, ORDERS).open_partition("0", None)
    with pytest.raises(ConfigError, match="takes a layout"):
        ParquetColumns(path, Order)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="rows must be a whole number"):
        ParquetColumns(path, ORDERS, rows=0)
    sink = ParquetColumns(path, ORDERS)
    sink.open()
    with pytest.raises(SinkError, match="a Order is no batch of columns"):
        sink.write(orders(1))  # type: ignore[arg-type]
    with pytest.raises(SinkError, match=r"a batch has other columns than columns\(Order\)"):
        sink.write([READINGS.of([])])  # type: ignore[list-item]
    sink.close()


def test_it_is_a_value(tmp_path: Path) -> None:
    one = ParquetColumns(tmp_path / "a.parquet", ORDERS)
    assert one == ParquetColumns(tmp_path / "a.parquet", columns(Order))
    assert hash(one) == hash(ParquetColumns(tmp_path / "a.parquet", columns(Order)))
    assert one != ParquetColumns(tmp_path / "a.parquet", ORDERS, rows=5)
    assert one != Parquet(tmp_path / "a.parquet", Reading)
    assert repr(ParquetColumns("b/", ORDERS)) == "ParquetColumns('b/', columns(Order))"
