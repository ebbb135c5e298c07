"""The names of the queries, and what they ask."""

from __future__ import annotations

from pathlib import Path
from typing import Final

__all__ = ["FOLDER", "NAMES", "asked"]

FOLDER: Final = Path(__file__).with_name("sql")
"""A file for each query."""

NAMES: Final = tuple(f"q{number}" for number in range(23))


def asked(name: str) -> str:
    """What a query asks: the first line of its file."""
    return (FOLDER / f"{name}.sql").read_text().partition("\n")[0].removeprefix("-- ")
