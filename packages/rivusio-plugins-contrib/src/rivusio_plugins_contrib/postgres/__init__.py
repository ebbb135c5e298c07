"""PostgreSQL tables as sources and sinks, and checkpoints in PostgreSQL."""

from rivusio_plugins_contrib.postgres.store import PostgresStore
from rivusio_plugins_contrib.postgres.table import PostgresTable

__all__ = ["PostgresStore", "PostgresTable"]
