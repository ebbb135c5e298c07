"""The ready-made aggregates of columns: `from rivusio_streams.columns import col`, then `col.count()`, ...

What is aggregated is a column by its name, or an expression of polars. They give what those of `agg` give for the same
rows; sums of floats may differ in the last digits, since they are added in another order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rivusio_streams.columns.aggregate import ColumnAggregate
from rivusio_streams.columns.aggregates import Bound, Count, Extreme, Mean, Outermost, PaneField, Total
from rivusio_streams.columns.expression import Expression

if TYPE_CHECKING:
    import polars

__all__ = [
    "count",
    "first",
    "last",
    "maximum",
    "mean",
    "minimum",
    "pane_index",
    "pane_timing",
    "total",
    "window_end",
    "window_start",
]


def count() -> ColumnAggregate:
    """How many rows: an int."""
    return Count()


def total(of: str | polars.Expr) -> ColumnAggregate:
    """The sum of numbers or timedeltas. One of integers that does not fit in 64 bits ends the run."""
    return Total(Expression(of))


def mean(of: str | polars.Expr) -> ColumnAggregate:
    """The arithmetic mean: a float."""
    return Mean(Expression(of))


def minimum(of: str | polars.Expr) -> ColumnAggregate:
    """The smallest. Not-a-number is passed over where there are others."""
    return Extreme(Expression(of), "minimum")


def maximum(of: str | polars.Expr) -> ColumnAggregate:
    """The largest. Not-a-number is passed over where there are others."""
    return Extreme(Expression(of), "maximum")


def first(of: str | polars.Expr) -> ColumnAggregate:
    """That of the row with the smallest event time; of several the first to arrive."""
    return Outermost(Expression(of), "first")


def last(of: str | polars.Expr) -> ColumnAggregate:
    """That of the row with the largest event time; of several the last to arrive."""
    return Outermost(Expression(of), "last")


def window_start() -> ColumnAggregate:
    """Where the window begins: a datetime in UTC."""
    return Bound("start")


def window_end() -> ColumnAggregate:
    """Where the window ends: a datetime in UTC, which is not in the window any more."""
    return Bound("end")


def pane_index() -> ColumnAggregate:
    """Which giving of the result of this window and key it is: 0, 1, 2, ..."""
    return PaneField("index")


def pane_timing() -> ColumnAggregate:
    """`"on_time"`, or `"late"` for a result with rows that came after the window had closed."""
    return PaneField("timing")
