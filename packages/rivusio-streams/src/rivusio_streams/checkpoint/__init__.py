"""Checkpoints: what a run needs to go on where an earlier one stopped, kept in a store."""

from rivusio_streams.checkpoint.folder import FolderStore
from rivusio_streams.checkpoint.memory import MemoryStore
from rivusio_streams.checkpoint.places import store_at
from rivusio_streams.checkpoint.sqlite import SqliteStore
from rivusio_streams.checkpoint.store import CheckpointStore

__all__ = ["CheckpointStore", "FolderStore", "MemoryStore", "SqliteStore", "store_at"]
