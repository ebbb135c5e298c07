"""Checkpoints in a SQLite file: the default."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from rivusio_core.errors import CheckpointCorrupt, CheckpointError, CheckpointWriteError
from rivusio_streams.checkpoint.folder import flow_folder
from rivusio_streams.checkpoint.store import CheckpointStore

__all__ = ["SqliteStore"]

_TABLE = "rivusio_checkpoints"
_CREATE = f"CREATE TABLE IF NOT EXISTS {_TABLE} (flow TEXT, name TEXT, data BLOB NOT NULL, PRIMARY KEY (flow, name))"
_WAIT = 30.0
"""Seconds to wait for another program that holds the file."""


class SqliteStore(CheckpointStore):
    """A table of a SQLite file, which may be the very file that results are written to.

    A new file is made for its owner alone. Beside it lies a lock file for each flow. Write-ahead logging is on, synced
    at each commit.

    Args:
        path: the file; its folder must exist.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.place = str(self.path)
        self.database = f"sqlite:{self.path.resolve()}"
        self._flow = ""
        self._connection: sqlite3.Connection | None = None
        self._lock: FileLock | None = None

    def open(self, flow: str, *, read_only: bool = False) -> None:
        self._flow = flow
        if read_only:
            self._open_to_read()
            return
        try:
            if not self.path.parent.is_dir():  # the lock would make it
                raise NotADirectoryError(0, "its folder does not exist")
            lock = FileLock(
                self.path.with_name(f"{self.path.name}.{flow_folder(flow)}.lock"),
                timeout=0,
                mode=0o600,
                thread_local=False,
            )
            lock.acquire()
            self._lock = lock
            if not self.path.exists():
                os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600))
        except Timeout:
            raise CheckpointWriteError(
                f"{self.place}: another run of {flow!r} is using these checkpoints; wait for its end, or give this run "
                "another name or place"
            ) from None
        except OSError as error:
            raise CheckpointWriteError(
                f"{self.place} cannot be written: {error.strerror}; its folder must be there, and writable"
            ) from error
        with self._failing("opening", CheckpointWriteError):
            self._connection = sqlite3.connect(
                self.path, timeout=_WAIT, isolation_level=None, check_same_thread=False, cached_statements=8
            )
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute(_CREATE)

    def _open_to_read(self) -> None:
        if not self.path.exists():
            self._connection = sqlite3.connect(":memory:", check_same_thread=False)
            self._connection.execute(_CREATE)
            return
        with self._failing("opening", CheckpointCorrupt):
            uri = f"{self.path.absolute().as_uri()}?mode=ro"
            self._connection = sqlite3.connect(uri, uri=True, timeout=_WAIT, check_same_thread=False)
            there = self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (_TABLE,)).fetchone()
            if there is None:  # a database with other tables alone
                self._connection.close()
                self._connection = sqlite3.connect(":memory:", check_same_thread=False)
                self._connection.execute(_CREATE)

    @property
    def _own(self) -> sqlite3.Connection:
        if self._connection is None:
            raise CheckpointWriteError(f"{self.place}: the store is not open")
        return self._connection

    def names(self) -> Sequence[str]:
        with self._failing("reading", CheckpointCorrupt):
            found = self._own.execute(f"SELECT name FROM {_TABLE} WHERE flow = ?", (self._flow,))
            return [str(name) for (name,) in found]

    def get(self, name: str) -> bytes:
        with self._failing(f"reading {name}", CheckpointCorrupt):
            query = f"SELECT data FROM {_TABLE} WHERE flow = ? AND name = ?"
            found = self._own.execute(query, (self._flow, name)).fetchone()
        if found is None or not isinstance(found[0], bytes):
            raise CheckpointCorrupt(f"{self.place}: there is no {name}")
        return found[0]

    def put(self, name: str, data: bytes) -> None:
        self.put_on(self._own, name, data)

    def put_on(self, connection: Any, name: str, data: bytes) -> None:
        with self._failing(f"writing {name}", CheckpointWriteError):
            connection.execute(
                f"INSERT INTO {_TABLE} (flow, name, data) VALUES (?, ?, ?)",
                (self._flow, name, data),
            )

    def delete(self, names: Sequence[str]) -> None:
        with self._failing("deleting old checkpoints", CheckpointWriteError):
            self._own.executemany(
                f"DELETE FROM {_TABLE} WHERE flow = ? AND name = ?",
                [(self._flow, name) for name in names],
            )

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    @contextmanager
    def _failing(self, what: str, kind: type[CheckpointError]) -> Generator[None, None, None]:
        try:
            yield
        except sqlite3.Error as error:
            raise kind(f"{self.place}: {what} failed: {error}") from error

    def __repr__(self) -> str:
        return f"SqliteStore({self.place!r})"
