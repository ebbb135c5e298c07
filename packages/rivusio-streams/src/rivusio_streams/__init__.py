"""Streams for Rivusio: sources, sinks, event time, windows, and the engine that runs them."""

from rivusio_streams import agg
from rivusio_streams.aggregate import Aggregator
from rivusio_streams.aggregates import Fold, Reduce
from rivusio_streams.check import CheckReport
from rivusio_streams.checkpoint import CheckpointStore, FolderStore, MemoryStore, SqliteStore
from rivusio_streams.config import RunConfig
from rivusio_streams.connectors import Csv, JsonLines, ListSink, StdIn, StdOut
from rivusio_streams.dead_letter import Cause, Envelope
from rivusio_streams.delivery import Delivery, Guarantee, Promise
from rivusio_streams.error_budget import ErrorBudget
from rivusio_streams.error_report import ErrorGroup, ErrorReport
from rivusio_streams.flow import Flow
from rivusio_streams.formula import Formula
from rivusio_streams.join import Joined
from rivusio_streams.keyed import KeyedStream
from rivusio_streams.lookups import Batched, LookupSettings
from rivusio_streams.process import Context, Processor, Timer
from rivusio_streams.report import Ledger, Report
from rivusio_streams.restart import Restart
from rivusio_streams.run import Run, current_run
from rivusio_streams.sink import AsyncSink, BaseSink, Sink, TransactionalSink, TwoPhaseSink
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
from rivusio_streams.state.limit import StateLimit
from rivusio_streams.state.spill import Spill, SpillStore
from rivusio_streams.state.upcast import Upcast
from rivusio_streams.stream import Stream
from rivusio_streams.table import Table
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
    "Cause",
    "CheckReport",
    "CheckpointStore",
    "Context",
    "Count",
    "Csv",
    "Daily",
    "Delivery",
    "EarlyCount",
    "EarlyEvery",
    "EndOfPartition",
    "Envelope",
    "ErrorBudget",
    "ErrorGroup",
    "ErrorReport",
    "Flow",
    "Fold",
    "FolderStore",
    "Formula",
    "Global",
    "Guarantee",
    "Hopping",
    "Hourly",
    "Joined",
    "JsonLines",
    "KeyedStream",
    "Ledger",
    "ListSink",
    "LookupSettings",
    "MemoryStore",
    "Monthly",
    "Pane",
    "Partition",
    "Position",
    "Processor",
    "Promise",
    "Punctuated",
    "Reduce",
    "Rejected",
    "Report",
    "Restart",
    "Run",
    "RunConfig",
    "Session",
    "Sink",
    "Sliding",
    "Source",
    "Spill",
    "SpillStore",
    "SqliteStore",
    "StateLimit",
    "StdIn",
    "StdOut",
    "Stream",
    "Table",
    "Timer",
    "TransactionalSink",
    "Trigger",
    "Tumbling",
    "TwoPhaseSink",
    "Upcast",
    "WatermarkStrategy",
    "Weekly",
    "Window",
    "Windowed",
    "WindowedStream",
    "Windows",
    "Yearly",
    "agg",
    "current_run",
]
