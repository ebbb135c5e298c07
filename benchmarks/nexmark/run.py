"""Run the Nexmark queries on many events, and compare every answer with SQL.

    python benchmarks/nexmark/run.py                                        # 100,000 events, one seed
    python benchmarks/nexmark/run.py --events 1000000 --seeds 1 2
    python benchmarks/nexmark/run.py --only q5 q9 --out-of-order 30 --per-second 10000

The seconds are those of the stream, to see how long a run takes; times that can be compared are taken by
`benchmarks/run.py`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # so that the script finds its own package

from nexmark.events import Timeline, generate
from nexmark.model import Event
from nexmark.ours import answer
from nexmark.questions import NAMES
from nexmark.sql import Database

__all__ = ["Outcome", "main", "outcome"]


@dataclass(frozen=True)
class Outcome:
    """Of one query on one set of events.

    Attributes:
        rows: how many the stream gave.
        missing: how many rows only SQL gave.
        extra: how many only the stream gave.
        seconds: that the stream took.
    """

    rows: int
    missing: int
    extra: int
    seconds: float

    @property
    def equal(self) -> bool:
        return not self.missing and not self.extra


def outcome(name: str, events: Sequence[Event], out_of_order: int, database: Database) -> Outcome:
    """Run a query both ways, and compare."""
    began = time.perf_counter()
    rows = answer(name, events, out_of_order)
    seconds = time.perf_counter() - began
    given, expected = Counter(rows), Counter(database.rows(name))
    return Outcome(len(rows), (expected - given).total(), (given - expected).total(), seconds)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. 1: some answer differs."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, metavar="Q")
    parser.add_argument("--per-second", type=int, default=Timeline().per_second, help="events, in event time")
    parser.add_argument("--out-of-order", type=float, default=5.0, metavar="SECONDS", help="of event time")
    options = parser.parse_args(arguments)
    line = Timeline(per_second=options.per_second, out_of_order=round(options.out_of_order * 1_000_000))
    failed = False
    for seed in options.seeds:
        _progress(f"seed {seed}: {options.events:,} events")
        events = list(generate(seed, options.events, line))
        with Database(events) as database:
            print(f"seed {seed}, {options.events:,} events")
            print(f"{'query':6}{'rows':>10}  {'equal':14}{'s':>8}", flush=True)
            for number, name in enumerate(options.only, 1):
                _progress(f"seed {seed}: {name}, {number} of {len(options.only)}")
                found = outcome(name, events, line.out_of_order, database)
                failed = failed or not found.equal
                said = "yes" if found.equal else f"-{found.missing} +{found.extra}"
                _progress("")
                print(f"{name:6}{found.rows:>10,}  {said:14}{found.seconds:>8.2f}", flush=True)
    return int(failed)


def _progress(text: str) -> None:
    """One line of the terminal, written over; nothing where nobody looks."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
