"""The connectors keep to the contracts of sources and sinks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from contract import check_failed_run, check_seekable, check_sink, flat, read
from contrib_models import Order, orders

from rivusio_core import SinkError, SourceError
from rivusio_plugins_contrib.files import Parquet
from rivusio_plugins_contrib.sqlite import SqliteTable

Make = Callable[[Path], SqliteTable[Order] | Parquet[Order]]
MAKERS: list[Make] = [
    lambda folder: SqliteTable(folder / "a.db", "orders", Order),
    lambda folder: SqliteTable(folder / "a.db", "orders", Order, key="id"),
    lambda folder: Parquet(folder / "a.parquet", Order),
]


@pytest.fixture(params=MAKERS, ids=["sqlite", "sqlite-keyed", "parquet"])
def connector(request: pytest.FixtureRequest, tmp_path: Path) -> SqliteTable[Order] | Parquet[Order]:
    make: Make = request.param
    return make(tmp_path)


def test_a_sink_makes_durable_what_it_flushed(connector: SqliteTable[Order] | Parquet[Order]) -> None:
    check_sink(connector, orders(9), lambda: flat(read(connector, 100)))


def test_a_source_goes_on_behind_every_position(connector: SqliteTable[Order] | Parquet[Order]) -> None:
    connector.open()
    connector.write(orders(10))
    connector.flush()
    connector.close()
    check_seekable(connector, orders(10))


def test_a_failed_run_leaves_what_was_there(connector: SqliteTable[Order] | Parquet[Order], tmp_path: Path) -> None:
    connector.open()
    connector.write(orders(3))
    connector.flush()
    connector.close()
    there = sorted(tmp_path.iterdir())
    check_failed_run(connector, Order(id=77, user="x"), lambda: flat(read(connector, 100)), orders(3))
    assert sorted(tmp_path.iterdir()) == there


def test_an_empty_run_leaves_an_empty_result(connector: SqliteTable[Order] | Parquet[Order]) -> None:
    connector.open()
    connector.flush()
    connector.close()
    assert read(connector, 5) == []


@pytest.mark.parametrize("position", ["3", -1.5, True, {"row": 1}, [1]])
def test_a_position_of_another_source_is_refused(
    connector: SqliteTable[Order] | Parquet[Order], position: bool | float | str | dict[str, int] | list[int]
) -> None:
    connector.open()
    connector.flush()
    connector.close()
    with pytest.raises(SourceError, match="no position"):
        connector.open_partition("0", position)  # type: ignore[arg-type]


def test_an_item_of_another_type_is_refused_without_quoting_it(connector: SqliteTable[Order] | Parquet[Order]) -> None:
    connector.open()
    try:
        with pytest.raises(SinkError, match="a dict is no Order") as caught:
            connector.write([{"id": "s3cret", "user": "s3cret"}])  # type: ignore[list-item]
        assert "s3cret" not in str(caught.value)
    finally:
        connector.close()
