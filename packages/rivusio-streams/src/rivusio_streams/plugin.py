"""What this package registers, through the same hooks as any other plugin."""

from __future__ import annotations

from rivusio_core.hooks import hookimpl
from rivusio_core.registry import Registration
from rivusio_streams.aggregate import Aggregator
from rivusio_streams.checkpoint import CheckpointStore
from rivusio_streams.connectors.csv import Csv
from rivusio_streams.connectors.json_lines import JsonLines
from rivusio_streams.connectors.stdio import StdIn, StdOut
from rivusio_streams.sink import BaseSink
from rivusio_streams.source import BaseSource
from rivusio_streams.windows import (
    Count,
    Daily,
    Global,
    Hopping,
    Hourly,
    Monthly,
    Session,
    Sliding,
    Tumbling,
    Weekly,
    Windows,
    Yearly,
)

__all__ = ["rivusio_register"]


@hookimpl
def rivusio_register(registry: Registration) -> None:
    """The kinds `source`, `sink`, `window` and `aggregator`, and the connectors and windows of this package."""
    registry.kind("source", BaseSource)
    registry.kind("sink", BaseSink)
    registry.kind("window", Windows)
    registry.kind("aggregator", Aggregator)
    registry.kind("checkpoint_store", CheckpointStore)
    registry.source("json_lines", JsonLines)
    registry.source("csv", Csv)
    registry.source("stdin", StdIn)
    registry.sink("json_lines", JsonLines)
    registry.sink("csv", Csv)
    registry.sink("stdout", StdOut)
    registry.add("window", "tumbling", Tumbling)
    registry.add("window", "hopping", Hopping)
    registry.add("window", "sliding", Sliding)
    registry.add("window", "session", Session)
    registry.add("window", "count", Count)
    registry.add("window", "global", Global)
    registry.add("window", "hourly", Hourly)
    registry.add("window", "daily", Daily)
    registry.add("window", "weekly", Weekly)
    registry.add("window", "monthly", Monthly)
    registry.add("window", "yearly", Yearly)
