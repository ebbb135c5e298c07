"""The files that a run leaves in its output folder, and how they are read back."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from flights.models import HourStats, RouteDelay

__all__ = ["Outputs", "Results"]

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class Results:
    """What the summary and the chart are made of."""

    hours: list[HourStats]
    routes: list[RouteDelay]
    dead: Counter[str]
    """Rows refused, by reason."""


@dataclass(frozen=True)
class Outputs:
    """Where each result goes, below one folder."""

    folder: Path

    @property
    def hours(self) -> Path:
        """One line per origin and hour: `HourStats`."""
        return self.folder / "hours.jsonl"

    @property
    def routes(self) -> Path:
        """Ten lines per day: `RouteDelay`."""
        return self.folder / "worst_routes.jsonl"

    @property
    def dead_letters(self) -> Path:
        """One line per refused row: the row, and the reason."""
        return self.folder / "dead_letters.jsonl"

    @property
    def database(self) -> Path:
        """SQLite: the tables `hours` and `worst_routes`, the same rows as in the JSON lines."""
        return self.folder / "flights.sqlite"

    @property
    def enriched(self) -> Path:
        """Parquet: one row per flight, `EnrichedFlight`."""
        return self.folder / "flights.parquet"

    def chart(self, kind: str) -> Path:
        """The picture, `kind` being `png` or `svg`."""
        return self.folder / f"delays.{kind}"

    def clear(self) -> None:
        """Make the folder, and remove what an earlier run left in it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in (self.hours, self.routes, self.dead_letters, self.database, self.enriched):
            path.unlink(missing_ok=True)

    def read(self) -> Results:
        """The results of a finished run."""
        return Results(_models(self.hours, HourStats), _models(self.routes, RouteDelay), _reasons(self.dead_letters))


def _models(path: Path, model: type[M]) -> list[M]:
    with path.open("rb") as lines:
        return [model.model_validate_json(line) for line in lines]


def _reasons(path: Path) -> Counter[str]:
    if not path.exists():
        return Counter()
    with path.open("rb") as lines:
        return Counter(_reason(json.loads(line)) for line in lines)


def _reason(letter: dict[str, str]) -> str:
    return letter["reason"].partition(":")[0]
