"""What a SQLite table holds of the values of a model, and what it cannot."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from contract import rows
from contrib_models import Everything, Order
from pydantic import BaseModel, NaiveDatetime

from rivusio_core import BadRecord, ConfigError, SinkError
from rivusio_plugins_contrib.sqlite import SqliteTable
from rivusio_streams import Envelope, RunConfig, Stream


class Moments(BaseModel):
    at: datetime
    local: NaiveDatetime


def test_moments_are_stored_so_that_they_sort(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    east = timezone(timedelta(hours=5))
    given = [
        datetime(2026, 1, 1, 4, 59, 59, tzinfo=east),
        datetime(2026, 1, 1, tzinfo=UTC),
        datetime(2026, 1, 1, 0, 0, 0, 5, tzinfo=UTC),
        datetime(2026, 1, 1, 5, 0, 1, tzinfo=east),
    ]
    moments = [Moments(at=at, local=at.replace(tzinfo=None)) for at in given]
    Stream.read(moments[::-1]).write(SqliteTable(path, "t", Moments)).run()
    found = [str(text) for (text,) in rows(path, "select at from t order by at")]
    assert found == sorted(found)
    assert [datetime.fromisoformat(text) for text in found] == given
    assert rows(path, "select local from t where at = '2026-01-01T00:00:00.000000Z'") == [
        ("2026-01-01T00:00:00.000000",)
    ]
    assert rows(path, "select count(*) from t where at >= '2026-01-01T00:00:00'") == [(3,)]


def test_columns_have_the_types_that_other_programs_expect(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    Stream.read(list[Everything]()).write(SqliteTable(path, "t", Everything, key="id")).run()
    info = {str(name): (kind, needed) for _, name, kind, needed, _, _ in rows(path, "pragma table_info(t)")}
    assert info["id"] == info["good"] == ("INTEGER", 1)
    assert (info["amount"], info["raw"], info["price"], info["inner"]) == (
        ("REAL", 1),
        ("BLOB", 1),
        ("TEXT", 1),
        ("TEXT", 1),
    )
    assert info["nick"] == ("TEXT", 0)


class Real(BaseModel):
    x: float | None


class Whole(BaseModel):
    x: int


@pytest.mark.parametrize(
    ("item", "reason"),
    [(Real(x=float("nan")), "NaN"), (Whole(x=2**63), "64 bits"), (Order(id=1, user="\ud800"), "stored|serialised")],
)
def test_a_value_that_a_table_cannot_hold_is_refused(tmp_path: Path, item: BaseModel, reason: str) -> None:
    path = tmp_path / "a.db"
    with pytest.raises(SinkError, match=rf"a\.db, table 't': .*({reason})"):
        Stream.read([item]).write(SqliteTable(path, "t", type(item))).run()
    assert rows(path, "select count(*) from t") == [(0,)]


def test_bytes_inside_json_text_are_refused() -> None:
    class Blob(BaseModel):
        raw: bytes

    class Holder(BaseModel):
        blobs: list[Blob]

    with pytest.raises(ConfigError, match=r"'blobs' of Holder holds bytes inside JSON text"):
        SqliteTable("a.db", "t", Holder)


def test_a_key_that_may_be_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="key: 'x' may be None"):
        SqliteTable("a.db", "t", Real, key="x")


def test_a_database_in_memory_is_refused() -> None:
    with pytest.raises(ConfigError, match="gone when the run has ended"):
        SqliteTable(":memory:", "t", Order)


def test_a_column_of_structured_data_that_holds_none_is_a_bad_row(tmp_path: Path) -> None:
    class Tagged(BaseModel):
        tags: list[str]

    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("create table t (tags text); insert into t values ('s3cret')")
    with pytest.raises(BadRecord, match="row 1: tags: should hold JSON text") as caught:
        Stream.read(SqliteTable(path, "t", Tagged)).write([]).run()
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("key", [None, "x"])
@pytest.mark.parametrize("checkpoint", [None, "a.db", "other.db"])
def test_one_value_that_a_table_cannot_hold_keeps_no_other_from_it(
    tmp_path: Path, key: str | None, checkpoint: str | None
) -> None:
    path, letters = tmp_path / "a.db", list[Envelope]()
    items = [Whole(x=2**63 if number == 700 else number) for number in range(2_500)]
    flow = Stream.read(items).write(SqliteTable(path, "t", Whole, key=key), on_error="dead_letter")
    flow.run(RunConfig(dead_letters=letters, checkpoint=None if checkpoint is None else tmp_path / checkpoint))
    assert rows(path, "select count(*), count(distinct x), min(x), max(x) from t") == [(2_499, 2_499, 0, 2_499)]
    assert [(each.position, each.step, "64 bits" in each.reason) for each in letters] == [(700, "t", True)]
