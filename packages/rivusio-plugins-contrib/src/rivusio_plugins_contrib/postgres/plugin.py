"""Registers the PostgreSQL connector and store; psycopg is imported when one is made."""

from __future__ import annotations

from rivusio_core.hooks import hookimpl
from rivusio_core.plugins import installed
from rivusio_core.registry import Registration
from rivusio_plugins_contrib.postgres.store import PostgresStore
from rivusio_plugins_contrib.postgres.table import PostgresTable

__all__ = ["rivusio_register"]


@hookimpl
def rivusio_register(registry: Registration) -> None:
    """`postgres.table`, as a source and as a sink; `postgres.checkpoints`, where checkpoints are kept."""
    installed().get("streams")  # says what a checkpoint_store is
    registry.source("table", PostgresTable)
    registry.sink("table", PostgresTable)
    registry.add("checkpoint_store", "checkpoints", PostgresStore)
