"""Streams of batches of columns: what is refused and how it is told, what is kept, and what a crash costs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest

from rivusio_core import PipeError
from rivusio_core.errors import CompositionError, ConfigError, DefinitionError, MemoryLimitExceeded
from rivusio_streams import Hopping, JsonLines, RunConfig, Session, Stream, Tumbling
from rivusio_streams.checkpoint.topology import topology
from rivusio_streams.columns import ColumnAggregate, Columns, col, columns
from rivusio_streams.dead_letter import Envelope
from rivusio_streams.flow import Flow
from rivusio_streams.plan import Plan
from rivusio_streams.report import Report
from rivusio_streams.testing import Harness, Input, crash_check

SECOND = 1_000_000


class Order(NamedTuple):
    user: str
    amount: int
    at: int
    note: str | None = None
    paid: float | None = 1.0


class Sum(NamedTuple):
    user: str
    amount: int


class Count(NamedTuple):
    orders: int


ORDERS, SUMS, COUNTS = columns(Order), columns(Sum), columns(Count)


def batch(*rows: tuple[Any, ...]) -> Columns[Order]:
    return ORDERS.of([Order(*row) for row in rows])


def sums(batches: Sequence[Columns[Order]] | Input[Columns[Order]], **settings: Any) -> Stream[Columns[Sum]]:
    timed = ORDERS.stream(Stream.read(batches)).event_time("at", out_of_order=settings.pop("out_of_order", 0))
    windowed = timed.key_by("user").window(Tumbling("10s"), **settings)
    return windowed.aggregate(SUMS, amount=col.total("amount"))


def run(stream: Stream[Columns[Any]], layout: Any, config: RunConfig | None = None) -> tuple[list[Any], Report]:
    out = list[Columns[Any]]()
    report = stream.write(out).run(config)
    return [row for each in out for row in layout.rows(each)], report


# ------------------------------------------------------------------------------------------------------ what it does


def test_without_a_key_all_rows_are_together() -> None:
    timed = ORDERS.stream(Stream.read([batch(("a", 1, 0), ("b", 2, 1)), batch(("c", 3, 15 * SECOND))])).event_time("at")
    found, _ = run(timed.window(Tumbling("10s")).aggregate(COUNTS, orders=col.count()), COUNTS)
    assert found == [Count(2), Count(1)]


def test_batches_without_rows_pass() -> None:
    out = list[Columns[Sum]]()
    report = sums([batch(), batch(), batch(("a", 1, 0)), batch(), batch(("a", 2, 1)), batch()]).write(out).run()
    assert [row for each in out for row in SUMS.rows(each)] == [Sum("a", 3)]
    assert (report.steps["aggregate"].passed, report.ledger.unaccounted) == (6, 0)
    source = Input[Columns[Order]]("orders")
    with Harness(sums(source), now=0) as harness:
        harness.send_many(source, [batch()] * 3, at=[0] * 3)
        assert harness.ledger.steps["aggregate"].held == 0


def test_keys_may_be_computed_and_several() -> None:
    class Found(NamedTuple):
        letter: str
        even: bool
        users: str | None
        amount: int

    timed = ORDERS.stream(Stream.read([batch(("Ann", 1, 0), ("abe", 3, 1), ("bob", 2, 2))])).event_time("at")
    keyed = timed.key_by(letter=pl.col("user").str.slice(0, 1).str.to_lowercase(), even=pl.col("amount") % 2 == 0)
    # What is aggregated is the column of the batch, even where a key is called like it.
    totals = columns(Found)
    stream = keyed.window(Hopping("10s", "20s")).aggregate(
        totals, users=col.first("user"), amount=col.total(pl.col("amount") * 10)
    )
    found, _ = run(stream, totals)
    assert found == [Found("a", False, "Ann", 40), Found("b", True, "bob", 20)]


@dataclass(frozen=True)
class Spread(ColumnAggregate):
    """An aggregate of a user."""

    name: str

    def parts(self, schema: pl.Schema) -> list[pl.Expr]:
        assert schema[self.name] == pl.Int64()
        return [pl.col(self.name).min(), pl.col(self.name).max()]

    def merge(self, *parts: pl.Expr) -> list[pl.Expr]:
        return [parts[0].min(), parts[1].max()]

    def result(self, *parts: pl.Expr) -> pl.Expr:
        return parts[1] - parts[0]


def test_an_aggregate_of_a_user() -> None:
    timed = ORDERS.stream(Stream.read([batch(("a", 5, 0)), batch(("a", -2, 1), ("a", 9, 2))])).event_time("at")
    found, _ = run(timed.key_by("user").window(Tumbling("1s")).aggregate(SUMS, amount=Spread("amount")), SUMS)
    assert found == [Sum("a", 11)]


def test_windows_over_results() -> None:
    class Ended(NamedTuple):
        user: str
        end: datetime
        amount: int

    layout = columns(Ended)
    first = (
        ORDERS.stream(Stream.read([batch(*(("a", n, n * SECOND) for n in range(60)))]))
        .event_time("at")
        .key_by("user")
        .window(Tumbling("10s"))
        .aggregate(layout, end=col.window_end(), amount=col.total("amount"))
    )
    again = layout.stream(first).event_time(pl.col("end") - pl.duration(microseconds=1)).key_by("user")
    found, _ = run(again.window(Tumbling("30s")).aggregate(SUMS, amount=col.maximum("amount")), SUMS)
    assert found == [Sum("a", sum(range(20, 30))), Sum("a", sum(range(50, 60)))]


# ----------------------------------------------------------------------------------------------- what is wrong with it


def test_mistakes_are_found_before_anything_runs() -> None:
    read = Stream.read([batch()])
    timed = ORDERS.stream(read).event_time("at")
    windowed = timed.key_by("user").window(Tumbling("10s"))
    with pytest.raises(CompositionError):
        SUMS.stream(read.map(lambda each: each).through(ORDERS.unpack()))  # type: ignore[arg-type]  # the point
    with pytest.raises(DefinitionError, match="Order has no 'when'; it has user, amount, at"):
        ORDERS.stream(read).event_time("when")
    with pytest.raises(DefinitionError, match="takes aware datetimes or ints of microseconds, and 'user' is of String"):
        ORDERS.stream(read).event_time("user")
    with pytest.raises(DefinitionError, match="takes the name of a column or an expression"):
        ORDERS.stream(read).event_time(lambda order: order.at)  # type: ignore[arg-type]  # the point
    with pytest.raises(ConfigError, match="out_of_order: must not be negative"):
        ORDERS.stream(read).event_time("at", out_of_order="-1s")
    with pytest.raises(ConfigError, match=r"Tumbling or Hopping; for Session.* make rows of them with unpack"):
        timed.window(Session("1s"))  # type: ignore[arg-type]  # the point
    with pytest.raises(ConfigError, match="must not be negative"):
        timed.window(Tumbling("1s"), allowed_lateness="-1s")
    with pytest.raises(ConfigError) as caught:
        windowed.aggregate(SUMS, more=col.count(), user=col.first("user"))
    assert [fault.path for fault in caught.value.faults] == ["more", "user", "amount"]
    with pytest.raises(ConfigError, match="amount: the field is of Int64, and what is computed for it of Float64"):
        windowed.aggregate(SUMS, amount=col.mean("amount"))
    with pytest.raises(DefinitionError, match=r'aggregate: .*"?missing"?.*; columns\(Order\) has user, amount'):
        windowed.aggregate(SUMS, amount=col.total("missing"))


def test_a_total_that_does_not_fit_is_told() -> None:
    most = 2**63 - 1
    found, _ = run(sums([batch(("a", most, 0), ("a", -most, 1)), batch(("a", 5, 2), ("a", most - 5, 3))]), SUMS)
    assert found == [Sum("a", most)]  # in between it was larger than 64 bits
    with pytest.raises(PipeError, match="'amount' of a window does not fit in 64 bits"):
        run(sums([batch(("a", most, 0)), batch(("b", 1, 0), ("a", 1, 1))]), SUMS)


def test_a_batch_without_what_is_aggregated_fails_alone() -> None:
    class Paid(NamedTuple):
        user: str
        paid: float

    layout, letters = columns(Paid), list[Envelope]()
    bad = batch(("a", 1, 1, None, 2.0), ("a", 1, 2, None, None))
    batches = [batch(("a", 1, 0, None, 1.5)), bad, batch(("a", 1, 3, None, 0.5), ("b", 1, 4, None, 1.0))]
    timed = ORDERS.stream(Stream.read(batches)).event_time("at").key_by("user")
    stream = timed.window(Tumbling("10s")).aggregate(layout, paid=col.total("paid"))
    found, report = run(stream, layout, RunConfig(dead_letters=letters))
    assert found == [Paid("a", 2.0), Paid("b", 1.0)]
    assert report.ledger.unaccounted == 0
    [letter] = letters
    assert letter.value is bad
    assert letter.reason == "row 1 of the batch: 'paid' is null, and 'paid' cannot be computed of it"


def test_a_row_without_a_time_fails_its_batch() -> None:
    class Seen(NamedTuple):
        at: datetime | None
        number: int

    seen, letters = columns(Seen), list[Envelope]()
    batches = [seen.of([Seen(datetime(1970, 1, 1, tzinfo=UTC), 1)]), seen.of([Seen(None, 2)])]
    timed = seen.stream(Stream.read(batches)).event_time("at")
    stream = timed.window(Tumbling("1s")).aggregate(COUNTS, orders=col.count())
    found, _ = run(stream, COUNTS, RunConfig(dead_letters=letters))
    assert found == [Count(1)]
    assert "row 0 of the batch: 'at' is null, so it has no event time" in letters[0].reason
    with pytest.raises(PipeError, match="event times of columns are those of batches"):
        run(sums([3]), SUMS)  # type: ignore[list-item]  # the point
    _, report = run(sums([batch(("a", 1, 2**62))]), SUMS)
    assert report.steps["event_time"].skipped == 1


def test_late_rows_are_counted_kept_and_explained() -> None:
    source, late = Input[Columns[Order]]("orders"), list[Columns[Order]]()
    with Harness(sums(source, late_to=late), now=0) as harness:
        harness.send(
            source, batch(("a", 1, 5 * SECOND), ("a", 2, 25 * SECOND), ("b", 4, 1), ("a", 8, 26 * SECOND)), at=0
        )
        harness.send(source, batch(("c", 1, 2), ("c", 2, 3)), at=0)
        record = harness.explain()
        tally = harness.ledger.steps["aggregate"]
        assert (tally.taken, tally.late, tally.late_rows) == (2, 1, 3)  # of one batch all rows are late
        assert any(
            each.startswith("aggregate refused row 2 of item 0 of orders[0] as late") for each in record.findings
        )
        harness.end()
    assert [ORDERS.rows(each) for each in harness.late] == [[Order("b", 4, 1)], [Order("c", 1, 2), Order("c", 2, 3)]]
    assert [ORDERS.rows(each) for each in late] == [[Order("b", 4, 1)], [Order("c", 1, 2), Order("c", 2, 3)]]


def test_too_much_state_is_told() -> None:
    many = [batch(*((f"{n}-{row}", 1, 0) for row in range(1000))) for n in range(50)]
    with pytest.raises(MemoryLimitExceeded, match="aggregate"):
        run(sums(many), SUMS, RunConfig(memory="500 kB"))


# --------------------------------------------------------------------------------------------------------- what is kept


def test_what_is_kept_does_not_grow_with_the_rows() -> None:
    source = Input[Columns[Order]]("orders")
    with Harness(sums(source), now=0) as harness:
        for _ in range(20):
            harness.send_many(source, [batch(("a", 1, 0), ("b", 1, 1))] * 50, at=[0] * 50)
        [step] = [each for each in harness.explain().steps if each.name == "aggregate"]
        parts = step.state["parts"]
        assert isinstance(parts, int)
        assert 0 < parts <= 2 * 129


def test_a_snapshot_writes_what_changed() -> None:
    source = Input[Columns[Order]]("orders")
    with Harness(sums(source, allowed_lateness="5s", out_of_order="5s"), now=0) as harness:
        harness.send(source, batch(*((f"{n}", 1, 0) for n in range(1000))), at=0)
        harness.snapshot()
        assert (harness.written["aggregate"], harness.cells["aggregate"]) == (1, 1)
        harness.snapshot()
        assert harness.written["aggregate"] == 0
        harness.send(source, batch(("a", 1, 1)), at=0)
        harness.snapshot()
        assert (harness.written["aggregate"], harness.cells["aggregate"]) == (1, 2)
        harness.send(source, batch(("a", 1, 16 * SECOND)), at=0)  # closes the window, which takes late rows
        harness.snapshot()
        assert harness.cells["aggregate"] == 2
        harness.send(source, batch(("a", 1, 2)), at=0)
        harness.restart()
        harness.send(source, batch(("a", 1, 31 * SECOND)), at=0)
        harness.restart()
        assert harness.cells["aggregate"] == 1  # the closed window is forgotten, and another one is open
        harness.end()
    late = [SUMS.rows(each) for each in harness.output if len(each) == 1]
    assert late == [[Sum("a", 2)], [Sum("a", 1)], [Sum("a", 1)]]


def summed(place: Path) -> Flow:
    batches = [batch(("a", n, n * 4 * SECOND), ("b", 1, n * 4 * SECOND - 3)) for n in range(8)]
    rows = sums(batches, out_of_order="2s", allowed_lateness="2s").through(SUMS.unpack())
    return rows.map(lambda row: [row.user, row.amount]).write(JsonLines(place / "out.jsonl"))


def lines(place: Path) -> list[Any]:
    return [json.loads(line) for line in (place / "out.jsonl").read_text().splitlines()]


def test_a_crash_costs_nothing() -> None:
    report = crash_check(summed, lines)
    assert (report.lost, report.duplicated) == (0, 0)


def test_a_checkpoint_is_for_the_same_aggregation_of_the_same_columns() -> None:
    keyed = ORDERS.stream(Stream.read([batch()])).event_time("at").key_by("user").window(Tumbling("10s"))
    told = [
        topology(Plan.of(stream.write(list[Columns[Sum]]()).ends))["aggregate"]
        for stream in (
            sums([batch()]),
            sums([batch()]),
            keyed.aggregate(SUMS, amount=col.maximum("amount")),
            keyed.aggregate(SUMS, amount=col.total(pl.col("amount") * 2)),
        )
    ]
    assert told[0] == told[1]
    assert len({*told}) == 3


def test_polars_is_imported_only_where_columns_are_used() -> None:
    code = (
        "import sys, rivusio_streams, rivusio_streams.columns, rivusio_streams.engine.run\n"
        "rivusio_streams.Stream.read([1]).window(rivusio_streams.Count(1)).collect().write([]).run()\n"
        "assert 'polars' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
