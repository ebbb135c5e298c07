"""What checkpoints cost a run: how long its event loop stands still for one, what is written, what throughput is left.

    python benchmarks/checkpoints.py               # every size in a process of its own; writes results/checkpoints.json
    python benchmarks/checkpoints.py --most 10000  # no more keys than that

A flow that keeps a count for each key is given all keys, and then one in a hundred of them, spread over a second, so
that each checkpoint, made every second in SQLite, has these to keep. Between two lots of items the loop is asked for a
turn over and over: when none comes, either the loop itself works (which the processor time of its thread tells) or it
waits for another thread or program. The same flow without checkpoints is measured, too.

Throughput is that of a flow that never waits and comes by all keys in turn, over some seconds: each checkpoint has to
keep all keys, or as many as there were items since the one before.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

from rivusio_streams import RunConfig, Stream
from rivusio_streams.checkpoint.sqlite import SqliteStore

__all__ = ["SIZES", "main", "measure"]

RESULTS = Path(__file__).parent / "results" / "checkpoints.json"
SIZES = (1_000, 10_000, 100_000, 1_000_000)
SECONDS = 12
"""For which one in a hundred keys is touched each second."""
PRESSED = 6.0
"""Seconds for which throughput is measured."""
SHORT = 0.0005
"""Gaps below this many seconds are not worth counting."""


class Weighed(SqliteStore):
    """Notes when it was given something, and how many bytes."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.puts = list[tuple[float, str, int]]()

    def put(self, name: str, data: bytes) -> None:
        super().put(name, data)
        self.puts.append((time.perf_counter(), name, len(data)))


class Gaps:
    """When the loop did not answer, and for how long."""

    def __init__(self) -> None:
        self.found = list[tuple[float, float, float]]()
        """When it ended, how long it was, and how much of that the loop worked; seconds."""

    async def until(self, due: float) -> None:
        last, worked = time.perf_counter(), time.thread_time()
        while last < due:
            await asyncio.sleep(0)
            now, working = time.perf_counter(), time.thread_time()
            if now - last > SHORT:
                self.found.append((now, now - last, working - worked))
            last, worked = now, working


async def touched(keys: int, gaps: Gaps, began: list[float], store: Weighed | None) -> AsyncIterator[int]:
    """All keys, and then a hundredth of them each second, in ten lots."""
    for key in range(keys):
        yield key
    gc.collect()
    gc.freeze()  # what the collector costs is no matter of checkpoints
    filled = time.perf_counter()
    while store is not None and sum(at > filled for at, name, _ in store.puts if name.endswith("changes")) < 2:  # noqa: ASYNC110
        await asyncio.sleep(0.1)  # until no checkpoint is made of all the keys any more
    began.append(time.perf_counter())
    due, lot = time.perf_counter(), max(keys // 1_000, 1)
    for number in range(SECONDS * 10):
        for key in range(lot):
            yield (number * lot + key) * 7 % keys
        due += 0.1
        await gaps.until(due)


def counted(items: AsyncIterator[int] | Iterator[int], config: RunConfig) -> None:
    """A running count for each key; nothing comes out."""
    given = list[Any]()
    stream = Stream.read(items).key_by(lambda key: key).scan(0, lambda total, _: total + 1)
    stream.filter(lambda each: each[1] < 0).write(given).run(config)


def stood_still(keys: int, store: Weighed | None) -> dict[str, Any]:
    """Of each second of a run, in milliseconds: the longest that the loop worked, and did not answer, at a stretch."""
    gaps, began = Gaps(), list[float]()
    counted(touched(keys, gaps, began, store), RunConfig(checkpoint=store, every="1s", parallelism=1))
    silent, working = [0.0] * SECONDS, [0.0] * SECONDS
    for at, gap, worked in gaps.found:
        second = min(int(at - began[0]), SECONDS - 1)
        silent[second] = max(silent[second], gap * 1e3)
        working[second] = max(working[second], worked * 1e3)
    found: dict[str, Any] = {
        "works_ms": round(statistics.median(working), 2),
        "most_works_ms": round(max(working), 2),
        "silent_ms": round(statistics.median(silent), 2),
        "most_silent_ms": round(max(silent), 2),
    }
    if store is not None:
        sizes = [size for at, name, size in store.puts if at > began[0] and name.endswith("changes")]
        found["bytes"] = round(statistics.median(sizes))
        found["checkpoints"] = len(sizes)
        found["put_together"] = sum(at > began[0] and name.endswith("whole") for at, name, _ in store.puts)
    return found


def pressed(keys: int, taken: list[int]) -> Iterator[int]:
    """All keys in turn, for some seconds; says how many were taken."""
    due, number = time.perf_counter() + PRESSED, 0
    while time.perf_counter() < due:
        yield from (each % keys for each in range(number, number + 1_000))
        number += 1_000
    taken.append(number)


def throughput(keys: int, folder: Path) -> float:
    """With a checkpoint every second against without: the median of three."""
    ratios = list[float]()
    for number in range(3):
        taken = list[int]()
        for store in (None, Weighed(folder / f"throughput{number}.db")):
            counted(pressed(keys, taken), RunConfig(checkpoint=store, every="1s", parallelism=1))
        ratios.append(taken[1] / taken[0])
    return round(statistics.median(ratios), 3)


def measure(keys: int) -> dict[str, Any]:
    """One size, in this process."""
    with tempfile.TemporaryDirectory() as folder:
        store = Weighed(Path(folder) / "checkpoints.db")
        return {
            "keys": keys,
            "with": stood_still(keys, store),
            "without": stood_still(keys, None),
            "throughput": throughput(keys, Path(folder)),
        }


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=SIZES[-1], help="the largest size")
    parser.add_argument("--size", type=int, help="only this, in this process, as JSON")
    options = parser.parse_args(arguments)
    if options.size is not None:
        print(json.dumps(measure(options.size)))
        return
    found = list[dict[str, Any]]()
    for size in SIZES:
        if size <= options.most:
            command = [sys.executable, __file__, "--size", str(size)]
            point = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
            found.append(point)
            print(json.dumps(point), flush=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
