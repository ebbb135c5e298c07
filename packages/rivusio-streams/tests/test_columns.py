"""Rows in columns: what goes in comes out, what does not fit is told by name, expressions do what rows would."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, TypedDict

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from rivusio_core import PipeError, pipe
from rivusio_core.errors import BadRecord, CompositionError, DefinitionError
from rivusio_streams import Stream
from rivusio_streams.columns import Columns, columns


class Order(NamedTuple):
    book: str
    amount: float
    copies: int = 1


class Everything(BaseModel):
    number: int
    ratio: float
    text: str | None
    data: bytes
    yes: bool
    day: date
    at: datetime
    took: timedelta | None
    parts: list[int]
    side: Literal["left", "right"]


@dataclass(frozen=True)
class Line:
    words: list[str]
    length: Annotated[int | None, "letters"]


class Row(TypedDict):
    key: str
    value: int


times = st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # bounds
integers = st.integers(-(2**63), 2**63 - 1)
everything = st.builds(
    Everything,
    number=integers,
    ratio=st.floats(allow_nan=False),
    text=st.none() | st.text(st.characters(exclude_categories=["Cs"])),
    data=st.binary(max_size=9),
    yes=st.booleans(),
    day=st.dates(),
    at=times,
    took=st.none() | st.timedeltas(timedelta(days=-9999), timedelta(days=9999)),
    parts=st.lists(integers, max_size=3),
    side=st.sampled_from(["left", "right"]),
)


@given(st.lists(everything, max_size=5))
def test_models_come_back_as_they_were(rows: list[Everything]) -> None:
    layout = columns(Everything)
    assert layout.rows(layout.of(rows)) == rows


@given(st.lists(st.builds(Order, st.text("ab"), st.floats(0, 9), st.integers(0, 9))), st.integers(1, 5))
def test_packed_and_unpacked_is_the_same(rows: list[Order], size: int) -> None:
    orders = columns(Order)
    assert list((orders.pack(size) >> orders.unpack()).map(rows)) == rows
    batches = list(orders.pack(size).map(rows))
    assert [len(each) for each in batches[:-1]] == [size] * (len(batches) - 1)


def test_dataclasses_and_typed_dicts() -> None:
    lines, rows = [Line(["a", "b"], 2), Line([], None)], [Row(key="a", value=1)]
    assert columns(Line).rows(columns(Line).of(lines)) == lines
    assert columns(Row).rows(columns(Row).of(rows)) == rows


@given(st.lists(st.builds(Order, st.text("ab", max_size=2), st.floats(0, 9), st.integers(0, 9))))
def test_expressions_do_what_rows_would(rows: list[Order]) -> None:
    class Total(NamedTuple):
        book: str
        total: float

    orders, totals = columns(Order), columns(Total)
    pipeline = orders.pack(4) >> orders.keep(pl.col("copies") > 2, pl.col("book") != "")
    found = list((pipeline >> totals.select(total=pl.col("amount") * pl.col("copies")) >> totals.unpack()).map(rows))
    assert found == [Total(each.book, each.amount * each.copies) for each in rows if each.copies > 2 and each.book]


def test_a_flow_of_batches() -> None:
    orders, out = columns(Order), list[Order]()
    batches = [orders.of([Order("a", 1.0), Order("b", 2.0)]), orders.of([Order("c", 3.0)])]
    Stream.read(batches).through(orders.keep(pl.col("amount") > 1.5) >> orders.unpack()).write(out).run()
    assert out == [Order("b", 2.0), Order("c", 3.0)]


@dataclass(frozen=True)
class Foreign:
    """A table of another library: it gives its rows as Arrow's interface says, and nothing else."""

    frame: pl.DataFrame

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.frame.__arrow_c_stream__(requested_schema)


