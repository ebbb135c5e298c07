"""Registers the SQLite connector."""

from __future__ import annotations

from rivusio_core.hooks import hookimpl
from rivusio_core.registry import Registration
from rivusio_plugins_contrib.sqlite.table import SqliteTable

__all__ = ["rivusio_register"]


@hookimpl
def rivusio_register(registry: Registration) -> None:
    """`sqlite.table`, as a source and as a sink."""
    registry.source("table", SqliteTable)
    registry.sink("table", SqliteTable)
