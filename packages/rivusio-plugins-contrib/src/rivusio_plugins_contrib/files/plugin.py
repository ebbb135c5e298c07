"""Registers the file connectors; pyarrow is imported when one is opened."""

from __future__ import annotations

from rivusio_core.hooks import hookimpl
from rivusio_core.registry import Registration
from rivusio_plugins_contrib.files.parquet import Parquet

__all__ = ["rivusio_register"]


@hookimpl
def rivusio_register(registry: Registration) -> None:
    """`files.parquet`, as a source and as a sink."""
    registry.source("parquet", Parquet)
    registry.sink("parquet", Parquet)
