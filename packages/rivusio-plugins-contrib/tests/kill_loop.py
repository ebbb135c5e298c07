"""Kills a flow at random moments until its input is through, and counts from outside what it left."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contract import child_environment

__all__ = ["Outcome", "expected", "kill_loop"]

_PROGRAM = Path(__file__).parent / "soak" / "killed_flow.py"
_START = 1.2
"""Seconds to be killed within, at most, after the start: some kills come before the flow has begun."""


@dataclass(frozen=True)
class Outcome:
    """What a loop left.

    Attributes:
        kind: of sink and store.
        kills: how many processes were killed.
        rows: found at the end.
        lost: expected and not there.
        duplicated: there more than once.
        wrong: there and not expected: a running total that is off.
    """

    kind: str
    kills: int
    rows: int
    lost: int
    duplicated: int
    wrong: int

    def __str__(self) -> str:
        return (
            f"{self.kind:16} {self.kills:5} kills {self.rows:8} rows {self.lost:6} lost {self.duplicated:6} duplicated "
            f"{self.wrong:6} wrong"
        )


def expected(count: int) -> list[tuple[int, int]]:
    """All rows: each number with the total of its third so far."""
    totals, rows = [0, 0, 0], list[tuple[int, int]]()
    for number in range(count):
        totals[number % 3] += number
        rows.append((number, totals[number % 3]))
    return rows


def kill_loop(
    kind: str, place: str, count: int, kills: int, seed: int, ask: Callable[[str], list[tuple[Any, ...]]]
) -> Outcome:
    """Kill so many processes, then let one come to the end; `ask` looks over another connection."""

    def seen() -> int:
        return sum(number for (number,) in ask("select count(*) from results"))

    chance, done = random.Random(seed), 0
    command = [sys.executable, str(_PROGRAM), kind, place, str(count)]
    while done < kills:
        child = subprocess.Popen(command, env=child_environment(), stderr=subprocess.PIPE)
        begun = seen()
        # Mostly soon after results were seen, when it writes; now and then at any moment from the start on.
        if chance.random() < 0.8:
            while child.poll() is None and seen() == begun:
                time.sleep(0.005)
            time.sleep(chance.random() * 0.15)
        else:
            time.sleep(chance.random() * _START)
        child.send_signal(signal.SIGKILL)
        _, told = child.communicate()
        if child.returncode == -signal.SIGKILL:
            done += 1
        elif child.returncode == 0:
            raise AssertionError(f"{kind}: the input was through after {done} kills of {kills}: give it more")
        else:
            raise AssertionError(f"{kind}: failed after {done} kills: {told.decode()}")
    last = subprocess.run(command, env=child_environment(), capture_output=True, check=False)
    if last.returncode != 0:
        raise AssertionError(f"{kind}: the last run failed: {last.stderr.decode()}")
    wanted, found = (
        Counter(expected(count)),
        Counter((number, total) for number, total in ask("select number, total from results")),
    )
    return Outcome(
        kind,
        done,
        found.total(),
        (wanted - found).total(),
        sum(number - 1 for number in found.values()),
        sum(number for row, number in found.items() if row not in wanted),
    )
