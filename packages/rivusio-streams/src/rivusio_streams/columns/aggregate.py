"""How the rows of a window and key become one value of a column. A contract; the ready-made ones are in `col`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rivusio_streams.columns.expression import Expression

if TYPE_CHECKING:
    import polars

__all__ = ["ColumnAggregate"]


class ColumnAggregate(ABC):
    """How the rows of a window and key become one value. A value: `__eq__` and `__repr__` should be those of one.

    The rows of each batch become parts, in one call for all windows and keys; parts are merged when a window closes.
    All three methods give expressions of polars. Nothing may depend on how rows are cut into batches: merging the
    parts of some rows and of others must give the parts of all of them.

    Example, the distance between the smallest and the largest value:

        >>> from dataclasses import dataclass
        >>> import polars as pl
        >>> @dataclass(frozen=True)
        ... class Spread(ColumnAggregate):
        ...     name: str
        ...     def parts(self, schema: pl.Schema) -> list[pl.Expr]:
        ...         return [pl.col(self.name).min(), pl.col(self.name).max()]
        ...     def merge(self, *parts: pl.Expr) -> list[pl.Expr]:
        ...         return [parts[0].min(), parts[1].max()]
        ...     def result(self, *parts: pl.Expr) -> pl.Expr:
        ...         return parts[1] - parts[0]
    """

    @property
    def complete(self) -> Sequence[Expression]:
        """What may not be null: a batch with a row where it is fails, as an item without the value does."""
        return ()

    @abstractmethod
    def parts(self, schema: polars.Schema) -> Sequence[polars.Expr]:
        """What is kept: one value each, of the rows of a group, in the order of arrival.

        Args:
            schema: of the columns of a batch; beside them there is `@time`, the event time in microseconds.
        """

    @abstractmethod
    def merge(self, *parts: polars.Expr) -> Sequence[polars.Expr]:
        """The same of parts: those of a group, in the order of arrival.

        Args:
            parts: the columns that hold what `parts` gave, in its order.
        """

    @abstractmethod
    def result(self, *parts: polars.Expr) -> polars.Expr:
        """The value of the column, of the parts of all rows."""
