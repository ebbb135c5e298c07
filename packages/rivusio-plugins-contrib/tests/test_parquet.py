"""Parquet files: written by flows, looked at with pyarrow itself."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from contrib_models import Everything, Order, everything, orders
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, NaiveDatetime

from rivusio_core import ConfigError, PipeError, SinkError, SourceError
from rivusio_plugins_contrib.files import Parquet
from rivusio_streams import RunConfig, Stream
from rivusio_streams.dead_letter import Envelope
from rivusio_streams.source import EndOfPartition


@given(st.lists(everything, max_size=5))
@settings(max_examples=60, deadline=None)
def test_what_was_written_is_read_again(items: list[Everything]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.parquet"
        Stream.read(items).write(Parquet(path, Everything)).run()
        found: list[Everything] = []
        Stream.read(Parquet(path, Everything)).write(found).run()
        assert found == items


def test_columns_have_the_types_that_other_tools_expect(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    Stream.read(list[Everything]()).write(Parquet(path, Everything)).run()
    types = {field.name: str(field.type) for field in pq.read_schema(path)}
    assert (types["id"], types["amount"], types["good"], types["name"]) == ("int64", "double", "bool", "string")
    assert (types["at"], types["day"], types["raw"]) == ("timestamp[us, tz=UTC]", "date32[day]", "binary")
    assert types["tags"] == "list<element: string not null>"
    assert types["inner"] == "struct<number: int64 not null, words: list<element: string not null> not null>"


def test_rows_are_written_in_groups_of_bounded_size(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    Stream.read(orders(25_000)).write(Parquet(path, Order)).run()
    file = pq.ParquetFile(path)
    assert file.metadata.num_rows == 25_000
    groups = [file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups)]
    assert groups == [10_000, 10_000, 5_000]
    file.close()
    assert [each.name for each in tmp_path.iterdir()] == ["a.parquet"]


def test_a_failed_run_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    Stream.read(orders(3)).write(Parquet(path, Order)).run()

    def broken(order: Order) -> Order:
        if order.id == 20_000:
            raise ValueError
        return order

    with pytest.raises(PipeError):
        Stream.read(orders(30_000)).map(broken).write(Parquet(path, Order)).run()
    found: list[Order] = []
    Stream.read(Parquet(path, Order)).write(found).run()
    assert found == orders(3)
    assert [each.name for each in tmp_path.iterdir()] == ["a.parquet"]


@pytest.mark.parametrize("skip", [0, 1, 9_999, 10_000, 10_001, 24_999])
def test_reading_goes_on_behind_a_position(tmp_path: Path, skip: int) -> None:
    path = tmp_path / "a.parquet"
    Stream.read(orders(25_000)).write(Parquet(path, Order)).run()
    source = Parquet(path, Order)
    partition = source.open_partition("0", skip)
    assert partition.next_batch(3) == orders(25_000)[skip : skip + 3]
    assert partition.position() == min(skip + 3, 25_000)
    partition.close()


def test_the_end_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    Stream.read(orders(1)).write(Parquet(path, Order)).run()
    partition = Parquet(path, Order).open_partition("0", None)
    assert partition.next_batch(5) == orders(1)
    with pytest.raises(EndOfPartition):
        partition.next_batch(5)
    partition.close()


def test_only_the_models_columns_are_asked_for(tmp_path: Path) -> None:
    class User(BaseModel):
        user: str

    class Wrong(BaseModel):
        usr: str

    path = tmp_path / "a.parquet"
    Stream.read(orders(2)).write(Parquet(path, Order)).run()
    found: list[User] = []
    Stream.read(Parquet(path, User)).write(found).run()
    assert found == [User(user="u0"), User(user="u1")]
    with pytest.raises(SourceError, match=r"no column 'usr'; did you mean 'user'\?"):
        Stream.read(Parquet(path, Wrong)).write([]).run()


def test_a_bad_row_is_told_and_kept_aside(tmp_path: Path) -> None:
    class Loose(BaseModel):
        id: int | None
        user: str

    path = tmp_path / "a.parquet"
    Stream.read([Loose(id=1, user="a"), Loose(id=None, user="b")]).write(Parquet(path, Loose)).run()
    letters: list[Envelope] = []
    found: list[Order] = []
    Stream.read(Parquet(path, Order, on_error="dead_letter")).write(found).run(RunConfig(dead_letters=letters))
    assert [order.id for order in found] == [1]
    assert "row 1: id: Input should be a valid integer" in letters[0].reason


def test_mistakes_are_told(tmp_path: Path) -> None:
    class Nothing(BaseModel):
        pass

    with pytest.raises(ConfigError, match="no fields"):
        Parquet("a.parquet", Nothing)
    (tmp_path / "cut.parquet").write_bytes(b"PAR1 and no end")
    with pytest.raises(SourceError, match="complete Parquet file"):
        Stream.read(Parquet(tmp_path / "cut.parquet", Order)).write([]).run()
    with pytest.raises(SinkError, match="folder must exist"):
        Stream.read(orders(1)).write(Parquet(tmp_path / "no" / "a.parquet", Order)).run()


def test_it_is_a_value() -> None:
    assert Parquet("a", Order) == Parquet("a", Order)
    assert Parquet("a", Order) != Parquet("b", Order)
    assert Parquet("a", Order) != Parquet("a", Order, on_error="skip")
    assert hash(Parquet("a", Order)) == hash(Parquet("a", Order))
    assert repr(Parquet("a", Order)) == "Parquet('a', Order)"


class Kinds(BaseModel):
    exact: Decimal = Field(max_digits=12, decimal_places=3)
    free: Decimal
    local: NaiveDatetime
    mapping: dict[str, int]
    mixed: int | float
    loose: str | None


def test_less_usual_columns_have_the_types_that_other_tools_expect(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    Stream.read(list[Kinds]()).write(Parquet(path, Kinds)).run()
    types = {field.name: (str(field.type), field.nullable) for field in pq.read_schema(path)}
    assert types == {
        "exact": ("decimal128(12, 3)", False),
        "free": ("string", False),
        "local": ("timestamp[us]", False),
        "mapping": ("string", False),
        "mixed": ("double", False),
        "loose": ("string", True),
    }


class Moment(BaseModel):
    at: datetime


def test_a_moment_without_time_zone_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    with pytest.raises(SinkError, match="column 'at': a datetime has no time zone; give it one"):
        Stream.read([Moment(at=datetime(2026, 1, 1))]).write(Parquet(path, Moment)).run()  # noqa: DTZ001  # the point
    assert list(tmp_path.iterdir()) == []


def test_nanoseconds_of_other_programs_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=7)
    nanoseconds = int(moment.timestamp()) * 10**9 + 7_123
    pq.write_table(pa.table({"at": pa.array([nanoseconds], type=pa.timestamp("ns", "UTC"))}), path)
    found: list[Moment] = []
    Stream.read(Parquet(path, Moment)).write(found).run()
    assert found == [Moment(at=moment)]


def test_a_value_that_a_column_cannot_hold_is_refused_without_quoting_it(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    with pytest.raises(SinkError, match=r"a\.parquet: column 'id': an integer does not fit in 64 bits") as caught:
        Stream.read([Order(id=2**63, user="s3cret")]).write(Parquet(path, Order)).run()
    assert str(2**63) not in str(caught.value)
    given = Kinds.model_construct(
        exact=Decimal("1.2345"),
        free=Decimal(1),
        local=datetime(2026, 1, 1),  # noqa: DTZ001  # the field is one without
        mapping={},
        mixed=1,
        loose=None,
    )
    with pytest.raises(SinkError, match=r"column 'exact': a value does not fit decimal128\(12, 3\)") as caught:
        Stream.read([given]).write(Parquet(path, Kinds)).run()
    assert "1.2345" not in str(caught.value)


def test_a_position_behind_the_end_is_of_another_file(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    Stream.read(orders(3)).write(Parquet(path, Order)).run()
    with pytest.raises(SourceError, match=r"has 3 rows, and reading should go on behind 4.*reset the position"):
        Parquet(path, Order).open_partition("0", 4)


def test_two_runs_that_write_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    one, two = Parquet(path, Order), Parquet(path, Order)
    for sink, items in ((one, orders(1)), (two, orders(2))):
        sink.open()
        sink.write(items)
    for sink, count in ((two, 2), (one, 1)):  # the last one to end wins
        sink.flush()
        sink.close()
        assert pq.read_table(path).num_rows == count
    assert [each.name for each in tmp_path.iterdir()] == ["a.parquet"]


def test_paths_that_cannot_be_are_told(tmp_path: Path) -> None:
    late = Parquet(tmp_path / "a.parquet", Order)
    (tmp_path / "a.parquet").mkdir()
    with pytest.raises(SinkError, match="it is a folder"):
        Stream.read(orders(1)).write(late).run()
    with pytest.raises(SourceError, match=r"no\.parquet cannot be read: No such file or directory; check the path"):
        Stream.read(Parquet(tmp_path / "no.parquet", Order)).write([]).run()


def test_the_missing_extra_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ConfigError, match=r"pip install 'rivusio-plugins-contrib\[parquet\]'"):
        Parquet("a.parquet", Order)
