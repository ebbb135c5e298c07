"""What the example writes is what SQL computes from the same files."""

from __future__ import annotations

import datetime as dt
import json
import math
import sqlite3
from collections import Counter
from pathlib import Path

import duckdb
import oracle
import pytest
from oracle import Record, query

pytestmark = pytest.mark.timeout(900)


def test_hours_in_json_lines(results: Path, database: duckdb.DuckDBPyConnection) -> None:
    expected = query(database, oracle.HOURS)
    assert len(expected) == 19_485
    assert_same(by_key(lines(results / "hours.jsonl"), "origin", "hour"), by_key(expected, "origin", "hour"))


def test_hours_in_sqlite(results: Path, database: duckdb.DuckDBPyConnection) -> None:
    found = table(results / "flights.sqlite", "hours")
    assert_same(by_key(found, "origin", "hour"), by_key(query(database, oracle.HOURS), "origin", "hour"))


def test_worst_routes_in_json_lines(results: Path, database: duckdb.DuckDBPyConnection) -> None:
    expected = query(database, oracle.ROUTES)
    assert len(expected) == 365 * 10
    assert_same(by_key(lines(results / "worst_routes.jsonl"), "day", "rank"), by_key(expected, "day", "rank"))


def test_worst_routes_in_sqlite(results: Path, database: duckdb.DuckDBPyConnection) -> None:
    found = table(results / "flights.sqlite", "worst_routes")
    assert_same(by_key(found, "day", "rank"), by_key(query(database, oracle.ROUTES), "day", "rank"))


def test_enriched_flights_in_parquet(results: Path, database: duckdb.DuckDBPyConnection) -> None:
    (expected,) = query(database, oracle.ENRICHED)
    (found,) = query(database, oracle.ENRICHED_FOUND.format(parquet=results / "flights.parquet"))
    assert_same({"all": found}, {"all": expected})
    (outcomes,) = query(database, oracle.OUTCOMES_FOUND.format(parquet=results / "flights.parquet"))
    assert [outcomes] == query(database, oracle.OUTCOMES)
    assert outcomes == {"cancelled": 8_255, "diverted": 458, "landed": 327_338}


def test_enriched_flights_are_in_departure_order(results: Path, database: duckdb.DuckDBPyConnection) -> None:
    (found,) = query(database, oracle.DISORDER_FOUND.format(parquet=results / "flights.parquet"))
    assert found == {"disorder": 0}


def test_dead_letters(results: Path, database: duckdb.DuckDBPyConnection) -> None:
    letters = lines(results / "dead_letters.jsonl")
    found = Counter(str(letter["reason"]).partition(":")[0] for letter in letters)
    assert found == {row["fault"]: row["rows"] for row in query(database, oracle.DEAD)}
    assert found == {"arrival_incomplete": 717, "tailnum": 4, "impossible_speed": 4}


def test_every_row_is_accounted_for(results: Path) -> None:
    scheduled = sum(int(hour["scheduled"]) for hour in lines(results / "hours.jsonl"))
    assert scheduled + len(lines(results / "dead_letters.jsonl")) == 336_776


def test_summary_and_chart(results: Path) -> None:
    printed = (results / "printed.txt").read_text(encoding="utf-8")
    for total in ("120,514", "336,051", "327,796", "8,255 (2.5%)", "12.62", "725 rows"):
        assert total in printed
    assert (results / "delays.png").read_bytes().startswith(b"\x89PNG")
    assert "</svg>" in (results / "delays.svg").read_text(encoding="utf-8")


def lines(path: Path) -> list[Record]:
    with path.open("rb") as file:
        return [json.loads(line) for line in file]


def table(path: Path, name: str) -> list[Record]:
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    try:
        return [dict(row) for row in connection.execute(f"SELECT * FROM {name}")]  # names of this file
    finally:
        connection.close()


def by_key(rows: list[Record], *names: str) -> dict[str, Record]:
    keyed = {" ".join(str(plain(row[name])) for name in names): row for row in rows}
    assert len(keyed) == len(rows), "a key came twice"
    return keyed


def plain(value: object) -> object:
    """Times and days as sortable text, in UTC, however a store writes them."""
    if isinstance(value, str) and len(value) > len("2013-01-01T00") and value[4:5] == "-" and value[13:14] == ":":
        value = dt.datetime.fromisoformat(value)
    if isinstance(value, dt.datetime):
        moment = value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)
        return moment.isoformat()
    return value.isoformat() if isinstance(value, dt.date) else value


def assert_same(found: dict[str, Record], expected: dict[str, Record]) -> None:
    assert found.keys() == expected.keys()
    for key, row in expected.items():
        assert found[key].keys() == row.keys()
        for name, value in row.items():
            assert same(plain(found[key][name]), plain(value)), f"{key}: {name} is {found[key][name]}, not {value}"


def same(found: object, expected: object) -> bool:
    if isinstance(found, float) and isinstance(expected, float):
        return math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-9)
    return found == expected
