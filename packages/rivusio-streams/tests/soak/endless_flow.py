"""What is watched: an endless source, and a sink that works a hundred times as long on each item.

Run as a program: `endless_flow.py KIND COUNT FOLDER`. It stops once so many items were written. Kinds: `steady`, and
with something planted: `leak` (a step that keeps each item), `queue` (a sink that takes everything at once, and has a
thread work it off), `burst` (a step that holds 128 MiB for a tenth of the run).
"""

from __future__ import annotations

import hashlib
import json
import queue
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import anyio

from rivusio_core import pipe
from rivusio_streams import RunConfig, Stream
from rivusio_streams.run import current_run
from rivusio_streams.sink import Sink
from rivusio_streams.source import Partition, Position, Source

TIMES = 100
"""How much longer the sink works on an item than the source."""
BURST = 128 * 1024 * 1024
_BLOCK = bytes(64 * 1024)
"""What the sink hashes: so much that other threads run meanwhile."""


class Counts:
    """What source and sink say of themselves."""

    given = 0
    given_seconds = 0.0
    """Of processor time, as those of the sink."""
    taken = 0
    """By the sink; of a sink with a queue: worked off."""
    taken_seconds = 0.0
    written = 0
    ahead = 0
    """Items that were given and not taken, at most."""

    def work_off(self, items: int) -> None:
        """Compute until all items taken so far had a hundred times as long as the source had for as many."""
        self.taken += items
        begun, worked = time.thread_time(), self.taken_seconds
        while self.taken_seconds < TIMES * self.given_seconds * self.taken / self.given:
            hashlib.sha256(_BLOCK)
            self.taken_seconds = worked + time.thread_time() - begun


class Endless(Source[str]):
    """Numbers, as texts."""

    bounded = False
    replay = "seekable"

    def __init__(self, counts: Counts) -> None:
        self.counts = counts

    def open_partition(self, partition: str, position: Position | None) -> Partition[str]:
        return _Endless(self.counts, position if isinstance(position, int) else 0)


class _Endless(Partition[str]):
    def __init__(self, counts: Counts, at: int) -> None:
        self.counts, self.at = counts, at

    def next_batch(self, maximum: int) -> list[str]:
        begun, counts = time.thread_time(), self.counts
        batch = list(map(str, range(self.at, self.at + maximum)))
        self.at += maximum
        counts.given += maximum
        counts.given_seconds += time.thread_time() - begun
        counts.ahead = max(counts.ahead, counts.given - counts.taken)
        return batch

    def position(self) -> Position:
        return self.at


class Slow(Sink[str]):
    """Returns when it has worked: that is the back-pressure."""

    def __init__(self, counts: Counts, count: int) -> None:
        self.counts, self.count = counts, count

    def write(self, batch: Sequence[str]) -> None:
        self.work(batch)
        self.counts.written += len(batch)
        print(self.counts.written, flush=True)
        if self.counts.written >= self.count:
            current_run().stop()

    def work(self, batch: Sequence[str]) -> None:
        self.counts.work_off(len(batch))


class Queued(Slow):
    """The bug: takes at once what it works off later, and nobody waits."""

    def open(self) -> None:
        self.waiting = queue.SimpleQueue[Sequence[str]]()
        threading.Thread(target=self.work_off, daemon=True).start()

    def work(self, batch: Sequence[str]) -> None:
        self.waiting.put(batch)

    def work_off(self) -> None:
        while True:
            self.counts.work_off(len(self.waiting.get()))


@pipe(concurrency=4)
async def check(batch: list[str]) -> list[str]:
    """Batches on their way at the same time: what would pile up without back-pressure."""
    await anyio.lowlevel.checkpoint()
    return batch


_kept: list[str] = []


def keep(item: str) -> str:
    """The bug: a list that only grows."""
    _kept.append(item)
    return item


def burst(count: int) -> Callable[[str], str]:
    """Holds much memory from 45 to 55 percent of the run."""
    held: list[bytes] = []

    def step(item: str) -> str:
        number = int(item)
        if number == count * 45 // 100:
            held.append(b"\1" * BURST)
        elif number == count * 55 // 100:
            held.clear()
        return item

    return step


def count_of(seen: tuple[int, str], item: str) -> tuple[int, str]:
    """How often a key was seen, and with which item last."""
    return seen[0] + 1, item


def main(kind: str, count: int, folder: Path) -> None:
    counts = Counts()
    items = Stream.read(Endless(counts))
    if kind == "leak":
        items = items.map(keep)
    elif kind == "burst":
        items = items.map(burst(count))
    checked = items.batch(100).through(check).flat_map(lambda batch: batch)
    # State by key, so that checkpoints have something to keep.
    totals = checked.key_by(lambda item: item[-3:]).scan((0, ""), count_of)
    sink = (Queued if kind == "queue" else Slow)(counts, count)
    flow = totals.map(lambda each: each[1][1]).write(sink).named("endless")
    report = flow.run(RunConfig(checkpoint=folder / "checkpoints.db", progress=False, drain_timeout="10m"))
    outcome = {
        "stopped": report.stopped,
        "unaccounted": report.ledger.unaccounted,
        "given": counts.given,
        "written": counts.written,
        "ahead": counts.ahead,
        "times": counts.taken_seconds / counts.given_seconds * counts.given / max(1, counts.taken),
    }
    print(json.dumps(outcome), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
