"""SQLite tables are written exactly once: crashes at every operation, and what stands in the way."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from contract import rows
from contrib_models import Order, orders
from pydantic import JsonValue

from rivusio_core import CheckpointWriteError, SinkError
from rivusio_plugins_contrib.sqlite import SqliteTable
from rivusio_streams import RunConfig, Stream
from rivusio_streams.checkpoint import FolderStore, SqliteStore
from rivusio_streams.flow import Flow
from rivusio_streams.testing import crash_check


def table(place: Path, name: str = "t", key: str | None = None) -> SqliteTable[Order]:
    return SqliteTable(place / "out.db", name, Order, key=key)


def flow(sink: Callable[[Path], Any]) -> Callable[[Path], Flow]:
    """A step that keeps state is before the sink: results depend on what came before."""
    return lambda place: (
        Stream.read(orders(9))
        .key_by(lambda each: each.id % 2)
        .scan(0, lambda total, each: total + each.id + 1)
        .map(lambda each: Order(id=each[1], user=f"u{each[0]}"))
        .write(sink(place))
    )


def two_tables(place: Path) -> Flow:
    small, large = Stream.read(orders(9)).split(lambda each: each.id < 5)
    return Flow.of(small.write(table(place, "t")), large.write(table(place, "u")))


def stored(place: Path) -> list[Any]:
    path = place / "out.db"
    if not path.exists():
        return []
    names = [str(name) for (name,) in rows(path, "select name from sqlite_master where name in ('t', 'u')")]
    return [(name, *row) for name in sorted(names) for row in rows(path, f"select id, user from {name}")]


def same_file(place: Path) -> SqliteStore:
    return SqliteStore(place / "out.db")


@pytest.mark.parametrize("key", [None, "id"])
def test_rows_and_checkpoint_in_one_transaction_are_exactly_once(key: str | None) -> None:
    make = flow(lambda place: table(place, key=key))
    report = crash_check(make, stored, store=same_file)
    assert (report.lost, report.duplicated) == (0, 0)
    # Two for most operations: some runs do a few less than the one that was counted, so the last are not reached.
    assert report.crashes > 1.5 * report.operations


def test_staged_rows_are_exactly_once() -> None:
    report = crash_check(flow(table), stored)
    assert (report.lost, report.duplicated) == (0, 0)


def test_so_it_is_after_two_crashes() -> None:
    for store in (same_file, lambda place: FolderStore(place / "checkpoints")):
        report = crash_check(flow(table), stored, store=store, kinds=("after",), pairs=31)
        assert (report.lost, report.duplicated) == (0, 0)


def test_two_tables_of_the_file_of_the_checkpoints_are_exactly_once() -> None:
    report = crash_check(two_tables, stored, store=same_file)
    assert (report.lost, report.duplicated) == (0, 0)


def test_so_it_is_when_the_run_begins_again_by_itself() -> None:
    for store in (same_file, lambda place: FolderStore(place / "checkpoints")):
        report = crash_check(flow(table), stored, store=store, kinds=("after",), restarting=True)
        assert (report.lost, report.duplicated) == (0, 0)


def test_rows_with_a_key_are_exactly_once_without_staging() -> None:
    report = crash_check(flow(lambda place: table(place, key="id")), stored)
    assert (report.lost, report.duplicated) == (0, 0)


def test_without_checkpoints_rows_are_there_again() -> None:
    report = crash_check(flow(table), stored, store=lambda place: None, delivery="at_least_once")
    assert report.lost == 0
    assert report.duplicated > 0


# ------------------------------------------------------------------------------------------- planted unsound variants


class RowsFirst(SqliteTable[Order]):
    """Commits rows, and then the checkpoint."""

    def commit_with(self, put: Callable[[Any], None]) -> None:
        super().commit_with(lambda connection: None)
        super().commit_with(put)


class CheckpointFirst(SqliteTable[Order]):
    """Commits the checkpoint, and then rows."""

    def commit_with(self, put: Callable[[Any], None]) -> None:
        mine, self._buffer = self._buffer, []
        super().commit_with(put)
        self._buffer = mine
        super().commit_with(lambda connection: None)


class Forgetful(SqliteTable[Order]):
    """Throws away what was staged, though a checkpoint has it."""

    def recover(self, owner: str, tokens: Sequence[JsonValue]) -> None:
        super().recover(owner, [])


class Eager(SqliteTable[Order]):
    """Publishes before there is a checkpoint."""

    def stage(self) -> JsonValue:
        token = super().stage()
        self.publish(token)
        return token


@pytest.mark.parametrize(
    ("kind", "store", "told"),
    [
        (RowsFirst, same_file, "too much"),
        (Forgetful, lambda place: FolderStore(place / "checkpoints"), "lost"),
        (Eager, lambda place: FolderStore(place / "checkpoints"), "too much"),
    ],
)
def test_unsound_protocols_are_caught(kind: type[SqliteTable[Order]], store: Any, told: str) -> None:
    with pytest.raises(AssertionError, match=told):
        crash_check(flow(lambda place: kind(place / "out.db", "t", Order)), stored, store=store)


# --------------------------------------------------------------------------------------------- one call at a time


def opened(sink: SqliteTable[Order]) -> SqliteTable[Order]:
    sink.open()
    return sink


def ids(path: Path) -> list[object]:
    return [number for (number,) in rows(path, "select id from t")]


@pytest.mark.parametrize("count", [3, 2_500])
def test_nobody_sees_what_is_not_committed(tmp_path: Path, count: int) -> None:
    path = tmp_path / "out.db"
    joint = opened(table(tmp_path))
    joint.begin()
    joint.write(orders(count))
    assert ids(path) == []
    with closing(sqlite3.connect(path, timeout=0)) as other:  # and nobody has to wait
        other.execute("create table x (y)")
        other.commit()
    joint.commit_with(lambda connection: connection.execute("insert into x values (1)"))
    assert ids(path) == [*range(count)]
    joint.write(orders(count))
    joint.commit_with(lambda connection: None)
    assert rows(path, "select count(*) from t") == [(2 * count,)]
    joint.write(orders(count))
    joint.close()
    assert rows(path, "select count(*) from t") == [(2 * count,)]


@pytest.mark.parametrize("count", [3, 2_500])
def test_a_checkpoint_that_fails_takes_the_rows_with_it(tmp_path: Path, count: int) -> None:
    def full(connection: sqlite3.Connection) -> None:
        connection.execute("create table half (a)")
        raise CheckpointWriteError("full")

    joint = opened(table(tmp_path))
    joint.begin()
    joint.write(orders(count))
    with pytest.raises(CheckpointWriteError, match="full"):
        joint.commit_with(full)
    joint.close()
    assert ids(tmp_path / "out.db") == []
    assert rows(tmp_path / "out.db", "select count(*) from sqlite_master where name = 'half'") == [(0,)]


@pytest.mark.parametrize("count", [3, 2_500])
def test_staged_rows_are_published_once_and_in_order(tmp_path: Path, count: int) -> None:
    path, sink = tmp_path / "out.db", opened(table(tmp_path))
    sink.recover("flow/t", [])
    sink.write(orders(count))
    one = sink.stage()
    sink.write([Order(id=-1, user="x")])
    two = sink.stage()
    assert ids(path) == []
    sink.publish(one)
    assert ids(path) == [*range(count)]
    sink.publish(one)
    sink.publish(two)
    sink.publish(one)
    assert ids(path) == [*range(count), -1]
    assert sink.stage() == {"number": 2, "rows": 0}
    sink.close()
    assert rows(path, "select count(*) from rivusio_staged_t") == [(0,)]


def test_the_next_run_publishes_what_the_checkpoint_has_and_nothing_else(tmp_path: Path) -> None:
    path, sink, other = tmp_path / "out.db", opened(table(tmp_path)), opened(table(tmp_path))
    sink.recover("flow/t", [])
    other.recover("other/t", [])
    sink.write(orders(2))
    held = sink.stage()
    sink.write([Order(id=7, user="x")])
    sink.stage()
    sink.close()
    other.write([Order(id=9, user="y")])
    theirs = other.stage()
    again = opened(table(tmp_path))
    again.recover("flow/t", [held])
    assert ids(path) == [0, 1]
    again.write([Order(id=8, user="z")])
    again.publish(again.stage())
    again.close()
    other.publish(theirs)
    other.close()
    assert ids(path) == [0, 1, 8, 9]


def test_a_flow_that_has_lost_a_sink_publishes_what_it_had_staged(tmp_path: Path) -> None:
    """With two sinks it staged, and died before it published; with one it commits with the checkpoint."""

    class Dying(SqliteTable[Order]):
        def publish(self, token: JsonValue) -> None:
            raise SinkError("the power is gone")

    def made(kind: type[SqliteTable[Order]], *more: str) -> Flow:
        read = Stream.read(orders(6))
        return Flow.of(*(read.write(kind(tmp_path / "out.db", name, Order)) for name in ("t", *more)))

    with pytest.raises(SinkError, match="power"):
        made(Dying, "u").named("flow").run(RunConfig(checkpoint=same_file(tmp_path)))
    assert ids(tmp_path / "out.db") == []
    made(SqliteTable[Order]).named("flow").run(RunConfig(checkpoint=same_file(tmp_path)))
    assert ids(tmp_path / "out.db") == [*range(6)]


def test_lost_and_foreign_tokens_are_told(tmp_path: Path) -> None:
    path, sink = tmp_path / "out.db", opened(table(tmp_path))
    sink.recover("flow/t", [])
    sink.write(orders(2))
    token = sink.stage()
    with closing(sqlite3.connect(path)) as other:
        other.execute("delete from rivusio_staged_t where id = 1")
        other.commit()
    with pytest.raises(SinkError, match="has 2 rows that were staged in 'rivusio_staged_t', which has 1 of them"):
        sink.publish(token)
    for wrong in ("x", {"number": 1}, {"number": True, "rows": 1}, {"number": -1, "rows": 1}):
        with pytest.raises(SinkError, match="is no token of this table"):
            sink.publish(wrong)
    sink.close()


def test_a_later_checkpoint_that_is_gone_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sink = opened(table(tmp_path))
    sink.recover("flow/t", [])
    tokens = list[JsonValue]()
    for item in orders(2):
        sink.write([item])
        tokens.append(sink.stage())
        sink.publish(tokens[-1])
    sink.close()
    again = opened(table(tmp_path))
    with caplog.at_level(logging.WARNING, "rivusio"):
        again.recover("flow/t", tokens[:1])
    again.close()
    assert "published after the checkpoint" in caplog.text


def test_another_model_begins_with_another_table_of_staged_rows(tmp_path: Path) -> None:
    class More(Order):
        more: str | None = None

    path, sink = tmp_path / "out.db", opened(table(tmp_path))
    sink.recover("flow/t", [])
    sink.write(orders(1))
    token = sink.stage()
    sink.close()
    with closing(sqlite3.connect(path)) as other:
        other.execute("alter table t add column more text")
    changed = SqliteTable(path, "t", More)
    changed.open()
    changed.recover("flow/t", [token])
    changed.write([More(id=1, user="b", more="c")])
    changed.publish(changed.stage())
    changed.close()
    assert rows(path, "select * from t") == [(0, "u0", None), (1, "b", "c")]


def test_what_stands_in_the_way_is_told(tmp_path: Path) -> None:
    path = tmp_path / "out.db"
    sink = SqliteTable(path, "t", Order, lock_timeout=0)
    sink.open()
    sink.recover("flow/t", [])
    sink.write(orders(2))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin immediate")
        with pytest.raises(SinkError, match="another program held it for lock_timeout=0 s"):
            sink.stage()
        other.execute("rollback")
        sink.write(orders(2))
        token = sink.stage()
        other.execute("alter table t rename column user to usr")
        with pytest.raises(SinkError, match=r"table 't': writing failed: .*user"):
            sink.publish(token)
        other.execute("alter table t rename column usr to user")
        other.execute("create unique index one on t (id)")
        other.execute("insert into t values (1, 'there')")
        with pytest.raises(SinkError, match="the table's own rules forbid a row"):
            sink.publish(token)
    sink.close()
    assert rows(path, "select count(*) from rivusio_staged_t") != [(0,)]


def test_methods_that_need_another_first_say_so(tmp_path: Path) -> None:
    sink = table(tmp_path)
    for call in (sink.flush, sink.begin, lambda: sink.recover("a", []), lambda: sink.commit_with(print)):
        with pytest.raises(SinkError, match="is not open"):
            call()
    sink.open()
    for call in (sink.stage, lambda: sink.publish({})):
        with pytest.raises(SinkError, match=r"recover\(\) comes first"):
            call()
    sink.close()


def test_many_rows_and_small_checkpoints_do_not_wait_for_each_other(tmp_path: Path) -> None:
    """Tidying up checkpoints uses another connection than the transaction of the rows."""
    flow = Stream.read(orders(20_000)).write(SqliteTable(tmp_path / "out.db", "t", Order, lock_timeout="5s"))
    flow.run(RunConfig(checkpoint=SqliteStore(tmp_path / "out.db"), every="10ms"))
    assert rows(tmp_path / "out.db", "select count(*), count(distinct id) from t") == [(20_000, 20_000)]
