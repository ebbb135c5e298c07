"""SQLite tables: real files, read and written by flows, looked at with sqlite3 itself."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from contract import child_environment, flat, rows
from contract import read as batches
from contrib_models import Order, orders
from pydantic import BaseModel

from rivusio_core import ConfigError, SinkError, SourceError
from rivusio_plugins_contrib.sqlite import SqliteTable
from rivusio_streams import RunConfig, Stream
from rivusio_streams.dead_letter import Envelope
from rivusio_streams.source import EndOfPartition


def read(source: SqliteTable[Order]) -> list[Order]:
    found: list[Order] = []
    Stream.read(source).write(found).run()
    return found


def test_rows_are_in_the_table_as_other_programs_expect(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    Stream.read(orders(2_500)).write(SqliteTable(path, "orders", Order)).run()
    assert rows(path, "select count(*), min(id), max(id) from orders") == [(2_500, 0, 2_499)]
    assert rows(path, "select id, user, typeof(id), typeof(user) from orders limit 1") == [(0, "u0", "integer", "text")]


def test_without_key_rows_are_added_and_with_key_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    for _ in range(2):
        Stream.read(orders(3)).write(SqliteTable(path, "added", Order)).run()
        Stream.read(orders(3)).write(SqliteTable(path, "keyed", Order, key="id")).run()
        Stream.read(orders(3)).write(SqliteTable(path, "pairs", Order, key=("id", "user"))).run()
    assert rows(path, "select count(*) from added") == [(6,)]
    assert rows(path, "select count(*) from keyed") == [(3,)]
    assert rows(path, "select count(*) from pairs") == [(3,)]
    Stream.read([Order(id=1, user="new")]).write(SqliteTable(path, "keyed", Order, key="id")).run()
    assert rows(path, "select user from keyed order by id") == [("u0",), ("new",), ("u2",)]


def test_the_commit_says_what_writing_twice_leaves(tmp_path: Path) -> None:
    assert SqliteTable(tmp_path / "a.db", "t", Order).commit == "transactional"
    assert SqliteTable(tmp_path / "a.db", "t", Order, key="id").commit == "keyed"


@pytest.mark.parametrize("name", ['x"; DROP TABLE orders; --', "select", "a b", "ö'\"", "[x]"])
def test_any_name_is_only_a_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.db"
    Stream.read(orders(2)).write(SqliteTable(path, "orders", Order)).run()
    Stream.read(orders(3)).write(SqliteTable(path, name, Order)).run()
    assert read(SqliteTable(path, name, Order)) == orders(3)
    assert read(SqliteTable(path, "orders", Order)) == orders(2)


@pytest.mark.parametrize("name", ["", "a\0b"])
def test_no_name_at_all_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="no name"):
        SqliteTable("a.db", name, Order)


def test_a_key_that_is_no_field_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"key: 'usr' is no column; did you mean 'user'\?"):
        SqliteTable("a.db", "t", Order, key="usr")


def test_reading_goes_on_behind_a_position(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    Stream.read(orders(10)).write(SqliteTable(path, "t", Order)).run()
    source = SqliteTable(path, "t", Order)
    first = source.open_partition("0", None)
    assert first.next_batch(4) == orders(4)
    position = first.position()
    first.close()
    second = source.open_partition("0", position)
    assert second.next_batch(100) == orders(10)[4:]
    with pytest.raises(EndOfPartition):
        second.next_batch(1)
    second.close()


@pytest.mark.parametrize("ids", [[-(2**63), -5, 0, 2**63 - 1]])
def test_row_ids_of_any_size_are_read(tmp_path: Path, ids: list[int]) -> None:
    path = tmp_path / "a.db"
    Stream.read([Order(id=each, user="x") for each in ids]).write(SqliteTable(path, "t", Order, key="id")).run()
    assert [order.id for order in read(SqliteTable(path, "t", Order))] == ids


def test_a_bad_row_is_told_and_kept_aside(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("create table t (id, user); insert into t values (1, 'a'), ('secret', 'b'), (3, 'c');")
    letters: list[Envelope] = []
    found: list[Order] = []
    source = SqliteTable(path, "t", Order, on_error="dead_letter")
    Stream.read(source).write(found).run(RunConfig(dead_letters=letters))
    assert [order.id for order in found] == [1, 3]
    (letter,) = letters
    assert letter.value == {"id": "secret", "user": "b"}
    assert "row 2: id: Input should be a valid integer" in letter.reason
    assert "secret" not in letter.reason


def test_mistakes_are_told_with_what_is_there_instead(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with pytest.raises(SourceError, match="does not exist"):
        read(SqliteTable(path, "orders", Order))
    Stream.read(orders(1)).write(SqliteTable(path, "orders", Order)).run()
    with pytest.raises(SourceError, match=r"no such table; did you mean 'orders'\?"):
        read(SqliteTable(path, "order", Order))

    class Other(BaseModel):
        id: int
        usr: str

    with pytest.raises(SourceError, match=r"no column 'usr'; did you mean 'user'\?"):
        Stream.read(SqliteTable(path, "orders", Other)).write([]).run()
    with pytest.raises(SinkError, match="made for another model"):
        Stream.read([Other(id=1, usr="x")]).write(SqliteTable(path, "orders", Other)).run()
    with pytest.raises(SinkError, match="primary key or unique index"):
        Stream.read(orders(1)).write(SqliteTable(path, "orders", Order, key="id")).run()
    (tmp_path / "no.db").write_text("this is no database, but it is long enough to be looked at as one" * 20)
    with pytest.raises(SourceError, match="check the path"):
        read(SqliteTable(tmp_path / "no.db", "orders", Order))
    with pytest.raises(SinkError, match="folder must exist"):
        Stream.read(orders(1)).write(SqliteTable(tmp_path / "no" / "a.db", "orders", Order)).run()


def test_a_failed_write_leaves_its_transaction_out(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("create table t (id integer check (id < 5), user text)")
    with pytest.raises(SinkError, match="CHECK"):
        Stream.read(orders(10)).write(SqliteTable(path, "t", Order)).run()
    assert rows(path, "select count(*) from t") == [(0,)]


def test_it_is_a_value() -> None:
    assert SqliteTable("a.db", "t", Order, key="id") == SqliteTable("a.db", "t", Order, key=["id"])
    assert hash(SqliteTable("a.db", "t", Order)) == hash(SqliteTable("a.db", "t", Order))
    assert SqliteTable("a.db", "t", Order) != SqliteTable("a.db", "u", Order)
    assert repr(SqliteTable("a.db", "t", Order, key="id")) == "SqliteTable('a.db', 't', Order, key=('id',))"


class Shadowed(BaseModel):
    rowid: str
    oid: str


def test_a_column_called_like_the_row_id_is_only_a_column(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    items = [Shadowed(rowid="b", oid="x"), Shadowed(rowid="a", oid="x")]
    Stream.read(items).write(SqliteTable(path, "t", Shadowed)).run()
    assert flat(batches(SqliteTable(path, "t", Shadowed), 1)) == items
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("create table hidden (rowid text, oid text, _rowid_ text)")
    with pytest.raises(SourceError, match="all names of the row id"):
        SqliteTable(path, "hidden", Shadowed).open_partition("0", None)


@pytest.mark.parametrize(
    "made",
    [
        "create table t (id integer primary key, user text) without rowid",
        "create view t as select 1 id, 'a' user",
        "create table other (id integer, user text); create view t as select * from other",
    ],
)
def test_what_has_no_row_ids_is_refused(tmp_path: Path, made: str) -> None:
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(made)
    for name in ("t", "T"):
        with pytest.raises(SourceError, match=r"table '[tT]': .*no row ids; copy what you need into a plain table"):
            SqliteTable(path, name, Order).open_partition("0", None)


def test_names_are_compared_as_sqlite_does(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("create table Orders (ID integer, \"User\" text); insert into Orders values (1, 'a')")
    Stream.read([Order(id=2, user="b")]).write(SqliteTable(path, "orders", Order)).run()
    assert read(SqliteTable(path, "ORDERS", Order)) == [Order(id=1, user="a"), Order(id=2, user="b")]


def test_rows_added_later_are_found_behind_the_position(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    source = SqliteTable(path, "t", Order)
    Stream.read(orders(3)).write(source).run()
    (_, position) = batches(source, 10)[-1]
    Stream.read(orders(5)[3:]).write(source).run()
    assert flat(batches(source, 10, position)) == orders(5)[3:]


def test_a_locked_file_is_waited_for_and_then_told(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    Stream.read(orders(3)).write(SqliteTable(path, "t", Order)).run()
    patient = SqliteTable(path, "t", Order, lock_timeout="400ms").open_partition("0", None)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin exclusive")
        with pytest.raises(SinkError, match=r"table 't': .*locked; another program held it for lock_timeout=0 s"):
            Stream.read(orders(1)).write(SqliteTable(path, "t", Order, lock_timeout=0)).run()
        with pytest.raises(SourceError, match=r"table 't': .*locked; another program held it for lock_timeout=0 s"):
            SqliteTable(path, "t", Order, lock_timeout=0).open_partition("0", None)
        assert patient.next_batch(2) == []  # so that the run may stop; it is asked again
        with pytest.raises(SourceError, match=r"lock_timeout=0\.4 s"):
            patient.next_batch(2)
        other.execute("rollback")
    assert patient.next_batch(2) == orders(2)
    patient.close()


def test_generated_columns_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("create table t (id integer, user as ('u' || id)); insert into t (id) values (0), (1)")
    assert read(SqliteTable(path, "t", Order)) == orders(2)


@pytest.mark.parametrize("name", ["a?mode=ro.db", "a#b%20c.db", "ö ü.db"])
def test_any_path_is_only_a_path(tmp_path: Path, name: str) -> None:
    Stream.read(orders(2)).write(SqliteTable(tmp_path / name, "t", Order)).run()
    assert read(SqliteTable(tmp_path / name, "t", Order)) == orders(2)
    assert [each.name for each in tmp_path.iterdir()] == [name]


KILLED = """
import os, signal, sys
from contrib_models import Order
from rivusio_plugins_contrib.sqlite import SqliteTable
sink = SqliteTable(sys.argv[1], "t", Order)
sink.open()
sink.write([Order(id=1, user="a"), Order(id=2, user="b")])
sink.flush()
sink.write([Order(id=3, user="c")])
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGKILL")
def test_a_killed_writer_leaves_what_it_flushed(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], env=child_environment(), check=False)
    assert done.returncode == -signal.SIGKILL
    assert [order.id for order in read(SqliteTable(path, "t", Order))] == [1, 2]
