"""A listener: hears of chunks, never of items, and must be quick."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from rivusio_core import Listener, RunInfo, Tally

__all__ = ["Totals"]

_log = logging.getLogger("rivusio_acme")


class Totals(Listener):
    """Counts the results of each step, and tells at the end of the run.

    Args:
        path: a file to write the counts to, as JSON; None: they are logged.

    Attributes:
        given: results by step.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.given: dict[str, int] = {}
        self._path = path

    def step_ran(self, run: RunInfo, step: str, tally: Tally, seconds: float) -> None:
        """Add up the results of a chunk."""
        self.given[step] = self.given.get(step, 0) + tally.given

    def run_ended(self, run: RunInfo, error: BaseException | None) -> None:
        """Tell the counts, also of a run that failed."""
        if self._path is None:
            _log.info("%s: %s", run.name, self.given)
        else:
            self._path.write_text(json.dumps(self.given), encoding="utf-8")
