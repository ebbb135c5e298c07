"""The ready-made aggregates of columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rivusio_streams.columns.aggregate import ColumnAggregate
from rivusio_streams.columns.expression import Expression
from rivusio_streams.moment import FIRST, LAST

if TYPE_CHECKING:
    import polars

__all__ = ["Bound", "Count", "Extreme", "Mean", "Outermost", "PaneField", "Total"]


def _dtype(of: Expression, schema: polars.Schema) -> polars.DataType:
    import polars

    return polars.DataFrame(schema=schema).select(of.expr.alias("@")).schema["@"]


def _wide(of: Expression, schema: polars.Schema) -> polars.Expr:
    """Of integers and truth values such as cannot overflow, whatever is added up."""
    import polars

    kind = _dtype(of, schema)
    return of.expr.cast(polars.Int128) if kind.is_integer() or kind == polars.Boolean() else of.expr


def _divided(pair: Sequence[polars.Series]) -> polars.Series:
    total, number = pair
    return total / number


@dataclass(frozen=True)
class Count(ColumnAggregate):
    """How many rows."""

    def parts(self, schema: polars.Schema) -> Sequence[polars.Expr]:
        import polars

        return [polars.len().cast(polars.Int64)]

    def merge(self, *parts: polars.Expr) -> Sequence[polars.Expr]:
        return [parts[0].sum()]

    def result(self, *parts: polars.Expr) -> polars.Expr:
        return parts[0]


@dataclass(frozen=True)
class Total(ColumnAggregate):
    """The sum. Integers are added up in 128 bits, and it is an error if the result does not fit in 64."""

    of: Expression

    @property
    def complete(self) -> Sequence[Expression]:
        return (self.of,)

    def parts(self, schema: polars.Schema) -> Sequence[polars.Expr]:
        return [_wide(self.of, schema).sum()]

    def merge(self, *parts: polars.Expr) -> Sequence[polars.Expr]:
        return [parts[0].sum()]

    def result(self, *parts: polars.Expr) -> polars.Expr:
        return parts[0]


@dataclass(frozen=True)
class Mean(ColumnAggregate):
    """The arithmetic mean."""

    of: Expression

    @property
    def complete(self) -> Sequence[Expression]:
        return (self.of,)

    def parts(self, schema: polars.Schema) -> Sequence[polars.Expr]:
        import polars

        return [_wide(self.of, schema).sum(), polars.len().cast(polars.Int64)]

    def merge(self, *parts: polars.Expr) -> Sequence[polars.Expr]:
        return [parts[0].sum(), parts[1].sum()]

    def result(self, *parts: polars.Expr) -> polars.Expr:
        import polars

        # As an expression, polars divides by a column of which it knows that it is the same everywhere as by a number:
        # it multiplies with the reciprocal, which gives other last digits.
        return polars.map_batches([parts[0].cast(polars.Float64), parts[1]], _divided, return_dtype=polars.Float64())


@dataclass(frozen=True)
class Extreme(ColumnAggregate):
    """The smallest or the largest; not-a-number is passed over where there are others."""

    of: Expression
    which: Literal["minimum", "maximum"]

    @property
    def complete(self) -> Sequence[Expression]:
        return (self.of,)

    def parts(self, schema: polars.Schema) -> Sequence[polars.Expr]:
        return self.merge(self.of.expr)

    def merge(self, *parts: polars.Expr) -> Sequence[polars.Expr]:
        return [parts[0].min() if self.which == "minimum" else parts[0].max()]

    def result(self, *parts: polars.Expr) -> polars.Expr:
        return parts[0]


@dataclass(frozen=True)
class Outermost(ColumnAggregate):
    """That of the smallest event time, of several the first to arrive; or of the largest, the last to arrive."""

    of: Expression
    which: Literal["first", "last"]

    def parts(self, schema: polars.Schema) -> Sequence[polars.Expr]:
        import polars

        return self.merge(polars.col("@time"), self.of.expr)

    def merge(self, *parts: polars.Expr) -> Sequence[polars.Expr]:
        time, value = parts
        if self.which == "first":  # not by arg_min: of several it gives any, where polars knows the order of the column
            return [time.min(), value.filter(time == time.min()).first()]
        return [time.max(), value.filter(time == time.max()).last()]

    def result(self, *parts: polars.Expr) -> polars.Expr:
        return parts[1]


@dataclass(frozen=True)
class Bound(ColumnAggregate):
    """Where the window begins or ends; cut off at the years 1 and 9999, beyond which no datetime goes."""

    which: Literal["start", "end"]

    def parts(self, schema: polars.Schema) -> Sequence[polars.Expr]:
        return ()

    def merge(self, *parts: polars.Expr) -> Sequence[polars.Expr]:
        return ()

    def result(self, *parts: polars.Expr) -> polars.Expr:
        import polars

        return polars.col(f"@{self.which}").clip(FIRST, LAST).cast(polars.Datetime("us", "UTC"))


@dataclass(frozen=True)
class PaneField(ColumnAggregate):
    """Which giving of the result it is."""

    which: Literal["index", "timing"]

    def parts(self, schema: polars.Schema) -> Sequence[polars.Expr]:
        return ()

    def merge(self, *parts: polars.Expr) -> Sequence[polars.Expr]:
        return ()

    def result(self, *parts: polars.Expr) -> polars.Expr:
        import polars

        return polars.col(f"@{self.which}")
