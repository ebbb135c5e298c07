"""The answers by SQL: the same events as tables of DuckDB, and one query a file in `sql/`.

Each file says in its first line what is asked, and below which reading was chosen where the published query is on
processing time, or gives rows that are updated for ever.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import fields
from operator import attrgetter
from pathlib import Path
from typing import Final, Self

import duckdb

from nexmark.functions import SIDE_INPUT
from nexmark.model import Auction, Bid, Event, Person, Row
from nexmark.questions import FOLDER

__all__ = ["Database"]

_KINDS: Final[tuple[type[Event], ...]] = (Person, Auction, Bid)
_TYPES: Final = {"int": "BIGINT", "str": "VARCHAR"}


class Database:
    """The tables person, auction, bid and side_input, in memory. A context manager.

    Example:
        >>> ann = Person(1, "Ann", "", "", "Bend", "OR", 0, "")
        >>> with Database([ann, Auction(7, "", "", 1, 1, 1, 9, ann.id, 10, "")]) as database:
        ...     database.rows("q3")
        [('Ann', 'Bend', 'OR', 7)]
    """

    def __init__(self, events: Iterable[Event]) -> None:
        """Load the events."""
        self._connection = duckdb.connect(":memory:")
        # A file is the way in that needs nothing else: DuckDB inserts row by row only slowly.
        with tempfile.TemporaryDirectory() as folder:
            self._load(Path(folder), events)

    def rows(self, name: str) -> list[Row]:
        """What a query gives: `q0` to `q22`. In no order."""
        return self._connection.execute((FOLDER / f"{name}.sql").read_text()).fetchall()

    def _load(self, folder: Path, events: Iterable[Event]) -> None:
        paths = {kind: folder / f"{kind.__name__.lower()}.csv" for kind in _KINDS}
        with ExitStack() as files:
            writers = {
                kind: csv.writer(files.enter_context(path.open("w", newline="", encoding="utf-8"))).writerow
                for kind, path in paths.items()
            }
            rows = {kind: attrgetter(*(each.name for each in fields(kind))) for kind in _KINDS}
            for event in events:
                kind = type(event)
                writers[kind](rows[kind](event))
        for kind, path in paths.items():
            columns = {each.name: _TYPES[str(each.type)] for each in fields(kind)}
            texts = [name for name, type_ in columns.items() if type_ == "VARCHAR"]
            # Without `force_not_null` an empty text is read as NULL.
            self._connection.execute(
                f"CREATE TABLE {path.stem} AS "
                f"FROM read_csv('{path}', columns={columns}, header=false, auto_detect=false, force_not_null={texts})"
            )
        self._connection.execute("CREATE TABLE side_input (key BIGINT, value VARCHAR)")
        keys, values = list(SIDE_INPUT), list(SIDE_INPUT.values())
        self._connection.execute("INSERT INTO side_input SELECT unnest(?), unnest(?)", [keys, values])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
