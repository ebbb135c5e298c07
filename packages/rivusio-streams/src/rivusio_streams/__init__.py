"""Streams for Rivusio: sources, sinks, event time, windows, and the engine that runs them."""

from rivusio_streams import agg
from rivusio_streams.aggregate import Aggregator
from rivusio_streams.aggregates import Fold, Reduce
from rivusio_streams.check import CheckReport
from rivusio_streams.config import RunConfig
from rivusio_streams.connectors import Csv, JsonLines, ListSink, StdIn, StdOut
from rivusio_streams.dead_letter import Envelope
from rivusio_streams.flow import Flow
from rivusio_streams.join import Joined
from rivusio_streams.keyed import KeyedStream
from rivusio_streams.lookups import Batched, LookupSettings
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
from rivusio_streams.trigger import EarlyCount, EarlyEvery, Trigger
from rivusio_streams.watermark import Punctuated, WatermarkStrategy
from rivusio_streams.windowed import WindowedStream
from rivusio_streams.windows import (
    AlignedWindows,
    Count,
    Daily,
    Global,
    Hopping,
    Hourly,
    Monthly,
    Pane,
    Session,
    Sliding,
    Tumbling,
    Weekly,
    Window,
    Windowed,
    Windows,
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
    "Batched",
    "CheckReport",
    "Count",
    "Csv",
    "Daily",
    "EarlyCount",
    "EarlyEvery",
    "EndOfPartition",
    "Envelope",
    "Flow",
    "Fold",
    "Global",
    "Hopping",
    "Hourly",
    "Joined",
    "JsonLines",
    "KeyedStream",
    "Ledger",
    "ListSink",
    "LookupSettings",
    "Monthly",
    "Pane",
    "Partition",
    "Position",
    "Punctuated",
    "Reduce",
    "Rejected",
    "Report",
    "RunConfig",
    "Session",
    "Sink",
    "Sliding",
    "Source",
    "StdIn",
    "StdOut",
    "Stream",
    "Trigger",
    "Tumbling",
    "WatermarkStrategy",
    "Weekly",
    "Window",
    "Windowed",
    "WindowedStream",
    "Windows",
    "Yearly",
    "agg",
]
