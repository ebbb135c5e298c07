"""Drives a source or a sink strictly as the contracts in `rivusio_streams.source` and `.sink` say."""

from __future__ import annotations

import copy
import json
import os
import sqlite3
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import pytest

from rivusio_streams.sink import Sink
from rivusio_streams.source import EndOfPartition, Position, Source

T = TypeVar("T")
R = TypeVar("R")


def child_environment() -> dict[str, str]:
    """For a child process that imports what the test does."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(each for each in sys.path if each)}


def elsewhere(call: Callable[..., R], *arguments: object) -> R:
    """The call in a thread of its own: calls never overlap, but come from any thread."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(call, *arguments).result()


def read(source: Source[T], maximum: int, position: Position | None = None) -> list[tuple[list[T], Position]]:
    """All batches of the one partition, with the position after each."""
    (name,) = elsewhere(source.partitions)
    partition = elsewhere(source.open_partition, name, position)
    found: list[tuple[list[T], Position]] = []
    try:
        while True:
            items = elsewhere(partition.next_batch, maximum)
            assert len(items) <= maximum
            times = partition.times()
            assert (times is None) != source.timed
            assert all(each.index <= len(items) for each in partition.rejected())
            after = partition.position()
            assert json.loads(json.dumps(after)) == after
            found.append((items, after))
    except EndOfPartition:
        with pytest.raises(EndOfPartition):  # and it stays the end
            partition.next_batch(maximum)
        return found
    finally:
        elsewhere(partition.close)


def flat(batches: Sequence[tuple[list[T], Position]]) -> list[T]:
    return [item for items, _ in batches for item in items]


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    """What a program that knows SQLite only sees."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def check_seekable(source: Source[T], expected: Sequence[T]) -> None:
    """It gives the same whatever the batches, goes on behind every position, and is a value."""
    assert source.replay == "seekable"
    assert source.bounded
    before = repr(source)
    for maximum in (1, 3, 1_000):
        batches = read(source, maximum)
        assert flat(batches) == list(expected)
        done = 0
        for items, position in batches:
            done += len(items)
            assert flat(read(source, 2, position)) == list(expected[done:])
    one, two = (source.open_partition("0", None) for _ in range(2))  # two runs at once
    assert one.next_batch(1) == two.next_batch(1) == list(expected[:1])
    one.close()
    assert two.next_batch(1) == list(expected[1:2])
    two.close()
    assert repr(source) == before


def check_sink(sink: Sink[T], items: Sequence[T], stored: Callable[[], list[T]]) -> None:
    """What was flushed is there for others to see, each item once and in order; what was not flushed may be lost."""
    half = len(items) // 2
    mine = copy.copy(sink)
    elsewhere(mine.open)
    for start in range(0, half, 2):
        batch = list(items[start : min(start + 2, half)])
        elsewhere(mine.write, batch)
        batch.clear()  # it must not have been kept
    elsewhere(mine.flush)
    assert stored() == list(items[:half])
    elsewhere(mine.flush)  # nothing came since
    assert stored() == list(items[:half])
    elsewhere(mine.write, list(items[half:]))
    elsewhere(mine.flush)
    assert stored() == list(items)
    elsewhere(mine.close)
    assert stored() == list(items)
    assert vars(sink).keys() == vars(copy.copy(sink)).keys()


def check_failed_run(sink: Sink[T], item: T, stored: Callable[[], list[T]], expected: list[T]) -> None:
    """A run that fails before its first flush, with and without having written, leaves what was there."""
    for write in (False, True):
        mine = copy.copy(sink)
        mine.open()
        if write:
            mine.write([item])
        mine.close()
        assert stored() == expected
    copy.copy(sink).close()  # opening failed before anything was taken
