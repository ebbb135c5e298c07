"""Connectors and contributed pipes, one folder a system: `sqlite`, `files` (Parquet), `http`.

Import from the folder of the system: `from rivusio_plugins_contrib.sqlite import SqliteTable`.
"""

__all__: list[str] = []
