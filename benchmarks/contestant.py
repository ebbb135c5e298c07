"""Whoever takes part: a loop, Rivusio or a peer. Its module says what it runs, and what it cannot and why."""

from __future__ import annotations

import gc
import hashlib
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

__all__ = ["Arrived", "Contestant", "Run", "Timing", "numbers", "time_run"]


@dataclass(frozen=True)
class Run:
    """One way to do a workload.

    Attributes:
        call: does it; takes the number of items. The clock runs until it has given everything.
        plain: turns what it gave into a list of plain values that all contestants have in common; no clock runs.
    """

    call: Callable[[int], Any]
    plain: Callable[[Any], list[Any]] = list


@dataclass(frozen=True)
class Contestant:
    """Who takes part.

    Attributes:
        runs: by the name of the workload, which a variant follows, as in `W3 checkpointed`.
        cannot: why a workload is missing.
        remarks: how it does a workload, where that is not as one would think.
        note: how it is driven in all of them, where that is not as its documentation says.
    """

    name: str
    runs: Mapping[str, Run]
    cannot: Mapping[str, str] = field(default_factory=dict[str, str])
    remarks: Mapping[str, str] = field(default_factory=dict[str, str])
    note: str = ""

    @classmethod
    def of(cls, module: ModuleType) -> Contestant:
        """A module with `RUNS`, and if need be `CANNOT`, `REMARKS` and `NOTE`."""
        names = vars(module)
        said = names.get("CANNOT", {}), names.get("REMARKS", {}), names.get("NOTE", "")
        return cls(module.__name__.rpartition(".")[2], names["RUNS"], *said)


@dataclass(frozen=True)
class Timing:
    """Of one run.

    Attributes:
        digest: of the results, in whatever order they came.
        latency: the median and the 99th percentile, in microseconds, where items carry the time they were made at.
    """

    seconds: float
    digest: str
    latency: tuple[float, float] | None = None


def time_run(run: Run, items: int) -> Timing:
    """Run once."""
    gc.collect()
    began = time.perf_counter()
    given = run.call(items)
    seconds = time.perf_counter() - began
    values = run.plain(given)
    latency = None
    if isinstance(given, list) and given and isinstance(given[0], Arrived):
        waits = sorted(arrived.nanoseconds / 1_000 for arrived in given)
        latency = (statistics.median(waits), waits[len(waits) * 99 // 100])
    return Timing(seconds, digest(values), latency)


def digest(values: list[Any]) -> str:
    """Equal for equal results, whatever their order."""
    return hashlib.sha256(repr(sorted(values)).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Arrived:
    """An item of W7 that has left: its number, and how long it was under way."""

    number: int
    nanoseconds: int


def numbers(arrived: list[Arrived]) -> list[int]:
    """What W7 gave, without the times."""
    return [each.number for each in arrived]
