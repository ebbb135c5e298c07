"""PostgreSQL tables: a real server, read and written by flows, looked at over another connection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from pathlib import Path
from typing import Any

import psycopg
import pytest
from contract import check_failed_run, check_seekable, check_sink
from contrib_models import EVERY, Odd, Order, orders
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from postgres_server import PostgresServer
from pydantic import BaseModel, JsonValue, SecretStr

from rivusio_core import CheckpointWriteError, ConfigError, SinkError, SourceError
from rivusio_plugins_contrib.postgres import PostgresStore, PostgresTable
from rivusio_streams import Envelope, RunConfig, Stream
from rivusio_streams.checkpoint import store_at
from rivusio_streams.flow import Flow
from rivusio_streams.testing import check_store, crash_check

pytestmark = pytest.mark.timeout(300)


def rows(dsn: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        cursor = connection.execute(query.encode())
        return cursor.fetchall() if cursor.description else []


def read(source: PostgresTable[Any]) -> list[Any]:
    found: list[Any] = []
    Stream.read(source).write(found).run()
    return found


def test_rows_are_in_the_table_as_other_programs_expect(dsn: str) -> None:
    Stream.read(orders(2_500)).write(PostgresTable(dsn, "orders", Order)).run()
    assert rows(dsn, "select count(*), min(id), max(id) from orders") == [(2_500, 0, 2_499)]
    assert rows(dsn, 'select pg_typeof(id)::text, pg_typeof("user")::text from orders limit 1') == [("bigint", "text")]


def test_without_key_rows_are_added_and_with_key_replaced(dsn: str) -> None:
    for _ in range(2):
        Stream.read(orders(3)).write(PostgresTable(dsn, "added", Order)).run()
        Stream.read([*orders(3), *orders(2)]).write(PostgresTable(dsn, "keyed", Order, key="id")).run()
        Stream.read(orders(3)).write(PostgresTable(dsn, "pairs", Order, key=("id", "user"))).run()
    assert [rows(dsn, f"select count(*) from {name}") for name in ("added", "keyed", "pairs")] == [
        [(6,)],
        [(3,)],
        [(3,)],
    ]
    Stream.read([Order(id=1, user="new")]).write(PostgresTable(dsn, "keyed", Order, key="id")).run()
    assert rows(dsn, 'select "user" from keyed order by id') == [("u0",), ("new",), ("u2",)]


def test_it_keeps_the_contracts_of_sources_and_sinks(dsn: str) -> None:
    table = PostgresTable(dsn, "orders", Order, key="id")
    check_sink(table, orders(9), lambda: read(table))
    check_seekable(table, orders(9))
    check_failed_run(table, Order(id=77, user="x"), lambda: read(table), orders(9))


def values(item: Any) -> list[tuple[str, Any]]:
    return sorted((item if isinstance(item, dict) else vars(item)).items())


def storable(item: Any) -> bool:
    """Texts of PostgreSQL have no NUL, though those within JSON have; and JSON has no infinity."""
    if isinstance(item, Odd) and item.text_or_real in (inf, -inf):
        return False
    return not any(isinstance(each, str) and "\0" in each for _, each in values(item))


@pytest.mark.parametrize("model_and_items", EVERY, ids=lambda each: each[0].__name__)
def test_every_kind_of_value_comes_back(postgres_server: PostgresServer, model_and_items: Any) -> None:
    model, items = model_and_items
    dsn = postgres_server.new_database()
    rows(dsn, "create table numbers (n bigint)")

    @settings(
        max_examples=10,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(st.lists(items.filter(storable), max_size=3))
    def check(found: list[Any]) -> None:
        rows(dsn, "drop table if exists t")
        Stream.read(found).write(PostgresTable(dsn, "t", model)).run()
        rows(dsn, "alter table t add column place bigserial unique not null")
        back = read(PostgresTable(dsn, "t", model, order_by="place"))
        assert len(back) == len(found)
        for one, other in zip(found, back, strict=True):
            assert not [each for each in zip(values(one), values(other), strict=True) if each[0] != each[1]]

    check()


class Typed(BaseModel):
    id: str
    day: str
    price: str
    at: str
    data: dict[str, int]


def test_a_table_of_other_types_is_used_as_it_is(dsn: str) -> None:
    rows(dsn, "create table t (id uuid primary key, day date, price numeric(10, 2), at timestamptz, data jsonb)")
    item = Typed(
        id="00000000-0000-0000-0000-000000000001", day="2026-01-31", price="1.50", at="2026-01-31T10:00Z", data={"a": 1}
    )
    sink = PostgresTable(dsn, "t", Typed)
    sink.open()
    sink.recover("flow/t", [])
    sink.write([item])
    sink.publish(sink.stage())
    sink.close()
    assert rows(dsn, "select extract(epoch from at)::int, price * 2, data -> 'a' from t") == [(1769853600, 3, 1)]
    (found,) = read(PostgresTable(dsn, "t", Typed, key="id"))
    assert (found.id, found.day, found.price, found.data) == (item.id, item.day, item.price, item.data)


@pytest.mark.parametrize("kind", ["text", "uuid", "numeric", "timestamptz"])
def test_any_unique_column_orders(dsn: str, kind: str) -> None:
    kinds = {
        "text": "chr(64 + n % 50) || n::text",
        "uuid": "md5(n::text)::uuid",
        "numeric": "n / 7.0",
        "timestamptz": "'2026-01-01'::timestamptz + n * interval '1.5 s'",
    }
    rows(
        dsn, f"create table t as select n as id, n::text as user, {kinds[kind]} as place from generate_series(1, 99) n"
    )
    rows(dsn, "alter table t alter place set not null, add unique (place)")
    expected = [Order(id=n, user=u) for n, u in rows(dsn, 'select id, "user" from t order by place')]
    check_seekable(PostgresTable(dsn, "t", Order, order_by="place"), expected)


def test_what_cannot_be_ordered_by_is_refused(dsn: str) -> None:
    rows(dsn, 'create table t (id bigint, "user" text unique, u bigint not null)')
    for column in ("id", "user", "u"):
        with pytest.raises(SourceError, match=f"'{column}' cannot be ordered by"):
            read(PostgresTable(dsn, "t", Order, order_by=column))
    with pytest.raises(SourceError, match="no column 'x' to order by"):
        read(PostgresTable(dsn, "t", Order, order_by="x"))
    with pytest.raises(SourceError, match="order_by="):
        read(PostgresTable(dsn, "t", Order))
    for position in (True, 1.5, [1]):
        with pytest.raises(SourceError, match="no position"):
            PostgresTable(dsn, "t", Order, key="id").open_partition("0", position)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ['x"; DROP TABLE orders; --', "select", "a b", "ö'\"", "%s $1", "a.b", "U"])
def test_any_name_is_only_a_name(dsn: str, name: str) -> None:
    table = PostgresTable(dsn, name, Order, key="id")
    table.open()
    table.recover("flow/t", [])
    table.write(orders(3))
    table.publish(table.stage())
    table.close()
    assert read(table) == orders(3)


def test_names_that_would_be_cut_are_refused_and_own_names_are_not_cut(dsn: str) -> None:
    with pytest.raises(ConfigError, match="too long"):
        PostgresTable(dsn, "x" * 64, Order)
    for name in ("x" * 62 + "a", "x" * 62 + "b"):
        sink = PostgresTable(dsn, name, Order)
        sink.open()
        sink.recover("flow/t", [])
        sink.write(orders(2))
        sink.publish(sink.stage())
        sink.close()
    assert rows(dsn, "select count(*) from pg_class where relname like 'rivusio_staged%'") == [(2,)]


# ------------------------------------------------------------------------------------------------- secrets, errors


@pytest.mark.parametrize(
    "secret",
    [
        "postgresql://ann:pass%20w0rd@db:5432/shop",
        "host=db user=ann password='pass w0rd' dbname=shop",
        SecretStr("postgresql://ann@db/shop?password=pass%20w0rd"),
    ],
)
def test_passwords_are_never_shown(secret: str | SecretStr) -> None:
    table, store = PostgresTable(secret, "t", Order), PostgresStore(secret)
    shown = [repr(table), repr(store), store.place, store.database, table.database]
    assert not any("w0rd" in each for each in map(str, shown))
    assert repr(store) == "PostgresStore('postgresql://ann@db:5432/shop')"
    assert table.database == store.database


@pytest.mark.parametrize("wrong", ["postgresql://ann:w0rd@db/shop?nonsense=1", "pass w0rd", "postgresql://a:w0rd@[x"])
def test_what_is_no_connection_string_is_not_quoted(wrong: str) -> None:
    for call in (lambda: PostgresTable(wrong, "t", Order), lambda: PostgresStore.at(wrong)):
        with pytest.raises(ConfigError, match="no connection string") as caught:
            call()
        assert "w0rd" not in str(caught.value)


def test_databases_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    one = PostgresStore("postgresql://ann@db/shop").database
    assert PostgresStore("host=db user=ann dbname=shop port=5432 password=x").database == one
    monkeypatch.setenv("PGHOST", "db")
    assert PostgresStore("user=ann dbname=shop").database == one
    for other in ("postgresql://ann@db/shop2", "postgresql://ann@db2/shop", "postgresql://ann@db:1/shop"):
        assert PostgresStore(other).database != one
    for other in ("postgresql://bob@db/shop", "postgresql://ann@db/shop?options=-csearch_path%3Dx"):
        assert PostgresStore(other).database != one


def test_a_server_that_is_not_there_is_a_transient_error(tmp_path: Path) -> None:
    dsn = f"host={tmp_path} user=ann password=w0rd"
    calls: list[tuple[type[Exception], Callable[[], object]]] = [
        (SinkError, PostgresTable(dsn, "t", Order).open),
        (SourceError, lambda: PostgresTable(dsn, "t", Order, key="id").open_partition("0", None)),
        (CheckpointWriteError, lambda: PostgresStore(dsn).open("flow")),
    ]
    for kind, call in calls:
        with pytest.raises(kind, match="connecting failed") as caught:
            call()
        assert isinstance(caught.value.__cause__, ConnectionError)
        assert "w0rd" not in str(caught.value)


def test_a_connection_that_is_lost_is_a_transient_error(dsn: str) -> None:
    for begin in (False, True):
        sink = PostgresTable(dsn, "t", Order)
        sink.open()
        if begin:
            sink.begin()
        sink.write(orders(1_500))
        rows(dsn, "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'rivusio'")
        sink.write(orders(1))
        with pytest.raises(SinkError, match="failed") as caught:
            sink.commit_with(lambda connection: None) if begin else sink.flush()
        assert isinstance(caught.value.__cause__, ConnectionError)
        sink.close()
    assert rows(dsn, "select count(*) from t") == [(1_500,)]  # what was not in a joint transaction


def test_mistakes_are_told_without_contents(dsn: str) -> None:
    with pytest.raises(SourceError, match="no such table"):
        read(PostgresTable(dsn, "orders", Order, key="id"))
    rows(dsn, 'create table orders (id bigint check (id < 5), "user" date, usr text)')
    with pytest.raises(SinkError, match="a value does not fit its column") as caught:
        Stream.read([Order(id=1, user="s3cret")]).write(PostgresTable(dsn, "orders", Order)).run()
    assert "s3cret" not in str(caught.value)
    with pytest.raises(SinkError, match="the table's own rules forbid a row"):
        Stream.read([Order(id=7, user="2026-01-01")]).write(PostgresTable(dsn, "orders", Order)).run()
    with pytest.raises(SinkError, match="primary key or unique index"):
        Stream.read(orders(1)).write(PostgresTable(dsn, "orders", Order, key="id")).run()
    with pytest.raises(SinkError, match="the text has the character NUL"):
        Stream.read([Order(id=1, user="a\0b")]).write(PostgresTable(dsn, "fresh", Order)).run()

    class Other(BaseModel):
        id: int
        use: str

    with pytest.raises(SinkError, match=r"no column 'use'; did you mean 'us.*made for another model"):
        Stream.read([Other(id=1, use="x")]).write(PostgresTable(dsn, "orders", Other)).run()


@pytest.mark.parametrize("checkpoints", [False, True])
@pytest.mark.parametrize("key", [None, "id"])
def test_text_that_cannot_be_stored_keeps_no_other_from_it(dsn: str, key: str | None, checkpoints: bool) -> None:
    letters = list[Envelope]()
    items = [*orders(700), Order(id=-1, user="s3c\0ret"), *orders(2_500)[700:]]
    flow = Stream.read(items).write(PostgresTable(dsn, "t", Order, key=key), on_error="dead_letter")
    flow.run(RunConfig(dead_letters=letters, checkpoint=PostgresStore(dsn) if checkpoints else None))
    assert rows(dsn, "select count(*), min(id), max(id) from t") == [(2_500, 0, 2_499)]
    [letter] = letters
    assert (letter.position, letter.step) == (700, "t")
    assert "column 'user': the text has the character NUL" in letter.reason
    assert "s3c" not in str(letter.reason) + str(letter.trace)


# ---------------------------------------------------------------------------------------------------- checkpoints


def test_the_store_keeps_the_contract(dsn: str) -> None:
    check_store(lambda: PostgresStore(dsn))


def test_a_url_makes_the_store(postgres_server: PostgresServer) -> None:
    url = f"postgresql://{postgres_server.user}@/postgres?host={postgres_server.folder}"
    made = store_at(url)
    assert isinstance(made, PostgresStore)
    assert made.database == PostgresTable(postgres_server.dsn(), "t", Order).database


def test_who_lost_the_lock_writes_no_checkpoint(dsn: str) -> None:
    store, sink = PostgresStore(dsn), PostgresTable(dsn, "t", Order)
    store.open("flow")
    sink.open()
    sink.begin()
    sink.write(orders(1))
    sink.commit_with(lambda connection: store.put_on(connection, "1", b"x"))
    rows(dsn, "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'")
    sink.write(orders(1))
    with pytest.raises(CheckpointWriteError, match="another run may have begun"):
        sink.commit_with(lambda connection: store.put_on(connection, "2", b"y"))
    sink.close()
    store.close()
    assert rows(dsn, "select count(*), (select count(*) from rivusio_checkpoints) from t") == [(1, 1)]


# ------------------------------------------------------------------------------------------------ crashes


class Places:
    """A database for each folder of a check, and its contents."""

    def __init__(self, server: PostgresServer) -> None:
        self.server = server
        self.known: dict[Path, str] = {}

    def dsn(self, place: Path) -> str:
        if place not in self.known:
            schema = f"s{len(self.known)}"
            if not self.known:
                self.base = self.server.new_database()
            rows(self.base, f"create schema {schema}")
            self.known[place] = f"{self.base} options='-csearch_path={schema}'"
        return self.known[place]

    def table(self, place: Path, name: str = "t", **more: Any) -> PostgresTable[Order]:
        return PostgresTable(self.dsn(place), name, Order, **more)

    def store(self, place: Path) -> PostgresStore:
        return PostgresStore(self.dsn(place))

    def flow(self, sink: Callable[[Path], Any] | None = None) -> Callable[[Path], Flow]:
        return lambda place: (
            Stream.read(orders(7))
            .key_by(lambda each: each.id % 2)
            .scan(0, lambda total, each: total + each.id + 1)
            .map(lambda each: Order(id=each[1], user=f"u{each[0]}"))
            .write((sink or self.table)(place))
        )

    def stored(self, place: Path) -> list[Any]:
        dsn = self.dsn(place)
        if rows(dsn, "select to_regclass('t') is null") == [(True,)]:
            return []
        return rows(dsn, "select * from t")


@pytest.fixture
def places(postgres_server: PostgresServer) -> Places:
    return Places(postgres_server)


@pytest.mark.parametrize("key", [None, "id"])
def test_rows_and_checkpoint_in_one_transaction_are_exactly_once(places: Places, key: str | None) -> None:
    make = places.flow(lambda place: places.table(place, key=key))
    report = crash_check(make, places.stored, store=places.store)
    assert (report.lost, report.duplicated) == (0, 0)
    # Two for most operations: some runs do a few less than the one that was counted, so the last are not reached.
    assert report.crashes > 1.5 * report.operations


def test_staged_rows_are_exactly_once(places: Places) -> None:
    report = crash_check(places.flow(), places.stored)
    assert (report.lost, report.duplicated) == (0, 0)


def test_rows_with_a_key_are_exactly_once_without_staging(places: Places) -> None:
    report = crash_check(places.flow(lambda place: places.table(place, key="id")), places.stored)
    assert (report.lost, report.duplicated) == (0, 0)


def test_without_checkpoints_rows_are_there_again(places: Places) -> None:
    report = crash_check(places.flow(), places.stored, store=lambda place: None, delivery="at_least_once")
    assert report.lost == 0
    assert report.duplicated > 0


class RowsFirst(PostgresTable[Order]):
    """Commits rows, and then the checkpoint."""

    def commit_with(self, put: Callable[[Any], None]) -> None:
        super().commit_with(lambda connection: None)
        super().commit_with(put)


class Forgetful(PostgresTable[Order]):
    """Throws away what was staged, though a checkpoint has it."""

    def recover(self, owner: str, tokens: Sequence[JsonValue]) -> None:
        super().recover(owner, [])


def test_unsound_protocols_are_caught(places: Places) -> None:
    with pytest.raises(AssertionError, match="too much"):
        crash_check(
            places.flow(lambda place: RowsFirst(places.dsn(place), "t", Order)), places.stored, store=places.store
        )
    with pytest.raises(AssertionError, match="lost"):
        crash_check(places.flow(lambda place: Forgetful(places.dsn(place), "t", Order)), places.stored)


@pytest.mark.parametrize("key", [None, "id"])
def test_staged_rows_are_published_once_and_in_order(dsn: str, key: str | None) -> None:
    sink = PostgresTable(dsn, "t", Order, key=key)
    sink.open()
    sink.recover("flow/t", [])
    sink.write(orders(1_500))
    if key:
        sink.write([Order(id=1, user="new")])
    token = sink.stage()
    assert rows(dsn, "select count(*) from t") == [(0,)]
    for _ in range(2):
        sink.publish(token)
        assert rows(dsn, "select count(*) from t") == [(1_500,)]
    assert rows(dsn, 'select "user" from t where id = 1') == [("new" if key else "u1",)]
    sink.write(orders(2))
    lost = sink.stage()
    rows(dsn, "delete from rivusio_staged_t")
    with pytest.raises(SinkError, match="has 2 rows that were staged"):
        sink.publish(lost)
    sink.close()


def test_two_flows_may_stage_for_one_new_table_at_once(dsn: str) -> None:
    sinks = [PostgresTable(dsn, "t", Order) for _ in range(2)]
    for number, sink in enumerate(sinks):
        sink.open()
        sink.recover(f"flow{number}", [])
        sink.write(orders(2))
    for sink, token in [(sink, sink.stage()) for sink in sinks]:
        sink.publish(token)
        sink.close()
    assert rows(dsn, "select count(*) from t") == [(4,)]


def test_a_whole_run_with_checkpoints_in_the_same_database(dsn: str) -> None:
    flow = Stream.read(orders(5_000)).write(PostgresTable(dsn, "t", Order))
    flow.run(RunConfig(checkpoint=PostgresStore(dsn), every="20ms"))
    assert rows(dsn, "select count(*), count(distinct id) from t") == [(5_000, 5_000)]
    assert rows(dsn, "select count(*) > 0 from rivusio_checkpoints") == [(True,)]