def test_other_libraries_take_and_give_them() -> None:
    orders = columns(Order)
    copies = pl.Series("copies", [2], pl.Int32())
    table = Foreign(
        pl.DataFrame([copies, pl.Series("amount", [1.5]), pl.Series("more", [0]), pl.Series("book", ["a"])])
    )
    assert orders.rows(orders.of(table)) == [Order("a", 1.5, 2)]
    assert pl.DataFrame(orders.of([Order("a", 1.5)])).to_dicts() == [{"book": "a", "amount": 1.5, "copies": 1}]
    batch = orders.of(pl.DataFrame({"book": ["a"], "amount": [1.5], "copies": [1]}))
    assert pickle.loads(pickle.dumps(batch)) == batch != orders.of([])


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([Order("a", 1.0), Order(3, 1.0)], "row 1 of the batch: book is a int, and the column holds String"),  # type: ignore[arg-type]
        ([Order("a", 1.0, 2**70)], "row 0 of the batch: copies is a int, and the column holds Int64"),
        ([Order("a", 1.0, 2.5)], "row 0 of the batch: copies is a float"),  # type: ignore[arg-type]
        ([Order("a", 1.0), Order("a", None)], "column amount is null in row 1, and Order.amount may not be None"),  # type: ignore[arg-type]
        (pl.DataFrame({"book": ["a"]}), "no column amount, copies for Order; there are book"),
        (pl.DataFrame({"book": [1], "amount": [1.0], "copies": [1]}), "column book is of Int64; Order needs String"),
        (
            pl.DataFrame({"book": ["a"], "amount": [1], "copies": [1.0]}),
            "column amount is of Int64; Order needs Float64",
        ),
    ],
)
def test_what_does_not_fit_is_told_by_name(rows: Any, told: str) -> None:
    with pytest.raises(BadRecord, match=told):
        columns(Order).of(rows)


def test_times_without_a_zone_are_refused() -> None:
    class Seen(NamedTuple):
        at: datetime

    seen = columns(Seen)
    with pytest.raises(BadRecord, match="row 1 of the batch: at is a datetime without time zone"):
        seen.of([Seen(datetime(2026, 1, 1, tzinfo=UTC)), Seen(datetime(2026, 1, 1))])  # noqa: DTZ001  # the point
    there = datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))
    assert seen.rows(seen.of([Seen(there)])) == [Seen(datetime(2026, 1, 1, tzinfo=UTC))]


def test_a_batch_that_fails_is_treated_as_its_step_says() -> None:
    orders = columns(Order)
    found = orders.pack(2).map([Order("a", 1.0), Order("b", None), Order("c", 2.0)])  # type: ignore[arg-type]  # wrong
    assert [len(each) for each in found] == [1]  # a bad record is skipped where nobody takes dead letters


def test_rules_of_a_model_hold_for_what_comes_out() -> None:
    class Positive(BaseModel):
        amount: int = Field(gt=0)

    positive = columns(Positive)
    batch = positive.of(pl.DataFrame({"amount": [1, -1]}))
    with pytest.raises(PipeError, match="pipe 'unpack' failed"):
        list(positive.unpack().map([batch]))


class _Nested(NamedTuple):
    order: Order


class _Money(NamedTuple):
    amount: Decimal


class _Either(NamedTuple):
    value: int | str


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (_Nested, "_Nested.order is of type Order, and columns hold numbers"),
        (_Money, "_Money.amount is of type Decimal"),
        (_Either, r"_Either.value is of type int \| str"),
        (int, "columns.. takes a pydantic model, a dataclass, a NamedTuple or a TypedDict; int is none"),
        (3, "takes the type of a row, not 3"),
        (type("Nothing", (BaseModel,), {}), "Nothing has no fields"),
    ],
)
def test_what_has_no_columns_is_refused_by_name(model: Any, told: str) -> None:
    with pytest.raises(DefinitionError, match=told):
        columns(model)


def test_types_are_checked_where_pipes_are_composed() -> None:
    @pipe
    def numbers(text: str) -> int:
        return len(text)

    orders = columns(Order)
    with pytest.raises(CompositionError):
        _ = numbers >> orders.pack()  # type: ignore[operator]  # the point
    with pytest.raises(CompositionError):
        _ = orders.pack() >> columns(Line).unpack()  # type: ignore[operator]  # the point
    with pytest.raises(DefinitionError, match="Order has no field total; it has book, amount, copies"):
        orders.select(total=pl.col("amount"))
    assert isinstance(orders.of([]), Columns)
