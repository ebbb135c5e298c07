"""Rows by the thousand as one item: batches of columns, for sources that are columnar already (extra `columns`)."""

from rivusio_streams.columns import col
from rivusio_streams.columns.aggregate import ColumnAggregate
from rivusio_streams.columns.batch import Columns
from rivusio_streams.columns.layout import Layout, columns
from rivusio_streams.columns.stream import ColumnStream, TimedColumnStream, WindowedColumnStream

__all__ = [
    "ColumnAggregate",
    "ColumnStream",
    "Columns",
    "Layout",
    "TimedColumnStream",
    "WindowedColumnStream",
    "col",
    "columns",
]
