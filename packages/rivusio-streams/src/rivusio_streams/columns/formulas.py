"""What an aggregation over windows of columns computes, as expressions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from rivusio_core.errors import BadRecord, ConfigError, DefinitionError, Fault, PipeError
from rivusio_streams.columns.aggregate import ColumnAggregate
from rivusio_streams.columns.batch import Columns
from rivusio_streams.columns.expression import Expression
from rivusio_streams.columns.layout import Layout, widens

__all__ = ["END", "FIRST_SEEN", "INDEX", "ROW", "START", "TIME", "TIMING", "Formulas", "checked"]

TIME, ROW = "@time", "@row"
"""Beside the columns of a batch: event time in microseconds, and the number of the row among all that came."""
FIRST_SEEN = "@first"
"""The number of the first row of a group."""
START, END, INDEX, TIMING = "@start", "@end", "@index", "@timing"
"""Of a pane: its window, in microseconds, and which giving it is."""

_LARGE = 16_384
"""Rows from which on polars is asked to group them on all cores; that takes some time to begin."""


class Formulas:
    """What is computed of rows, of parts, and of merged parts.

    Args:
        takes: the layout of batches.
        gives: that of results.
        keys: by field of a result.
        aggregates: by field of a result.
    """

    def __init__(
        self,
        takes: Layout[Any],
        gives: Layout[Any],
        keys: Mapping[str, Expression],
        aggregates: Mapping[str, ColumnAggregate],
    ) -> None:
        schema = pl.Schema(takes.schema)
        self._takes, self._gives = takes, gives
        self._key_expressions = [each.expr.alias(f"@key{index}") for index, each in enumerate(keys.values())]
        self.keys = [f"@key{index}" for index in range(len(keys))]
        """The columns of parts that hold the key."""
        self._complete = [(field, each) for field, own in aggregates.items() for each in own.complete]
        self._parts, self._merges = [pl.col(ROW).first().alias(FIRST_SEEN)], [pl.col(FIRST_SEEN).min()]
        results = {field: pl.col(name) for field, name in zip(keys, self.keys, strict=True)}
        for field, own in aggregates.items():
            parts = own.parts(schema)
            names = [f"{field}@{index}" for index in range(len(parts))]
            kept = [*map(pl.col, names)]
            self._parts += [part.alias(name) for name, part in zip(names, parts, strict=True)]
            self._merges += [part.alias(name) for name, part in zip(names, own.merge(*kept), strict=True)]
            results[field] = own.result(*kept)
        self._results = {field: results[field] for field in gives.schema}
        self.needs = {name for each in self._results.values() for name in each.meta.root_names()}
        """The columns that results are made of."""

    def check(self, frame: pl.DataFrame) -> None:
        """Have a batch refused in which something is missing that is aggregated.

        Raises:
            BadRecord: naming the field of the result, and the row.
        """
        for field, each in self._complete:
            values = each.of(frame)
            if values.null_count():
                row = values.is_null().arg_max()
                raise BadRecord(f"row {row} of the batch: {each!r} is null, and {field!r} cannot be computed of it")

    def parts(self, rows: pl.DataFrame, by: Sequence[str], *changed: pl.Expr) -> pl.DataFrame:
        """The parts of rows, by key and these columns, some of which are changed afterwards."""
        if not by and not self.keys:
            return rows.select(self._parts)
        if rows.height < _LARGE:
            parts = rows.group_by(*by, *self._key_expressions).agg(self._parts)
            return parts.with_columns(changed) if changed else parts
        return rows.lazy().group_by(*by, *self._key_expressions).agg(self._parts).with_columns(changed).collect()

    def merged(self, parts: pl.DataFrame, by: Sequence[str], *more: pl.Expr) -> pl.DataFrame:
        """The parts of what has the same key and the same in these columns; and more of them."""
        return parts.group_by(*by, *self.keys).agg(*self._merges, *more)

    def results(self, panes: pl.DataFrame, step: str) -> Columns[Any]:
        """A row for each pane, in their order.

        Raises:
            PipeError: something cannot be computed or does not fit. No row alone is at fault.
        """
        schema = self._gives.schema
        try:
            frame = panes.select(own.cast(schema[field]).alias(field) for field, own in self._results.items())
            return Columns(self._gives.complete(frame))
        except pl.exceptions.InvalidOperationError as error:
            large = ", ".join(self._too_large(panes))
            message = f"{large} of a window does not fit in 64 bits; add up floats" if large else ""
            raise PipeError(message, pipe=step, cause=error) from error
        except Exception as error:  # a BadRecord, too: it is not to be skipped
            raise PipeError(pipe=step, cause=error) from error

    def _too_large(self, panes: pl.DataFrame) -> Iterator[str]:
        for field, own in self._results.items():
            column = panes.select(own.alias(field)).to_series()
            if column.dtype == pl.Int128() and not column.equals(column.cast(pl.Int64, strict=False).cast(pl.Int128)):
                yield repr(field)

    def dry(self) -> tuple[pl.Schema, pl.Schema]:
        """The types of the columns that are kept, and of what is computed for each field."""
        whole = dict.fromkeys((END, TIME, ROW), pl.Int64)
        kept = self.parts(pl.DataFrame(schema={**self._takes.schema, **whole}), [END])
        more = (pl.col(END).alias(START), pl.col(END).alias(INDEX), pl.lit("").alias(TIMING))
        panes = self.merged(kept, [END]).with_columns(more)
        return kept.schema, panes.select(own.alias(field) for field, own in self._results.items()).schema


def checked(
    takes: Layout[Any], gives: Layout[Any], keys: Mapping[str, Expression], aggregates: Mapping[str, ColumnAggregate]
) -> Mapping[str, str]:
    """The columns that are kept, in words: a checkpoint is for the same. Arguments are those of `Formulas`.

    Raises:
        DefinitionError: an expression does not go with the columns of a batch.
        ConfigError: what is computed for a field does not fit its type.
    """
    try:
        kept, found = Formulas(takes, gives, keys, aggregates).dry()
    except pl.exceptions.PolarsError as error:
        there = ", ".join(takes.schema)
        raise DefinitionError(f"aggregate: {str(error).splitlines()[0]}; {takes} has {there}") from error
    faults = [
        Fault(f"the field is of {kind}, and what is computed for it of {found[name]}", name)
        for name, kind in gives.schema.items()
        if not _fits(found[name], kind)
    ]
    if faults:
        raise ConfigError("aggregate", faults=faults)
    return {name: str(kind) for name, kind in kept.items()}


def _fits(found: pl.DataType, kind: pl.DataType) -> bool:
    return found == kind or widens(found, kind) or (found == pl.Int128() and kind == pl.Int64())
