"""The connectors that come with the package: iterables, lists, JSON lines, CSV, standard input and output."""

from rivusio_streams.connectors.csv import Csv
from rivusio_streams.connectors.iterable import AsyncIterableSource, IterableSource, SequenceSource
from rivusio_streams.connectors.json_lines import JsonLines
from rivusio_streams.connectors.listing import ListSink
from rivusio_streams.connectors.stdio import StdIn, StdOut

__all__ = [
    "AsyncIterableSource",
    "Csv",
    "IterableSource",
    "JsonLines",
    "ListSink",
    "SequenceSource",
    "StdIn",
    "StdOut",
]
