"""Where flows that are killed write to, and how another program looks at it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

__all__ = ["CONTROL", "KINDS", "place_of"]

KINDS = ("sqlite-joint", "sqlite-staged", "postgres-joint", "postgres-staged")
CONTROL = "sqlite-append"

Ask = Callable[[str], list[tuple[Any, ...]]]
"""Gives the rows of a query; none while there is no table `results`."""


def place_of(kind: str, folder: Path, request: pytest.FixtureRequest) -> tuple[str, Ask]:
    """A new place, and what looks at it."""
    if kind.startswith("postgres"):
        dsn = str(request.getfixturevalue("dsn"))
        return f"{dsn}|{folder}", partial(_of_postgres, dsn)
    return str(folder), partial(_of_sqlite, folder / "results.db")


def _of_sqlite(path: Path, query: str) -> list[tuple[Any, ...]]:
    if not path.exists():
        return []
    with closing(sqlite3.connect(path, timeout=30)) as connection:
        if connection.execute("select 1 from sqlite_master where name = 'results'").fetchone() is None:
            return []
        return connection.execute(query).fetchall()


def _of_postgres(dsn: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        if connection.execute("select to_regclass('results') is null").fetchone() == (True,):
            return []
        return connection.execute(query.encode()).fetchall()
