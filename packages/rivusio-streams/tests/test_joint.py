"""Results and checkpoint in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import JsonValue

from rivusio_core.errors import SinkError
from rivusio_streams import EndOfPartition, MemoryStore, RunConfig, Stream, TransactionalSink
from rivusio_streams.source import Partition, Position, Source


class Numbers(Source[int]):
    replay = "seekable"

    def open_partition(self, partition: str, position: Position | None) -> Partition[int]:
        return _From(position or 0)


class _From(Partition[int]):
    def __init__(self, start: Any) -> None:
        self.next = start

    def next_batch(self, maximum: int) -> list[int]:
        if self.next == 20:
            raise EndOfPartition
        self.next += 1
        return [self.next - 1]

    def position(self) -> Position:
        return self.next


@dataclass(eq=False)
class Table(TransactionalSink[int]):
    """Rows of a database: what is committed, what is staged, and what is in the transaction under way."""

    rows: list[int] = field(default_factory=list[int])
    staged: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    calls: list[str] = field(default_factory=list[str])
    broken: bool = False
    database = "the database"

    def open(self) -> None:
        self.new = list[int]()

    def begin(self) -> None:
        self.calls.append("begin")

    def write(self, batch: Sequence[int]) -> None:
        self.new += batch

    def recover(self, owner: str, tokens: Sequence[JsonValue]) -> None:
        self.calls.append("recover")
        for token in tokens:
            self.publish(token)
        self.staged.clear()

    def stage(self) -> JsonValue:
        name = str(len(self.calls))
        self.calls.append("stage")
        self.staged[name], self.new = self.new, []
        return name

    def publish(self, token: JsonValue) -> None:
        if self.broken:
            raise OSError
        self.rows += self.staged.pop(str(token), [])

    def commit_with(self, put: Callable[[Any], None]) -> None:
        self.calls.append("commit")
        put(self.rows)
        self.rows += self.new
        self.new = []


class SameDatabase(MemoryStore):
    database = "the database"

    def put_on(self, connection: Any, name: str, data: bytes) -> None:
        self.put(name, data)


@pytest.mark.anyio
async def test_it_takes_the_place_of_staging() -> None:
    table, store = Table(), SameDatabase()
    flow = Stream.read(Numbers()).write(table).named("numbers")
    report = await flow.arun(RunConfig(checkpoint=store, delivery="exactly_once", every="1ms"))
    assert table.rows == [*range(20)]
    assert {*table.calls} == {"begin", "commit"}
    assert report.guarantee is not None


@pytest.mark.anyio
async def test_what_an_earlier_run_has_staged_is_not_lost() -> None:
    """It kept its checkpoints elsewhere; its results are published before the first transaction begins."""
    table, elsewhere = Table(broken=True), MemoryStore()
    flow = Stream.read(Numbers()).write(table).named("numbers")
    with pytest.raises(SinkError, match="publishing failed"):
        await flow.arun(RunConfig(checkpoint=elsewhere))
    assert table.rows == []
    table.broken = False
    table.calls.clear()
    await flow.arun(RunConfig(checkpoint=SameDatabase(elsewhere.blobs)))
    assert table.rows == [*range(20)]
    assert table.calls[:2] == ["recover", "begin"]
