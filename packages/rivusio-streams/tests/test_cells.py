"""What operators write into snapshots: what has changed, little of it for an item, and in the end nothing is left."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import pytest

from rivusio_core.engine.stage import GONE
from rivusio_streams import (
    Context,
    Count,
    EarlyCount,
    EarlyEvery,
    Global,
    Hopping,
    KeyedStream,
    Processor,
    Session,
    Sliding,
    Stream,
    Timer,
    Tumbling,
    agg,
)
from rivusio_streams.engine.operator import Operator
from rivusio_streams.engine.operators.made import operator_of
from rivusio_streams.graph import KeyedNode
from rivusio_streams.state import Codec
from rivusio_streams.testing import Harness, Input

SECOND = 1_000_000
KEYS, LOT = 10_000, 500
Item: TypeAlias = tuple[int, int]
"""Key and time."""
Keyed: TypeAlias = KeyedStream[int, Item]


@dataclass(frozen=True)
class Remembers(Processor[int, Item, int, int]):
    """Counts the items of a key, and forgets it when a timer says so, unless `ttl` does."""

    timer: str = "event_time"

    def create(self) -> int:
        return 0

    def on_item(self, item: Item, context: Context[int, int]) -> None:
        context.state += 1
        if self.timer == "event_time":
            context.set_timer(item[1] + 10 * SECOND)
        elif self.timer == "clock":
            context.set_clock_timer("10s")

    def on_timer(self, timer: Timer, context: Context[int, int]) -> Iterable[int]:
        yield context.state
        context.clear()


PASSING: dict[str, tuple[Callable[[Keyed], Stream[Any]], int]] = {
    "tumbling": (lambda keyed: keyed.window(Tumbling("10s")).aggregate(agg.count()), 2),
    "closed, with lateness": (
        lambda keyed: keyed.window(Tumbling("10s"), allowed_lateness="5s").aggregate(agg.count()),
        2,
    ),
    "hopping": (lambda keyed: keyed.window(Hopping("10s", every="5s")).aggregate(agg.count()), 4),
    "early": (lambda keyed: keyed.window(Tumbling("10s"), trigger=EarlyCount(3)).aggregate(agg.count()), 2),
    "early by the clock": (
        lambda keyed: keyed.window(Session("10s"), trigger=EarlyEvery("5s", by="clock")).aggregate(agg.count()),
        1,
    ),
    "sessions": (lambda keyed: keyed.window(Session("10s")).aggregate(agg.count()), 1),
    "sessions, with lateness": (
        lambda keyed: keyed.window(Session("10s"), allowed_lateness="5s").aggregate(agg.count()),
        1,
    ),
    "sliding": (lambda keyed: keyed.window(Sliding("10s")).aggregate(agg.count()), 2),
    "process": (lambda keyed: keyed.process(Remembers()), 1),
    "process, timers of the clock": (lambda keyed: keyed.process(Remembers("clock")), 1),
    "process, ttl": (lambda keyed: keyed.process(Remembers("none"), ttl="10s"), 1),
    "process, ttl by the clock": (lambda keyed: keyed.process(Remembers("none"), ttl="10s", ttl_by="clock"), 1),
    "scan": (lambda keyed: keyed.scan(0, lambda count, _: count + 1, ttl="10s"), 1),
    "distinct": (lambda keyed: keyed.distinct(within="10s"), 1),
    "distinct by the clock": (lambda keyed: keyed.distinct(within="10s", by="clock"), 1),
    "window join": (lambda keyed: keyed.join(keyed, window=Tumbling("10s")), 2),
    "session join": (lambda keyed: keyed.join(keyed, window=Session("10s")), 1),
    "interval join": (lambda keyed: keyed.interval_join(keyed, lower="-5s", upper="5s"), 4),
    "as-of join": (lambda keyed: keyed.asof_join(keyed, tolerance="5s"), 3),
    "table": (lambda keyed: keyed.table_join(keyed.table(ttl="5s")), 3),
    "table by arrival": (lambda keyed: keyed.table_join(keyed.table(ttl="10s"), by="arrival"), 1),
}
"""What keeps something for some time; and how many cells an item may touch that comes to a key that has items."""


def begun(make: Callable[[Keyed], Stream[Any]]) -> tuple[Input[Item], Stream[Any]]:
    rows = Input[Item]("rows", watermarks="manual")
    return rows, make(Stream.read(rows).event_time(lambda item: item[1]).key_by(lambda item: item[0]))


@pytest.mark.parametrize("kind", PASSING)
def test_when_all_is_over_no_cell_is_left(kind: str) -> None:
    """A key that comes once is put once, and is gone once, whatever restarts there are in between."""
    rows, stream = begun(PASSING[kind][0])
    most = 0
    with Harness(stream) as h:
        for lot in range(KEYS // LOT):
            now = lot * 5 * SECOND
            h.send_many(rows, [(lot * LOT + n, now + n) for n in range(LOT)], at=[now] * LOT)
            h.snapshot()
            most = max(most, *h.cells.values())
            h.watermark(rows, now)
            h.advance("5s")
            if lot % 3 == 2:
                h.restart()
        assert LOT <= most < KEYS
        h.watermark(rows, 10_000 * SECOND)
        h.advance("1h")
        h.snapshot()
        assert set(h.cells.values()) == {0}


@pytest.mark.parametrize("kind", PASSING)
def test_an_item_writes_few_cells(kind: str) -> None:
    make, touched = PASSING[kind]
    rows, stream = begun(make)
    with Harness(stream) as h:
        h.send_many(rows, [(n, 5 * SECOND) for n in range(LOT)], at=[0] * LOT)
        h.snapshot()
        assert sum(h.written.values()) >= LOT
        for key in (3, 4, 3):
            h.send(rows, (key, 5 * SECOND), at=0)
            h.snapshot()
            assert sum(h.written.values()) <= touched
            h.snapshot()
            assert sum(h.written.values()) == 0
        h.restart()
        h.snapshot()
        assert sum(h.written.values()) == 0


# ------------------------------------------------------------------------------- what lasts until the end of the input

LASTING: dict[str, Callable[[Keyed], Stream[Any]]] = {
    "global": lambda keyed: keyed.window(Global(), trigger=EarlyCount(2)).aggregate(agg.count()),
    "count": lambda keyed: keyed.window(Count(2)).aggregate(agg.count()),
    "scan": lambda keyed: keyed.scan(0, lambda count, _: count + 1),
    "distinct": lambda keyed: keyed.distinct(),
    "process": lambda keyed: keyed.process(Remembers("none")),
    **{kind: make for kind, (make, _) in PASSING.items() if "join" not in kind and "table" not in kind},
}


@dataclass
class Followed:
    """An operator, and what its snapshots have become in a store: bytes."""

    node: KeyedNode
    operator: Operator
    cells: dict[bytes, bytes] = field(default_factory=dict[bytes, bytes])
    header: bytes = b""

    def snapshot(self) -> None:
        codec = Codec()
        for cell in [*self.operator.changed()]:
            value, name = self.operator.cell(cell), codec.encode_key(cell)
            if value is GONE:
                self.cells.pop(name, None)
            else:
                self.cells[name] = codec.encode(value)
        self.header = codec.encode(self.operator.header())
        self.operator.settle()

    def restart(self) -> None:
        decode = Codec().decode
        restored = operator_of(self.node, "it")
        restored.watermark, restored.held = self.operator.watermark, self.operator.held
        restored.now, restored.wall = self.operator.now, self.operator.wall
        restored.restore(decode(self.header), {decode(name): decode(cell) for name, cell in self.cells.items()})
        restored.touched.clear()
        self.operator = restored


@pytest.mark.parametrize("kind", LASTING)
def test_at_the_end_of_the_input_no_cell_is_left(kind: str) -> None:
    _, stream = begun(LASTING[kind])
    node = stream.node
    assert isinstance(node, KeyedNode)
    found = Followed(node, operator_of(node, "it"))
    late = bytearray(100)
    for lot in range(4):
        items = [(n, 5 * SECOND) for n in range(lot * 50, lot * 50 + 100)]
        found.operator.add_rows(iter([(n, (time, 0, key, (key, time))) for n, (key, time) in enumerate(items)]), late)
        found.snapshot()
        found.restart()
    assert found.cells
    found.operator.finish()
    found.snapshot()
    assert found.cells == {}
    assert [*found.operator.cells()] == []
    assert not any(late)
