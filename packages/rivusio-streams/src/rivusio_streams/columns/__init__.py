"""Rows by the thousand as one item: batches of columns, for sources that are columnar already (extra `columns`)."""

from rivusio_streams.columns.batch import Columns
from rivusio_streams.columns.layout import Layout, columns

__all__ = ["Columns", "Layout", "columns"]
