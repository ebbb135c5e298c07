"""SQLite tables as sources and sinks."""

from rivusio_plugins_contrib.sqlite.table import SqliteTable

__all__ = ["SqliteTable"]
