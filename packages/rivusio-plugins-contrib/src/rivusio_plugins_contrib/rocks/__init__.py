"""State that does not fit in memory, in RocksDB."""

from rivusio_plugins_contrib.rocks.spill import RocksSpill

__all__ = ["RocksSpill"]
