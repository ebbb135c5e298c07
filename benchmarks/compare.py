"""Times a workload with everybody by turns, and refuses the time of whoever gives something else than the loop."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any

import loops
import ours
from contestant import Run, Timing, time_run
from data import prepare
from peer import Peer, PeerFailed
from workloads import WORKLOADS

__all__ = ["Differs", "Entry", "Result", "compare", "smoke"]


class Differs(Exception):
    """Somebody's results are not those of the loop."""


@dataclass
class Entry:
    """Times of one who takes part.

    Attributes:
        reference: the loop that it is held to.
        items: of each round.
    """

    reference: str
    items: int
    time: Callable[[int], Timing] = field(repr=False)
    timings: list[Timing] = field(default_factory=list[Timing])

    def figures(self) -> dict[str, Any]:
        """For the file of results."""
        rates = sorted(self.items / timing.seconds for timing in self.timings)
        figures: dict[str, Any] = {
            "items": self.items,
            "seconds": [round(timing.seconds, 6) for timing in self.timings],
            "rate": round(statistics.median(rates)),
            "digest": self.timings[0].digest,
        }
        waits = [timing.latency for timing in self.timings if timing.latency is not None]
        if waits:
            figures["p50"] = round(statistics.median(each[0] for each in waits), 1)
            figures["p99"] = round(statistics.median(each[1] for each in waits), 1)
        return figures


@dataclass(frozen=True)
class Ratio:
    """Of two rates, round by round; above 1 where `of` is faster."""

    of: str
    to: str
    median: float
    lowest: float
    highest: float


@dataclass(frozen=True)
class Result:
    """Of one workload."""

    title: str
    goal: float | None
    entries: Mapping[str, Mapping[str, Any]]
    ratios: Sequence[Ratio]
    cannot: Mapping[str, str]
    remarks: Mapping[str, str]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def named(name: str, variant: str) -> str:
    """As the modules name what they run."""
    return f"{name} {variant}".strip()


@cache
def _expected(loop: str, items: int) -> str:
    return _local(loops.RUNS, loop)(items).digest


def _checked(who: str, entry: Entry, timing: Timing) -> Timing:
    if timing.digest != _expected(entry.reference, entry.items):
        raise Differs(f"{who} gives something else than the loop {entry.reference} for {entry.items:,} items")
    return timing


def _local(runs: Mapping[str, Run], run: str) -> Callable[[int], Timing]:
    """In this process."""

    def time(items: int) -> Timing:
        prepare(run, items)
        return time_run(runs[run], items)

    return time


def _entries(name: str, items: int, watched: Mapping[str, Run]) -> dict[str, Entry]:
    """The loops and ours; `watched` are ours with a listener."""
    entries = dict[str, Entry]()
    for variant, references in WORKLOADS[name].references.items():
        reference = named(name, references[0])
        for each in references:
            entries.setdefault(named("loop", each), Entry(reference, items, _local(loops.RUNS, named(name, each))))
        run = named(name, variant)
        entries[named("rivusio", variant)] = Entry(reference, items, _local(ours.RUNS, run))
        if run in watched and not variant:
            entries["rivusio monitored"] = Entry(reference, items, _local(watched, run))
    return entries


def smoke(name: str) -> None:
    """Hold ours to the loops on few items, and measure nothing.

    Raises:
        Differs: the results differ.
    """
    for who, entry in _entries(name, max(WORKLOADS[name].items // 100, 100), {}).items():
        _checked(who, entry, entry.time(entry.items))


def _peer_entry(peer: Peer, name: str) -> Entry:
    """With as many items as it can do in the time it has, beside what it takes to begin.

    Raises:
        Differs: its results differ already for few items.
        PeerFailed: it does not answer.
    """
    workload = WORKLOADS[name]
    few = max(workload.items // 200, 100)
    seconds = list[float]()
    for items in (few, few, few * 10):  # the first run imports and compiles
        entry = Entry(name, items, lambda items: peer.time(name, items))
        seconds.append(_checked(peer.name, entry, entry.time(items)).seconds)
    if name == "W7":
        return Entry(name, workload.items, entry.time)
    each = max((seconds[2] - seconds[1]) / (few * 9), seconds[2] / (few * 100))
    return Entry(name, min(workload.items, _round(workload.peer_seconds / each)), entry.time)


def _round(items: float) -> int:
    """Down to 1, 2 or 5 and noughts, so that workloads share what they read; at least 100."""
    magnitude = int(10 ** int(math.log10(max(items, 100))))
    return max(step * magnitude for step in (1, 2, 5) if step * magnitude <= max(items, 100))


def compare(name: str, rounds: int, peers: Sequence[Peer], watched: Mapping[str, Run]) -> Result:
    """Everybody by turns, `rounds` times.

    Raises:
        Differs: one of ours gives something else than the loop. A peer that does is listed with that as the reason.
    """
    workload = WORKLOADS[name]
    entries, cannot = _entries(name, workload.items, watched), dict[str, str]()
    for peer in peers:
        if name not in peer.contestant.runs:
            cannot[peer.name] = peer.contestant.cannot[name]
            continue
        try:
            entries[peer.name] = _peer_entry(peer, name)
        except (Differs, PeerFailed) as error:
            cannot[peer.name] = str(error)
    theirs = {peer.name for peer in peers}
    for _ in range(rounds):
        for who, entry in list(entries.items()):
            try:
                entry.timings.append(_checked(who, entry, entry.time(entry.items)))
            except (Differs, PeerFailed) as error:
                if who not in theirs:
                    raise
                del entries[who]
                cannot[who] = str(error)
    return Result(
        workload.title,
        workload.goal,
        {who: entry.figures() for who, entry in entries.items()},
        _ratios(name, entries, theirs),
        cannot,
        {peer.name: peer.contestant.remarks[name] for peer in peers if name in peer.contestant.remarks},
    )


def _ratios(name: str, entries: Mapping[str, Entry], theirs: set[str]) -> list[Ratio]:
    references = WORKLOADS[name].references
    pairs = [
        (named("rivusio", variant), named("loop", each)) for variant, loops in references.items() for each in loops
    ]
    if "rivusio monitored" in entries:
        pairs.append(("rivusio monitored", "rivusio"))
    pairs += [(who, "loop") for who in entries if who in theirs]
    return [_ratio(of, to, entries[of], entries[to]) for of, to in pairs]


def _ratio(of: str, to: str, one: Entry, other: Entry) -> Ratio:
    values = sorted(
        (one.items / ones.seconds) / (other.items / others.seconds)
        for ones, others in zip(one.timings, other.timings, strict=True)
    )
    return Ratio(of, to, round(statistics.median(values), 4), round(values[0], 4), round(values[-1], 4))
