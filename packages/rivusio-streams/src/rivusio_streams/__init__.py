"""Streams for Rivusio: sources, sinks, event time, windows, and the engine that runs them."""

from rivusio_streams import agg
from rivusio_streams.aggregate import Aggregator
from rivusio_streams.aggregates import Fold, Reduce
from rivusio_streams.check import CheckReport
from rivusio_streams.config import RunConfig
from rivusio_streams.connectors import Csv, JsonLines, ListSink, StdIn, StdOut
from rivusio_streams.dead_letter import Envelope
from rivusio_streams.flow import Flow
from rivusio_streams.report import Ledger, Report
from rivusio_streams.sink import AsyncSink, BaseSink, Sink
from rivusio_streams.source import (
    AsyncPartition,
    AsyncSource,
    BaseSource,
    EndOfPartition,
    Partition,
    Position,
    Rejected,
    Source,
)
from rivusio_streams.stream import Stream
from rivusio_streams.windowed import KeyedStream, WindowedStream
from rivusio_streams.windows import (
    AlignedWindows,
    Daily,
    Hopping,
    Hourly,
    Monthly,
    Pane,
    Tumbling,
    Weekly,
    Window,
    Windowed,
    Yearly,
)

__all__ = [
    "Aggregator",
    "AlignedWindows",
    "AsyncPartition",
    "AsyncSink",
    "AsyncSource",
    "BaseSink",
    "BaseSource",
    "CheckReport",
    "Csv",
    "Daily",
    "EndOfPartition",
    "Envelope",
    "Flow",
    "Fold",
    "Hopping",
    "Hourly",
    "JsonLines",
    "KeyedStream",
    "Ledger",
    "ListSink",
    "Monthly",
    "Pane",
    "Partition",
    "Position",
    "Reduce",
    "Rejected",
    "Report",
    "RunConfig",
    "Sink",
    "Source",
    "StdIn",
    "StdOut",
    "Stream",
    "Tumbling",
    "Weekly",
    "Window",
    "Windowed",
    "WindowedStream",
    "Yearly",
    "agg",
]
